//! When notices of a subscription are sent, as it is asked for and as it is shown.

use async_graphql::{InputObject, Result, SimpleObject};
use model::bounds;

use crate::error::ErrorCode;
use crate::schema::calendar::{Weekday, WeeklyTimeInput};
use crate::schema::scalars::Duration;

/// Most hours of a week, and most severities.
const LIST_MAX: usize = 20;
/// The shortest and the longest time in which notices gather.
const EVERY_MS_MIN: u64 = 1_000;
const EVERY_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1_000;

/// What gathers is sent as one message: some time after the first of it, or when the clock shows a time.
#[derive(InputObject)]
pub(crate) struct DigestInput {
    /// So long after the first notice: `PT1H`.
    every: Option<Duration>,
    /// At this time of the day, `HH:MM`.
    at: Option<String>,
    /// On these days, with `at`; every day when missing.
    days: Option<Vec<Weekday>>,
    /// A name of the IANA time zone database, with `at`: `Asia/Shanghai`, `UTC`.
    time_zone: Option<String>,
}

/// What is sent at once, whatever the hour, and by itself: any of these.
#[derive(InputObject)]
pub(crate) struct UrgentInput {
    /// Every incident.
    incidents: Option<bool>,
    /// Incidents of one of these severities, in upper or lower case.
    severities: Option<Vec<String>>,
    /// Changes that some source holds as risky as this, or more.
    risk_min: Option<f64>,
    /// Changes that are emergencies.
    emergency: Option<bool>,
}

/// When what gathered is sent.
#[derive(SimpleObject)]
pub(crate) struct Digest {
    /// So long after the first notice.
    every: Option<Duration>,
    /// At this time of the day.
    at: Option<String>,
    /// On these days; every day when empty.
    days: Vec<Weekday>,
    /// Where that time is read from a clock.
    time_zone: Option<String>,
}

/// What is sent at once.
#[derive(SimpleObject)]
pub(crate) struct Urgent {
    /// Every incident.
    incidents: bool,
    /// Incidents of one of these severities.
    severities: Vec<String>,
    /// Changes that some source holds as risky as this, or more.
    risk_min: Option<f64>,
    /// Changes that are emergencies.
    emergency: bool,
}

/// The hours of the week in which notices wait.
pub(super) fn quiet_hours(hours: Vec<WeeklyTimeInput>) -> Result<Vec<model::WeeklyTime>> {
    if LIST_MAX < hours.len() {
        return Err(bad(&format!("quietHours has {LIST_MAX} entries at most")));
    }
    let hours: Vec<model::WeeklyTime> = hours.into_iter().map(WeeklyTimeInput::into_kept).collect();
    match hours.iter().find_map(model::WeeklyTime::fault) {
        Some(fault) => Err(bad(&format!("quietHours: {fault}"))),
        None => Ok(hours),
    }
}

impl DigestInput {
    pub(super) fn into_kept(self) -> Result<model::Digest> {
        let kept = match (self.every, self.at, self.time_zone) {
            (Some(every), None, None) if self.days.is_none() => {
                let ms = u64::try_from(every.0.nanos() / 1_000_000).unwrap_or(0);
                if !(EVERY_MS_MIN..=EVERY_MS_MAX).contains(&ms) {
                    return Err(bad("digest.every lies between PT1S and P7D"));
                }
                model::Digest::EveryMs(ms)
            }
            (None, Some(time), Some(time_zone)) => model::Digest::At(model::DigestTime {
                days: self.days.into_iter().flatten().map(Into::into).collect(),
                time,
                time_zone,
            }),
            _ => return Err(bad("digest has every, or at and timeZone")),
        };
        match kept.fault() {
            Some(fault) => Err(bad(&format!("digest: {fault}"))),
            None => Ok(kept),
        }
    }
}

impl UrgentInput {
    pub(super) fn into_kept(self) -> Result<model::Urgent> {
        let severities = self.severities.unwrap_or_default();
        let too_long = severities.iter().any(|it| bounds::LINE_BYTES < it.len());
        if LIST_MAX < severities.len() || too_long {
            return Err(bad(&format!(
                "urgent.severities has {LIST_MAX} words at most"
            )));
        }
        Ok(model::Urgent {
            incidents: self.incidents.unwrap_or(false),
            severities,
            risk_min: self.risk_min,
            emergency: self.emergency.unwrap_or(false),
        })
    }
}

fn bad(message: &str) -> async_graphql::Error {
    ErrorCode::BadInput.error(message)
}

impl From<&model::Digest> for Digest {
    fn from(digest: &model::Digest) -> Self {
        match digest {
            model::Digest::EveryMs(ms) => {
                let nanos = i64::try_from(*ms).unwrap_or(i64::MAX);
                let nanos = nanos.saturating_mul(1_000_000);
                Self {
                    every: Some(Duration(model::Lookback::from_nanos(nanos))),
                    at: None,
                    days: Vec::new(),
                    time_zone: None,
                }
            }
            model::Digest::At(time) => Self {
                every: None,
                at: Some(time.time.clone()),
                days: time.days.iter().map(|day| (*day).into()).collect(),
                time_zone: Some(time.time_zone.clone()),
            },
        }
    }
}

impl From<&model::Urgent> for Urgent {
    fn from(urgent: &model::Urgent) -> Self {
        Self {
            incidents: urgent.incidents,
            severities: urgent.severities.clone(),
            risk_min: urgent.risk_min,
            emergency: urgent.emergency,
        }
    }
}
