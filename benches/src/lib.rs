//! Benchmarks with a peer or a limit beside every figure. Not part of the product.
//!
//! Each program in `src/bin` prints rows as JSON lines; `benches/run` runs them
//! all and makes one table. Figures of one row come from one run.

mod exporter;
mod peers;

use std::path::Path;
use std::sync::Arc;

use graph::{Estate, PageError, Pages};
use model::{ContentHash, EventEnvelope};
use store::PageFiles;

pub use exporter::Exporter;
pub use peers::{Found, Peer, write_table};

/// Pages in files, as the server keeps them.
pub struct Files(Arc<Reading>);

struct Reading(PageFiles);

impl Pages for Reading {
    fn read(&self, page: ContentHash) -> Result<Arc<[u8]>, PageError> {
        let read = self.0.read(page).map(Into::into);
        read.map_err(|error| PageError {
            page,
            cause: error.into(),
        })
    }
}

impl Files {
    /// The pages in a folder, made if need be.
    pub fn open(folder: &Path) -> Self {
        let files = PageFiles::open(folder).expect("a folder for pages");
        Self(Arc::new(Reading(files)))
    }

    /// For an estate that reads them.
    pub fn pages(&self) -> Arc<dyn Pages> {
        Arc::<Reading>::clone(&self.0)
    }

    /// Folds an event, and keeps what is put away by it.
    pub fn take(&self, estate: &mut Estate, envelope: &EventEnvelope) {
        let taken = estate.take(envelope, self.0.as_ref());
        taken.expect("pages are there");
        if estate.sealed().is_empty() {
            return;
        }
        let sealed = estate.sealed().iter();
        let sealed = sealed.map(|sealed| (sealed.page, &*sealed.bytes));
        self.0.0.write(sealed).expect("there is room for pages");
        estate.kept();
    }
}

/// One figure, with the peers and limits it was measured beside.
pub struct Row {
    fields: Vec<(String, f64)>,
    what: String,
}

impl Row {
    /// A figure under its name, unit included.
    pub fn new(what: &str, figure: f64) -> Self {
        Self {
            fields: vec![("epicenter".to_owned(), figure)],
            what: what.to_owned(),
        }
    }

    /// The same work done by a peer, or the limit set by hand-written code.
    #[must_use]
    pub fn against(mut self, peer: &str, figure: f64) -> Self {
        self.fields.push((peer.to_owned(), figure));
        self
    }

    /// Prints the row as one line of JSON.
    #[expect(
        clippy::print_stdout,
        reason = "a benchmark's result is what it prints"
    )]
    pub fn print(&self) {
        let fields: Vec<String> = self
            .fields
            .iter()
            .map(|(name, figure)| format!("{name:?}:{figure:.4}"))
            .collect();
        println!("{{\"what\":{:?},{}}}", self.what, fields.join(","));
    }
}

/// The median; half of the figures lie below.
pub fn median(figures: &mut [f64]) -> f64 {
    quantile(figures, 0.5)
}

/// The figure below which the given share lies.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a share of a small count"
)]
pub fn quantile(figures: &mut [f64], share: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    let place = (figures.len().saturating_sub(1) as f64 * share).round() as usize;
    figures.get(place).copied().unwrap_or(f64::NAN)
}

/// Resident memory of this process in bytes, from `/proc`; 0 where there is none.
pub fn resident_bytes() -> f64 {
    in_status("VmRSS:")
}

/// Memory of this process that no file backs, in bytes, from `/proc`; 0 where there is none.
pub fn anonymous_bytes() -> f64 {
    in_status("RssAnon:")
}

fn in_status(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) * 1024.0
}

/// The same numbers on every run (Marsaglia's xorshift64*, seeded).
pub struct Random(u64);

impl Random {
    /// Numbers from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    /// The next number below `bound`, which is not 0.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the remainder is below a usize"
    )]
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % bound.max(1) as u64) as usize
    }
}
