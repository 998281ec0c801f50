//! Tokens as they are made, revoked and listed. The secret is in one answer, and nowhere else.

use async_graphql::connection::{Connection, EmptyFields, OpaqueCursor};
use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use graph::Token;
use model::{
    Caller, Event, Lookback, Quota, Scopes, Sight, Timestamp, TokenCreated, TokenId, TokenRevoked,
    bounds,
};

use super::Shared;
use super::paging::{PageArguments, page_cost};
use super::recording::{record_error, standpoint_after};
use super::scalars::{DateTime, Duration, LogPosition};
use super::standpoint::Standpoint;
use crate::error::ErrorCode;

/// Most tokens that count at once.
const TOKENS_MAX: usize = 10_000;
/// How long a token counts when nobody says: ninety days.
const LIFE_DEFAULT: Lookback = Lookback::hours(90 * 24);
/// How long a token counts at most: a year.
const LIFE_MOST: Lookback = Lookback::hours(366 * 24);
/// How long a token counts at least: a minute.
const LIFE_LEAST: Lookback = Lookback::from_nanos(60 * 1_000_000_000);

/// What the holder of a token may do.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "model::Scope")]
pub(crate) enum TokenScope {
    /// Ask.
    Read,
    /// Say what was observed or done, as a source does.
    Ingest,
    /// Decide: incidents, judgements, identity, the calendar, definitions, subscriptions. It includes asking.
    Operate,
    /// Say who may do what, and whose word is void. It includes everything.
    Admin,
}

/// Whether a token counts.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum TokenStatus {
    /// It counts.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
}

/// A token: what its holder may do, and until when. Its secret is kept by nobody but the holder.
#[derive(SimpleObject)]
pub(crate) struct ApiToken {
    /// Its id.
    id: ID,
    /// A line for people: who uses it.
    name: String,
    /// What its holder may do.
    scopes: Vec<TokenScope>,
    /// Whether it counts.
    status: TokenStatus,
    /// When it was made.
    created_at: DateTime,
    /// The token, certificate or subject of an issuer by which it was made; null where the server asked for none.
    created_by: Option<ID>,
    /// The first moment at which it no longer counts.
    expires_at: DateTime,
    /// Most requests of its holder in a minute; null when the configuration says.
    requests_per_minute: Option<u32>,
    /// Most events, spans and records that its holder may send in a minute; null when the configuration says.
    events_per_minute: Option<u32>,
    /// The part of the estate that its holder may see; null when that is all of it.
    sight: Option<TokenSight>,
    /// How many of its requests were refused since this server started because it had used up its quota.
    throttled_requests: u64,
    /// When it was last used, to the minute; null when this server does not know of any use.
    last_used_at: Option<DateTime>,
    /// When it was taken back.
    revoked_at: Option<DateTime>,
    /// The token, certificate or subject of an issuer by which it was taken back; null where the server asked for none.
    revoked_by: Option<ID>,
    /// Why it was taken back.
    revoked_reason: Option<String>,
}

/// A part of the estate. Of every list that has entries one has to fit an item; what is not known of it fits nothing.
#[derive(SimpleObject, InputObject)]
#[graphql(input_name = "TokenSightInput")]
pub(crate) struct TokenSight {
    /// One of these teams answers for it: its own owner or, without one, that of the nearest container.
    #[graphql(default)]
    teams: Vec<String>,
    /// It is in one of these environments, or in one inside them.
    #[graphql(default)]
    environments: Vec<String>,
    /// It is one of these items or lies inside one; keys as sources write them.
    #[graphql(default)]
    businesses: Vec<String>,
    /// It is of one of these kinds.
    #[graphql(default)]
    kinds: Vec<String>,
    /// It is as critical as one of these: `P0`, or a word that means the same.
    #[graphql(default)]
    levels: Vec<String>,
}

/// Additional fields of the list of tokens.
#[derive(SimpleObject)]
pub(crate) struct TokenTotals {
    /// How many there are on all pages.
    total_count: usize,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// A page of tokens.
pub(crate) type TokenConnection =
    Connection<OpaqueCursor<String>, ApiToken, TokenTotals, EmptyFields>;

/// A token to be made.
#[derive(InputObject)]
pub(crate) struct CreateTokenInput {
    /// A line for people: who uses it.
    name: String,
    /// What its holder may do, one scope at least.
    scopes: Vec<TokenScope>,
    /// How long it counts, from a minute to `P366D`; `P90D` when missing.
    expires_in: Option<Duration>,
    /// Most requests of its holder in a minute; as the configuration has it when missing.
    requests_per_minute: Option<u32>,
    /// Most events, spans and records that its holder may send in a minute; as the configuration has it when missing.
    events_per_minute: Option<u32>,
    /// The part of the estate that its holder may see; all of it when missing. Such a token is for `READ` alone.
    sight: Option<TokenSight>,
}

/// A token that was made.
#[derive(SimpleObject)]
pub(crate) struct CreatedToken {
    /// The token.
    token: ApiToken,
    /// The secret, shown this once: it begins with `epicenter_`.
    secret: String,
    /// Where that stands in the log.
    position: LogPosition,
}

/// A token that was taken back.
#[derive(SimpleObject)]
pub(crate) struct RevokedToken {
    /// The token.
    token: ApiToken,
    /// Where that stands in the log.
    position: LogPosition,
}

/// Questions about tokens.
#[derive(Default)]
pub(crate) struct TokenQuery;

/// Questions about tokens.
#[Object]
impl TokenQuery {
    /// The tokens that count, in order of id.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn tokens(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Whether those whose time is over and those that were taken back are listed too."
        )]
        include_ended: Option<bool>,
        #[graphql(desc = "The size of the page from its beginning; 20 when missing.")]
        first: Option<i32>,
        #[graphql(desc = "Begin after the entry with this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page from its end.")] last: Option<i32>,
        #[graphql(desc = "End before the entry with this cursor.")] before: Option<String>,
    ) -> Result<TokenConnection> {
        let at = Standpoint::of(ctx, None).await?;
        let shared = ctx.data::<Shared>()?;
        let arguments = PageArguments {
            first,
            after,
            last,
            before,
        };
        let page = arguments.check::<String>(shared.limits.page_max)?;
        let now = shared.ports.clock.now();
        let with_ended = include_ended.unwrap_or(false);
        let listed = |token: &&Token| with_ended || token.counts_at(now);
        let tokens = || at.view.graph.tokens().iter().filter(listed);
        let page = page.select(tokens().map(|it| (it.created.id.to_string(), it.clone())));
        let totals = TokenTotals {
            total_count: tokens().count(),
            position: at.position(),
        };
        Ok(page.connection(totals, |token| ApiToken::of(&token, shared, now)))
    }
}

/// Statements about tokens.
#[derive(Default)]
pub(crate) struct TokenMutation;

/// Statements about tokens.
#[Object]
impl TokenMutation {
    /// Makes a token. The answer shows its secret; nothing shows it again.
    async fn create_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token.")] input: CreateTokenInput,
    ) -> Result<CreatedToken> {
        let at = Standpoint::of(ctx, None).await?;
        let shared = ctx.data::<Shared>()?;
        let now = shared.ports.clock.now();
        let counting = at.view.graph.tokens().iter();
        if TOKENS_MAX <= counting.filter(|it| it.counts_at(now)).count() {
            let message = format!("there are {TOKENS_MAX} tokens, which is the most");
            return Err(ErrorCode::BadInput.error(message));
        }
        let scopes: Vec<model::Scope> = input.scopes.iter().map(|scope| (*scope).into()).collect();
        if scopes.is_empty() {
            return Err(ErrorCode::BadInput.error("scopes has one entry at least"));
        }
        let sight = input.sight.map(|sight| sight.read(&scopes)).transpose()?;
        let life = input.expires_in.map_or(LIFE_DEFAULT, |life| life.0);
        if life < LIFE_LEAST || LIFE_MOST < life {
            return Err(ErrorCode::BadInput.error("expiresIn is from PT1M to P366D"));
        }
        let quota = Quota {
            requests_per_minute: input.requests_per_minute,
            events_per_minute: input.events_per_minute,
        };
        for (field, most) in [
            ("requestsPerMinute", quota.requests_per_minute),
            ("eventsPerMinute", quota.events_per_minute),
        ] {
            if most == Some(0) {
                return Err(ErrorCode::BadInput.error(format!("{field} is 1 at least")));
            }
        }
        let name = line("name", &input.name)?;
        let minted = shared.ports.access.mint().map_err(|error| {
            tracing::error!("{error}");
            ErrorCode::Internal.error("internal error")
        })?;
        let caller = ctx.data::<Caller>()?;
        let created = TokenCreated {
            id: minted.id,
            name,
            scopes: Scopes::from(scopes),
            hash: minted.hash,
            expires_at: now.plus_nanos(life.nanos()),
            created_by: caller.token(),
            created_by_name: vouched(caller),
            quota: (quota != Quota::default()).then_some(quota),
            sight,
        };
        let (token, position) = say(ctx, minted.id, Event::TokenCreated(Box::new(created))).await?;
        Ok(CreatedToken {
            token,
            secret: minted.secret,
            position,
        })
    }

    /// Takes a token back. When this is answered it counts no longer, and nothing brings it back.
    async fn revoke_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token.")] id: ID,
        #[graphql(desc = "Why.")] reason: Option<String>,
    ) -> Result<RevokedToken> {
        let at = Standpoint::of(ctx, None).await?;
        let found = id.parse::<TokenId>().ok();
        let found = found.filter(|id| at.view.graph.tokens().get(id).is_some());
        let found = found.ok_or_else(|| not_found(&id))?;
        let reason = reason.map(|reason| line("reason", &reason)).transpose()?;
        let caller = ctx.data::<Caller>()?;
        let revoked = TokenRevoked {
            id: found,
            reason,
            revoked_by: caller.token(),
            revoked_by_name: vouched(caller),
        };
        let (token, position) = say(ctx, found, Event::TokenRevoked(revoked)).await?;
        Ok(RevokedToken { token, position })
    }
}

/// Writes what is said of a token, and waits until it counts.
async fn say(ctx: &Context<'_>, id: TokenId, event: Event) -> Result<(ApiToken, LogPosition)> {
    let shared = ctx.data::<Shared>()?;
    let position = shared.ports.access.record(event).await;
    let position = position.map_err(|error| record_error(&error))?;
    let at = standpoint_after(ctx, position).await?;
    let token = at.view.graph.tokens().get(&id);
    let token = token.ok_or_else(|| not_found(&ID(id.to_string())))?;
    let now = shared.ports.clock.now();
    Ok((ApiToken::of(token, shared, now), LogPosition(position)))
}

impl ApiToken {
    fn of(token: &Token, shared: &Shared, now: Timestamp) -> Self {
        let created = &token.created;
        let status = match &token.revoked {
            Some(_) => TokenStatus::Revoked,
            None if token.counts_at(now) => TokenStatus::Active,
            None => TokenStatus::Expired,
        };
        let revoked = token.revoked.as_ref();
        let by = |token: Option<TokenId>, name: Option<&String>| {
            let token = token.map(|token| token.to_string());
            token.or_else(|| name.cloned()).map(ID)
        };
        Self {
            id: ID(created.id.to_string()),
            name: created.name.clone(),
            scopes: created.scopes.iter().map(Into::into).collect(),
            status,
            created_at: DateTime(token.created_at),
            created_by: by(created.created_by, created.created_by_name.as_ref()),
            expires_at: DateTime(created.expires_at),
            requests_per_minute: created.quota.and_then(|quota| quota.requests_per_minute),
            events_per_minute: created.quota.and_then(|quota| quota.events_per_minute),
            sight: created.sight.clone().map(TokenSight::from),
            throttled_requests: shared.ports.access.throttled(created.id),
            last_used_at: shared.ports.access.last_used(created.id).map(DateTime),
            revoked_at: revoked.map(|(_, at)| DateTime(*at)),
            revoked_by: revoked
                .and_then(|(said, _)| by(said.revoked_by, said.revoked_by_name.as_ref())),
            revoked_reason: revoked.and_then(|(said, _)| said.reason.clone()),
        }
    }
}

impl TokenSight {
    /// The same in the words of the model, for a token with these scopes.
    fn read(self, scopes: &[model::Scope]) -> Result<Sight> {
        if scopes != [model::Scope::Read] {
            let message = "sight: a token that shows a part of the estate is for READ alone";
            return Err(ErrorCode::BadInput.error(message));
        }
        let sight = Sight {
            teams: self.teams,
            environments: self.environments,
            businesses: self.businesses,
            kinds: self.kinds,
            levels: self.levels,
        };
        match sight.fault() {
            Some(fault) => Err(ErrorCode::BadInput.error(fault)),
            None => Ok(sight),
        }
    }
}

impl From<Sight> for TokenSight {
    fn from(sight: Sight) -> Self {
        Self {
            teams: sight.teams,
            environments: sight.environments,
            businesses: sight.businesses,
            kinds: sight.kinds,
            levels: sight.levels,
        }
    }
}

/// What somebody without a token of ours is called.
fn vouched(caller: &Caller) -> Option<String> {
    match caller {
        Caller::Vouched(who) => Some(who.name.clone()),
        _ => None,
    }
}

/// A text of one line that is not empty.
fn line(field: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || bounds::LINE_BYTES < text.len() {
        let message = format!("{field} has 1 to {} bytes", bounds::LINE_BYTES);
        return Err(ErrorCode::BadInput.error(message));
    }
    Ok(text.to_owned())
}

fn not_found(id: &ID) -> async_graphql::Error {
    ErrorCode::TokenNotFound.error(format!("there is no token {:?}", id.as_str()))
}
