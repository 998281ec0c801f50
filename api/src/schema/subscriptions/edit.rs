//! What a client changes of a subscription that is declared already.

use async_graphql::{Context, InputObject, MaybeUndefined, Result};
use model::{Event, SubscriptionDeclared};

use super::delivery_error;
use super::input::{
    NoticeFormat, SubscriptionMatch, format_for, is_mail, line, rate, url_within_bounds,
};
use super::timing::{DigestInput, UrgentInput, quiet_hours};
use crate::schema::Shared;
use crate::schema::calendar::WeeklyTimeInput;
use crate::schema::recording::{record_error, standpoint_after};
use crate::schema::standpoint::Standpoint;

/// What changes of a subscription; what is missing stays.
#[derive(InputObject)]
pub(crate) struct UpdateSubscriptionInput {
    /// A line for people.
    name: Option<String>,
    /// Where notices are sent from now on, those that wait among them: `https://` or `http://`, without a name and password;
    /// or `mailto:` with addresses of mail between commas.
    url: Option<String>,
    /// What it is about, as a whole.
    #[graphql(name = "match")]
    wanted: Option<SubscriptionMatch>,
    /// How notices are written, those that wait among them. It stays when missing, but where the web and mail change places.
    format: Option<NoticeFormat>,
    /// Most notices sent in a second; null for as many as the server allows.
    per_second_max: MaybeUndefined<u32>,
    /// Hours of every week in which only what is urgent is sent; an empty list for none.
    quiet_hours: Option<Vec<WeeklyTimeInput>>,
    /// When what gathers is sent; null to send each by itself, after what has gathered.
    digest: MaybeUndefined<DigestInput>,
    /// What waits for no hour and does not gather; null for nothing.
    urgent: MaybeUndefined<UrgentInput>,
    /// Whether the endpoint must answer a challenge before it is sent anything.
    verify: Option<bool>,
}

impl UpdateSubscriptionInput {
    /// The declaration with what changes, and the address if that does.
    pub(super) fn onto(
        self,
        mut declared: SubscriptionDeclared,
        at: &Standpoint,
    ) -> Result<(SubscriptionDeclared, Option<String>)> {
        if let Some(name) = &self.name {
            declared.name = line("name", name)?;
        }
        if let Some(wanted) = self.wanted {
            declared.wanted = wanted.into_kept(at)?;
        }
        declared.format = match &self.url {
            Some(url) => {
                let stays = is_mail(url) == declared.format.is_mail();
                let before = stays.then(|| declared.format.into());
                format_for(url, self.format.or(before))?
            }
            None => {
                let given = self.format.unwrap_or(declared.format.into());
                format_for(&declared.endpoint, Some(given))?
            }
        };
        if !self.per_second_max.is_undefined() {
            declared.per_second_max = rate(self.per_second_max.take())?;
        }
        if let Some(hours) = self.quiet_hours {
            declared.quiet_hours = quiet_hours(hours)?;
        }
        if !self.digest.is_undefined() {
            let digest = self.digest.take();
            declared.digest = digest.map(DigestInput::into_kept).transpose()?;
        }
        if !self.urgent.is_undefined() {
            declared.urgent = match self.urgent.take() {
                Some(urgent) => urgent.into_kept()?,
                None => model::Urgent::default(),
            };
        }
        declared.verify = self.verify.unwrap_or(declared.verify);
        if let Some(url) = &self.url {
            url_within_bounds(url)?;
        }
        Ok((declared, self.url))
    }
}

/// Declares a subscription anew, at another address if one is given, and waits for the fold. Where nothing
/// changes nothing is recorded.
pub(super) async fn replace(
    ctx: &Context<'_>,
    at: Standpoint,
    before: SubscriptionDeclared,
    mut declared: SubscriptionDeclared,
    url: Option<String>,
) -> Result<Standpoint> {
    let deliveries = &ctx.data::<Shared>()?.ports.deliveries;
    let is_moved = url.is_some();
    if let Some(url) = url {
        let moved = deliveries.relocate(before.seal.clone(), url).await;
        let moved = moved.map_err(|error| delivery_error(&error))?;
        declared.seal = moved.seal;
        declared.endpoint = moved.endpoint;
    }
    if declared == before {
        return Ok(at);
    }
    let fresh = declared.seal.clone();
    let event = Event::SubscriptionDeclared(Box::new(declared));
    let position = match deliveries.record(event).await {
        Ok(position) => position,
        Err(error) => {
            if is_moved {
                deliveries.forget(fresh).await;
            }
            return Err(record_error(&error));
        }
    };
    let at = standpoint_after(ctx, position).await?;
    if is_moved {
        deliveries.forget(before.seal).await;
    }
    Ok(at)
}
