//! The folder of mappings: read once at the start, and watched by whoever watches the process.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use ingest::Mappings;

use crate::metrics::Metrics;

/// The mappings of a folder, if there is one. A broken one keeps nobody from starting.
pub(super) fn of(folder: &Path, metrics: &Metrics) -> anyhow::Result<Option<Arc<Mappings>>> {
    if folder.as_os_str().is_empty() {
        return Ok(None);
    }
    let mappings = Arc::new(Mappings::of(folder));
    mappings
        .states()
        .with_context(|| format!("could not read the mappings in {}", folder.display()))?;
    let watched = Arc::clone(&mappings);
    metrics.register(move |scrape| {
        for state in watched.states().unwrap_or_default() {
            let broken = if state.broken.is_some() { 1.0 } else { 0.0 };
            scrape.gauge(
                "intake_broken_mappings",
                "Whether the file of a mapping does not compile as it is; what it said before counts on.",
                &[("mapping", &state.name)],
                broken,
            );
        }
    });
    Ok(Some(mappings))
}
