//! `epicenter token`: who may do what. It asks a running server, or opens a stopped one's folder for as long as it takes.

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ask::query_with;
use super::serve::runtime;
use super::text::{Table, cut};
use super::{SettingFlags, print};
use crate::access::HouseKey;
use crate::serve::Server;

/// Tokens listed at once.
const PAGE: usize = 100;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token, and print its secret this once
    Create(CreateFlags),
    /// Take a token back; it counts no longer when this returns
    Revoke(RevokeFlags),
    /// List tokens; never their secrets
    List(ListFlags),
}

#[derive(Debug, clap::Args)]
pub(crate) struct CreateFlags {
    /// A line for people: who uses it
    name: String,
    /// What its holder may do; repeat it for several
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<Scope>,
    /// How long it counts, as ISO 8601 has it, a year at most
    #[arg(long, value_name = "SPAN", default_value = "P90D")]
    expires_in: String,
    /// Most requests in a minute; as the server's configuration has it when missing
    #[arg(long, value_name = "NUMBER")]
    requests_per_minute: Option<u32>,
    /// Most events, spans and records in a minute; as the server's configuration has it when missing
    #[arg(long, value_name = "NUMBER")]
    events_per_minute: Option<u32>,
    #[command(flatten)]
    sight: SightFlags,
    #[command(flatten)]
    place: PlaceFlags,
}

/// The part of the estate that a token shows: of each that is given one has to fit.
#[derive(Debug, Serialize, clap::Args)]
struct SightFlags {
    /// Shows only what this team answers for; repeat it for several
    #[arg(long = "sees-team", value_name = "TEAM")]
    teams: Vec<String>,
    /// Shows only what is in this environment; repeat it for several
    #[arg(long = "sees-environment", value_name = "NAME")]
    environments: Vec<String>,
    /// Shows only what lies inside this item, as keys write it; repeat it for several
    #[arg(long = "sees-business", value_name = "KEY")]
    businesses: Vec<String>,
    /// Shows only items of this kind; repeat it for several
    #[arg(long = "sees-kind", value_name = "KIND")]
    kinds: Vec<String>,
    /// Shows only what is as critical as this, such as P0; repeat it for several
    #[arg(long = "sees-level", value_name = "LEVEL")]
    levels: Vec<String>,
}

impl SightFlags {
    /// Nothing where none is given.
    fn given(&self) -> Option<&Self> {
        let lists = [
            &self.teams,
            &self.environments,
            &self.businesses,
            &self.kinds,
            &self.levels,
        ];
        lists.iter().any(|list| !list.is_empty()).then_some(self)
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct RevokeFlags {
    /// The token's id, as `epicenter token list` shows it
    id: String,
    /// Why
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    place: PlaceFlags,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListFlags {
    /// Those whose time is over and those that were taken back, too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    place: PlaceFlags,
}

/// Where the tokens are.
#[derive(Debug, clap::Args)]
struct PlaceFlags {
    /// The server's address
    #[arg(
        long,
        value_name = "URL",
        env = "EPICENTER_SERVER",
        default_value = "http://127.0.0.1:8080",
        conflicts_with = "data_dir"
    )]
    server: String,
    /// The folder of a stopped server instead
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Scope {
    /// Ask
    Read,
    /// Say what was observed or done, as a source does
    Ingest,
    /// Decide: incidents, judgements, identity, the calendar, definitions, subscriptions; includes read
    Operate,
    /// Say who may do what, and whose word is void; includes everything
    Admin,
}

const CREATE: &str = "\
mutation Create($input: CreateTokenInput!) {
  createToken(input: $input) { secret position token { id name scopes status expiresAt } }
}";

const REVOKE: &str = "\
mutation Revoke($id: ID!, $reason: String) {
  revokeToken(id: $id, reason: $reason) { position token { id name revokedAt } }
}";

const LIST: &str = "\
query Tokens($all: Boolean, $first: Int, $after: String) {
  tokens(includeEnded: $all, first: $first, after: $after) {
    nodes {
      id name scopes status createdAt createdBy expiresAt lastUsedAt revokedAt revokedReason
      requestsPerMinute eventsPerMinute throttledRequests
      sight { teams environments businesses kinds levels }
    }
    pageInfo { hasNextPage endCursor }
  }
}";

/// Does what was asked.
pub(super) fn token(command: &TokenCommand) -> anyhow::Result<()> {
    match command {
        TokenCommand::Create(flags) => create(flags),
        TokenCommand::Revoke(flags) => revoke(flags),
        TokenCommand::List(flags) => list(flags),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenLine {
    id: String,
    name: String,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    expires_at: String,
    last_used_at: Option<String>,
    revoked_at: Option<String>,
}

#[derive(Deserialize)]
struct Created {
    secret: String,
    token: TokenLine,
}

fn create(flags: &CreateFlags) -> anyhow::Result<()> {
    let input = json!({
        "name": flags.name, "scopes": flags.scopes, "expiresIn": flags.expires_in,
        "requestsPerMinute": flags.requests_per_minute, "eventsPerMinute": flags.events_per_minute,
        "sight": flags.sight.given(),
    });
    let data = flags.place.ask(CREATE, &json!({ "input": input }))?;
    flags.place.show(&data, "createToken", |created: &Created| {
        let token = &created.token;
        format!(
            "{}\n\n{} ({}) may {} until {}.\nThe line above is its secret. It is not kept, and nothing shows it again.\n",
            created.secret,
            token.id,
            token.name,
            spoken(&token.scopes),
            token.expires_at,
        )
    })
}

#[derive(Deserialize)]
struct Revoked {
    token: TokenLine,
}

fn revoke(flags: &RevokeFlags) -> anyhow::Result<()> {
    let variables = json!({ "id": flags.id, "reason": flags.reason });
    let data = flags.place.ask(REVOKE, &variables)?;
    flags.place.show(&data, "revokeToken", |revoked: &Revoked| {
        let token = &revoked.token;
        let at = token.revoked_at.as_deref().unwrap_or_default();
        format!(
            "{} ({}) counts no longer since {at}.\n",
            token.id, token.name
        )
    })
}

fn list(flags: &ListFlags) -> anyhow::Result<()> {
    let mut nodes = Vec::new();
    flags
        .place
        .over(|server, key| async move {
            let mut after = Value::Null;
            loop {
                let variables = json!({ "all": flags.all, "first": PAGE, "after": after });
                let mut data = query_with(key.as_ref(), &server, LIST, &variables).await?;
                let page = data.pointer_mut("/tokens/nodes").map(Value::take);
                let Some(Value::Array(page)) = page else {
                    anyhow::bail!("the server answered something else");
                };
                nodes.extend(page);
                if data.pointer("/tokens/pageInfo/hasNextPage") != Some(&Value::Bool(true)) {
                    return Ok(json!({ "tokens": nodes }));
                }
                let next = data.pointer("/tokens/pageInfo/endCursor").cloned();
                after = next.context("the server named no next page")?;
            }
        })
        .and_then(|data| {
            flags
                .place
                .show(&data, "tokens", |tokens: &Vec<TokenLine>| {
                    let mut table =
                        Table::with_head(&["id", "name", "may", "status", "until", "last used"]);
                    for token in tokens {
                        table.row(vec![
                            token.id.clone(),
                            cut(&token.name, 40),
                            spoken(&token.scopes),
                            token.status.to_lowercase(),
                            token.expires_at.clone(),
                            token.last_used_at.clone().unwrap_or_default(),
                        ]);
                    }
                    format!("{table}")
                })
        })
}

fn spoken(scopes: &[String]) -> String {
    scopes.join(", ").to_lowercase()
}

impl PlaceFlags {
    fn ask(&self, document: &'static str, variables: &Value) -> anyhow::Result<Value> {
        self.over(|server, key| async move {
            query_with(key.as_ref(), &server, document, variables).await
        })
    }

    /// Has something asked of the running server, or of one that runs over the folder for as long as it takes.
    fn over<W>(&self, work: impl FnOnce(String, Option<HouseKey>) -> W) -> anyhow::Result<Value>
    where
        W: Future<Output = anyhow::Result<Value>>,
    {
        runtime()?.block_on(async {
            let Some(data_dir) = &self.data_dir else {
                return work(self.server.clone(), None).await;
            };
            let settings = SettingFlags::alone_over(data_dir).settings()?;
            let key = HouseKey::fresh()?;
            let server = Server::start_alone(settings, key.clone()).await?;
            let url = format!("http://{}", server.addresses.http);
            let answered = work(url, Some(key)).await;
            server.stop().await;
            answered
        })
    }

    fn show<A: DeserializeOwned>(
        &self,
        data: &Value,
        field: &str,
        render: impl Fn(&A) -> String,
    ) -> anyhow::Result<()> {
        let answer = data
            .get(field)
            .context("the server answered something else")?;
        if self.json {
            return print(&format!("{}\n", serde_json::to_string_pretty(answer)?));
        }
        let answer = A::deserialize(answer).context("the server answered something else")?;
        print(&render(&answer))
    }
}
