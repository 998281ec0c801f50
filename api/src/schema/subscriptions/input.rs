//! What a client subscribes to.

use async_graphql::{Enum, InputObject, Result};
use model::{RuleReach, bounds};

use super::timing::{DigestInput, UrgentInput, quiet_hours};
use crate::error::ErrorCode;
use crate::schema::calendar::WeeklyTimeInput;
use crate::schema::change_filter::{ChangeFilter, kept_keys};
use crate::schema::change_input::ChangeStatus;
use crate::schema::standpoint::Standpoint;
use crate::schema::structure::Direction;

/// Most entries of one list.
const LIST_MAX: usize = 100;
/// Most bytes of an address.
const URL_BYTES: usize = 2048;

/// How notices are written.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "model::NoticeFormat")]
pub(crate) enum NoticeFormat {
    /// A `CloudEvents` event in JSON.
    CloudEvents,
    /// A message of Slack.
    Slack,
    /// A card of Microsoft Teams.
    Teams,
    /// A message of Feishu or Lark.
    Feishu,
    /// A message of `DingTalk`.
    DingTalk,
    /// A message of `WeCom`.
    WeCom,
    /// An event of `CDEvents` where one fits, as a `CloudEvents` event; where none does, as `CLOUD_EVENTS`.
    #[graphql(name = "CDEVENTS")]
    CdEvents,
    /// A letter by mail, for a `url` that begins with `mailto:` and no other.
    Email,
}

/// A subscription to be made.
#[derive(InputObject)]
pub(crate) struct SubscribeInput {
    /// A line for people.
    name: String,
    /// Where notices are sent: `https://` or `http://`, without a name and password; or `mailto:` with addresses of mail
    /// between commas.
    url: String,
    /// What it is about.
    #[graphql(name = "match")]
    wanted: SubscriptionMatch,
    /// How notices are written; `CLOUD_EVENTS` when missing, and `EMAIL` by mail.
    format: Option<NoticeFormat>,
    /// Most notices sent in a second; as many as the server allows when missing.
    per_second_max: Option<u32>,
    /// Hours of every week in which only what is urgent is sent; the rest waits until they are over.
    quiet_hours: Option<Vec<WeeklyTimeInput>>,
    /// What is not urgent gathers and is sent as one message.
    digest: Option<DigestInput>,
    /// What waits for no hour and does not gather; nothing when missing.
    urgent: Option<UrgentInput>,
    /// Whether the endpoint must answer a challenge before it is sent anything; an address of mail always must.
    verify: Option<bool>,
}

/// What a subscription is about. Everything that is given must hold; with nothing given it is about every change.
#[derive(InputObject)]
pub(crate) struct SubscriptionMatch {
    /// Which changes. Its items, environments, sources and kinds of items hold for incidents as well.
    filter: Option<ChangeFilter>,
    /// Where to stand in the graph: at these items. Keys, aliases or ids.
    items: Option<Vec<String>>,
    /// Where to stand: at what lies inside these, such as a business, an organisation, a cluster.
    inside: Option<Vec<String>>,
    /// Where to stand: at everything that this team answers for.
    team: Option<String>,
    /// The same for several teams.
    teams: Option<Vec<String>>,
    /// Which way to go from there: `DEPENDS_ON` reaches what is needed there. `SELF` when missing; `BOTH` when only `hopsMax` is given.
    direction: Option<Direction>,
    /// How many relations to go; as far as they reach when missing.
    hops_max: Option<i32>,
    /// Whether it is about changes.
    #[graphql(default = true)]
    changes: bool,
    /// Whether it is about incidents on what is reached.
    incidents: Option<bool>,
    /// Only statements by which a change comes to stand at one of these.
    moments: Option<Vec<ChangeStatus>>,
    /// Only statements of changes that change one of these fields; `spec.*` is every field below `spec`.
    fields: Option<Vec<String>>,
    /// Only changes that some source holds as risky as this, or more; their scores are told too.
    risk_min: Option<f64>,
}

/// A subscription whose plain fields are as they must be.
pub(super) struct Checked {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) wanted: SubscriptionMatch,
    pub(super) format: model::NoticeFormat,
    pub(super) per_second_max: Option<u32>,
    pub(super) quiet_hours: Vec<model::WeeklyTime>,
    pub(super) digest: Option<model::Digest>,
    pub(super) urgent: model::Urgent,
    pub(super) verify: bool,
}

impl SubscribeInput {
    pub(super) fn check(self) -> Result<Checked> {
        url_within_bounds(&self.url)?;
        Ok(Checked {
            name: line("name", &self.name)?,
            format: format_for(&self.url, self.format)?,
            url: self.url,
            wanted: self.wanted,
            per_second_max: rate(self.per_second_max)?,
            quiet_hours: quiet_hours(self.quiet_hours.unwrap_or_default())?,
            digest: self.digest.map(DigestInput::into_kept).transpose()?,
            verify: self.verify.unwrap_or(false),
            urgent: match self.urgent {
                Some(urgent) => urgent.into_kept()?,
                None => model::Urgent::default(),
            },
        })
    }
}

/// Refuses an address that is too long.
pub(super) fn url_within_bounds(url: &str) -> Result<()> {
    match url.len() <= URL_BYTES {
        true => Ok(()),
        false => {
            let message = format!("url has {URL_BYTES} bytes at most");
            Err(ErrorCode::BadInput.error(message))
        }
    }
}

/// Whether an address is of mail.
pub(super) fn is_mail(url: &str) -> bool {
    let scheme = url.trim_start().split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto"))
}

/// How notices to an address are written: as given, where the one goes with the other.
pub(super) fn format_for(url: &str, given: Option<NoticeFormat>) -> Result<model::NoticeFormat> {
    let usual = match is_mail(url) {
        true => model::NoticeFormat::Email,
        false => model::NoticeFormat::default(),
    };
    let format = given.map_or(usual, Into::into);
    match format.is_mail() == is_mail(url) {
        true => Ok(format),
        false => {
            let message = "format EMAIL and a url that begins with mailto: go together";
            Err(ErrorCode::BadInput.error(message))
        }
    }
}

/// How many notices are sent in a second at most: one, if anything is said of it.
pub(super) fn rate(per_second_max: Option<u32>) -> Result<Option<u32>> {
    match per_second_max {
        Some(0) => Err(ErrorCode::BadInput.error("perSecondMax is at least 1")),
        given => Ok(given),
    }
}

/// A text of one line that is not empty.
pub(super) fn line(field: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || bounds::LINE_BYTES < text.len() {
        let message = format!("{field} has 1 to {} bytes", bounds::LINE_BYTES);
        return Err(ErrorCode::BadInput.error(message));
    }
    Ok(text.to_owned())
}

impl SubscriptionMatch {
    /// What it is about, as it is kept.
    pub(super) fn into_kept(self, at: &Standpoint) -> Result<model::SubscriptionMatch> {
        let lists = [
            ("items", &self.items),
            ("inside", &self.inside),
            ("teams", &self.teams),
            ("fields", &self.fields),
        ];
        for (name, list) in lists {
            if list.as_ref().is_some_and(|list| LIST_MAX < list.len()) {
                let message = format!("match.{name} has {LIST_MAX} entries at most");
                return Err(ErrorCode::BadInput.error(message));
            }
        }
        let hops_max = self.hops_max.map(u32::try_from).transpose();
        let hops_max =
            hops_max.map_err(|_| ErrorCode::BadInput.error("match.hopsMax is 0 or more"))?;
        let otherwise = hops_max.map_or(RuleReach::Itself, |_| RuleReach::Both);
        let mut teams = self.teams.unwrap_or_default();
        teams.extend(self.team);
        let kept = model::SubscriptionMatch {
            filter: self.filter.unwrap_or_default().into_kept(at)?,
            items: kept_keys(at, "match.items", self.items)?,
            inside: kept_keys(at, "match.inside", self.inside)?,
            teams,
            direction: self.direction.map_or(otherwise, Into::into),
            hops_max,
            changes: self.changes,
            incidents: self.incidents.unwrap_or(false),
            moments: self.moments.into_iter().flatten().map(Into::into).collect(),
            fields: self.fields.unwrap_or_default(),
            risk_min: self.risk_min,
        };
        if kept.direction != RuleReach::Itself && !kept.has_place() {
            let message = "match.direction and match.hopsMax need items, inside or a team";
            return Err(ErrorCode::BadInput.error(message));
        }
        if !kept.changes && !kept.incidents {
            let message = "match is about neither changes nor incidents";
            return Err(ErrorCode::BadInput.error(message));
        }
        Ok(kept)
    }
}
