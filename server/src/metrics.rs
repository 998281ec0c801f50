//! What the process measures of itself, in the text form Prometheus reads.
//!
//! A measure is read when somebody asks; whoever owns it registers how.
//! Names follow `<area>_<noun>_<unit>[_total]`.

mod histogram;
mod process;
mod requests;

use std::fmt::Write;
use std::sync::Mutex;

pub(crate) use histogram::Histogram;
pub(crate) use process::register as register_process;
pub(crate) use requests::{RequestMetrics, measure};

/// All measures of a process.
#[derive(Default)]
pub(crate) struct Metrics {
    readers: Mutex<Vec<Reader>>,
}

type Reader = Box<dyn Fn(&mut Exposition) + Send + Sync>;

/// The answer to one scrape.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    text: String,
    announced: Vec<&'static str>,
}

impl Metrics {
    /// Adds measures, read anew for each scrape.
    pub(crate) fn register(&self, reader: impl Fn(&mut Exposition) + Send + Sync + 'static) {
        let mut readers = self
            .readers
            .lock()
            .expect("no reader registers another one");
        readers.push(Box::new(reader));
    }

    /// Everything, as text.
    pub(crate) fn render(&self) -> String {
        let mut exposition = Exposition::default();
        let readers = self
            .readers
            .lock()
            .expect("no reader registers another one");
        for reader in readers.iter() {
            reader(&mut exposition);
        }
        exposition.text
    }
}

impl Exposition {
    /// A number that only grows.
    pub(crate) fn counter(
        &mut self,
        name: &'static str,
        help: &str,
        labels: &[(&str, &str)],
        value: u64,
    ) {
        self.announce(name, help, "counter");
        self.sample(name, labels, &value.to_string());
    }

    /// A number that goes up and down.
    pub(crate) fn gauge(
        &mut self,
        name: &'static str,
        help: &str,
        labels: &[(&str, &str)],
        value: f64,
    ) {
        self.announce(name, help, "gauge");
        self.sample(name, labels, &value.to_string());
    }

    /// How often something took how long.
    pub(crate) fn histogram(
        &mut self,
        name: &'static str,
        help: &str,
        labels: &[(&str, &str)],
        histogram: &Histogram,
    ) {
        self.announce(name, help, "histogram");
        let read = histogram.read();
        for (bound, count) in &read.buckets {
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |seconds| seconds.to_string());
            let mut labels = labels.to_vec();
            labels.push(("le", &bound));
            self.sample(&format!("{name}_bucket"), &labels, &count.to_string());
        }
        self.sample(&format!("{name}_sum"), labels, &read.sum.to_string());
        self.sample(&format!("{name}_count"), labels, &read.count.to_string());
    }

    fn announce(&mut self, name: &'static str, help: &str, kind: &str) {
        if self.announced.contains(&name) {
            return;
        }
        self.announced.push(name);
        let written = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        written.expect("writing to a String does not fail");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: &str) {
        self.text.push_str(name);
        for (number, (label, text)) in labels.iter().enumerate() {
            self.text.push(if number == 0 { '{' } else { ',' });
            let escaped = text
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let written = write!(self.text, "{label}=\"{escaped}\"");
            written.expect("writing to a String does not fail");
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        self.text.push(' ');
        self.text.push_str(value);
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_scrape_reads_as_prometheus_wants_it() {
        let metrics = Metrics::default();
        let histogram = Histogram::new(&[0.1]);
        histogram.observe(Duration::from_millis(50));
        histogram.observe(Duration::from_secs(1));
        metrics.register(move |scrape| {
            scrape.counter("a_things_total", "Things.", &[("k", "x\"y")], 3);
            scrape.counter("a_things_total", "Things.", &[("k", "z")], 4);
            scrape.histogram("b_seconds", "Time.", &[], &histogram);
        });
        let expected = "\
# HELP a_things_total Things.
# TYPE a_things_total counter
a_things_total{k=\"x\\\"y\"} 3
a_things_total{k=\"z\"} 4
# HELP b_seconds Time.
# TYPE b_seconds histogram
b_seconds_bucket{le=\"0.1\"} 1
b_seconds_bucket{le=\"+Inf\"} 2
b_seconds_sum 1.05
b_seconds_count 2
";
        assert_eq!(metrics.render(), expected);
    }
}
