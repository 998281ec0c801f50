//! How good the answers were, by what people judged later: where the ranking had the cause, and whether risky
//! changes were causes more often than others.
//!
//! All of it follows from the log. Nothing is kept of it, and nothing here moves a rank or a score.

mod estimates;
mod ranking;
mod risk;

pub use estimates::{Estimate, MeanEstimate};
pub use ranking::{
    JudgedIncident, JudgedIncidents, RankedIncident, RankingGroup, RankingQuality, RankingSums,
    rank_of_cause, ranking_quality,
};
pub use risk::{CalibrationBucket, RiskCalibration, RiskQuality, RiskQualityLimits, risk_quality};
