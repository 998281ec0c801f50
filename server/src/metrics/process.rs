//! What the operating system says of this process.

use std::time::Instant;

use super::Metrics;

/// Registers memory, open files and age; where `/proc` is missing, the age only.
pub(crate) fn register(metrics: &Metrics) {
    let started = Instant::now();
    metrics.register(move |scrape| {
        let age = started.elapsed().as_secs_f64();
        scrape.gauge("process_age_seconds", "Time since start.", &[], age);
        if let Some(bytes) = resident_bytes() {
            scrape.gauge(
                "process_resident_memory_bytes",
                "Memory held in RAM.",
                &[],
                bytes,
            );
        }
        if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
            #[expect(clippy::cast_precision_loss, reason = "a count of open files")]
            let open = files.count() as f64;
            scrape.gauge("process_files_open", "Open file descriptors.", &[], open);
        }
    });
}

fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}
