//! Open questions of the estate.

use async_graphql::SimpleObject;

/// A contradiction or open question met while folding the log.
#[derive(SimpleObject)]
pub(crate) struct Anomaly {
    /// Its stable name, such as `AMBIGUOUS_KEY`.
    pub(super) code: &'static str,
    /// The key it is about.
    pub(super) key: String,
    /// What is the matter, and what to do.
    pub(super) message: String,
}

impl From<graph::Anomaly> for Anomaly {
    fn from(anomaly: graph::Anomaly) -> Self {
        Self {
            code: anomaly.code(),
            key: anomaly.key().to_owned(),
            message: anomaly.sentence(),
        }
    }
}
