//! `epicenter changes`: search changes, and count them by sort and time.

mod shown;

use clap::ValueEnum;
use model::Timestamp;
use serde_json::{Value, json};

use super::ask::{AskFlags, Question, ask};
use shown::{render_groups, render_list};

/// Changes, the newest first, or how many there are of each sort
#[derive(Debug, clap::Args)]
pub(crate) struct ChangesFlags {
    /// What their texts hold: words, "a phrase", prefix*, OR, -not, title:word
    text: Vec<String>,
    #[command(flatten)]
    touched: Touched,
    #[command(flatten)]
    sort: Sort,
    /// Only changes after this time
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Only changes before this time
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Only changes that came to this status, within --became-from and --became-to
    #[arg(long, value_name = "STATUS")]
    became: Vec<String>,
    /// Came to it at this time or later
    #[arg(long, value_name = "TIME", requires = "became")]
    became_from: Option<Timestamp>,
    /// Came to it before this time
    #[arg(long, value_name = "TIME", requires = "became")]
    became_to: Option<Timestamp>,
    /// What comes first
    #[arg(long, value_enum)]
    order: Option<Order>,
    /// The earliest first
    #[arg(long)]
    ascending: bool,
    /// Count them by these instead of listing them, three at most
    #[arg(long, value_enum, value_name = "WHAT")]
    by: Vec<By>,
    /// Count them in spans of this length
    #[arg(long, value_enum)]
    every: Option<Every>,
    /// By whose clock days and weeks begin
    #[arg(long, value_name = "ZONE", default_value = "UTC", requires = "every")]
    time_zone: String,
    /// How many to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    first: u32,
    /// Go on behind the place that the last page ended with
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
    #[command(flatten)]
    ask: AskFlags,
}

/// What changes touch.
#[derive(Debug, clap::Args)]
struct Touched {
    /// Only changes that touch these items
    #[arg(long, value_name = "ITEM")]
    item: Vec<String>,
    /// Only changes that touch something inside these items
    #[arg(long, value_name = "ITEM")]
    inside: Vec<String>,
    /// Only changes that touch an item of this kind
    #[arg(long, value_name = "KIND")]
    item_kind: Vec<String>,
    /// Only changes that touch something this team answers for
    #[arg(long)]
    team: Vec<String>,
    /// Only changes that touch what these items depend on
    #[arg(long, value_name = "ITEM", conflicts_with = "users_of")]
    needed_by: Vec<String>,
    /// Only changes that touch what depends on these items
    #[arg(long, value_name = "ITEM")]
    users_of: Vec<String>,
    /// How many relations to go for --needed-by and --users-of
    #[arg(long, value_name = "N")]
    hops: Option<u32>,
}

/// Of what sort changes are.
#[derive(Debug, clap::Args)]
struct Sort {
    /// Only changes whose title holds this
    #[arg(long)]
    title: Option<String>,
    /// Only changes in this environment
    #[arg(long)]
    environment: Vec<String>,
    /// Only changes of this kind
    #[arg(long)]
    kind: Vec<String>,
    /// Only changes of this scene
    #[arg(long)]
    scene: Vec<String>,
    /// Only changes of this level of control
    #[arg(long)]
    level: Vec<String>,
    /// Only changes at this status
    #[arg(long)]
    status: Vec<String>,
    /// Only changes of this operator
    #[arg(long)]
    operator: Vec<String>,
    /// Only changes of this platform
    #[arg(long)]
    source: Vec<String>,
    /// Only changes that jumped the queue
    #[arg(long)]
    emergency: bool,
    /// Only changes of this class
    #[arg(long)]
    category: Vec<String>,
    /// Only changes of this domain
    #[arg(long)]
    domain: Vec<String>,
    /// Only changes of this risk
    #[arg(long)]
    risk: Vec<String>,
    /// Only changes that deliver this artifact
    #[arg(long)]
    artifact: Option<String>,
    /// Only changes that deliver this commit
    #[arg(long)]
    commit: Option<String>,
    /// Only parts of the change with this id
    #[arg(long, value_name = "ID")]
    part_of: Option<String>,
    /// Only changes of the act its platform knows by this key
    #[arg(long, value_name = "KEY")]
    fold_key: Vec<String>,
    #[arg(
        long,
        help = "Only changes that take effect so: one_shot, machine_batches or traffic_ratio"
    )]
    flow: Vec<String>,
    #[arg(
        long,
        help = "Only changes that use this exemption: green_channel or white_list"
    )]
    exemption: Vec<String>,
    /// Only changes of which a check found this: pass, warn, block, error or skipped
    #[arg(long, value_name = "RESULT")]
    check: Vec<String>,
    /// Changes in which only bookkeeping differs: those only, or all others
    #[arg(long, value_enum)]
    bookkeeping: Option<Bookkeeping>,
}

/// What is wanted of changes in which only bookkeeping differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Bookkeeping {
    Only,
    Without,
}

/// What comes first.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    Start,
    Finish,
    Recorded,
    Relevance,
}

/// What changes are counted by.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    Source,
    Kind,
    Scene,
    Status,
    Environment,
    Level,
    Operator,
    OperatorKind,
    Team,
    Bookkeeping,
}

/// How long a span of time is.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Every {
    Minute,
    Hour,
    Day,
    Week,
}

const CHANGES: &str = "\
query Changes($filter: ChangeFilter, $order: ChangeOrder, $first: Int, $after: String) {
  changes(filter: $filter, orderBy: $order, first: $first, after: $after) {
    totalCount bookkeepingCount truncated textsPosition position
    pageInfo { hasNextPage endCursor }
    edges {
      fragments(first: 1) { field cutBefore cutBehind pieces { text found } }
      node {
        id source title kind environment status operator startedAt
        targets { key item { key } }
      }
    }
  }
}";

const GROUPS: &str = "\
query Groups($filter: ChangeFilter, $by: [ChangeDimension!]!, $spans: TimeSpans, $first: Int) {
  changeGroups(filter: $filter, by: $by, spans: $spans, first: $first) {
    totalCount groupsCount truncated textsPosition position
    groups { count from to values { by value } }
  }
}";

/// Asks for changes and prints them.
pub(super) fn changes(flags: &ChangesFlags) -> anyhow::Result<()> {
    if !flags.by.is_empty() || flags.every.is_some() {
        return groups(flags);
    }
    let order = flags.order.as_ref().map(word);
    let order = order.or_else(|| flags.ascending.then(|| word(&Order::Start)));
    let order = order.map(|by| json!({ "by": by, "ascending": flags.ascending }));
    let variables = json!({
        "first": flags.first, "after": flags.after, "order": order, "filter": filter(flags),
    });
    ask(
        &flags.ask,
        &Question {
            document: CHANGES,
            variables,
            render: render_list,
        },
    )
}

fn groups(flags: &ChangesFlags) -> anyhow::Result<()> {
    let by: Vec<String> = flags.by.iter().map(word).collect();
    let spans = flags
        .every
        .map(|every| json!({ "every": word(&every), "timeZone": flags.time_zone }));
    let variables = json!({
        "first": flags.first, "by": by, "spans": spans, "filter": filter(flags),
    });
    ask(
        &flags.ask,
        &Question {
            document: GROUPS,
            variables,
            render: render_groups,
        },
    )
}

/// A flag's value as the schema spells it.
fn word(value: &impl ValueEnum) -> String {
    let name = value.to_possible_value();
    let name = name.map_or_else(String::new, |name| name.get_name().to_owned());
    name.to_uppercase().replace('-', "_")
}

fn filter(flags: &ChangesFlags) -> Value {
    let (touched, sort) = (&flags.touched, &flags.sort);
    let some = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    let status = |list: &Vec<String>| {
        let list = some(list)?;
        let words = list.iter().map(|it| it.to_uppercase().replace('-', "_"));
        Some(words.collect::<Vec<String>>())
    };
    let became = status(&flags.became).map(
        |status| json!({ "status": status, "from": flags.became_from, "to": flags.became_to }),
    );
    let (around, direction) = match some(&touched.needed_by) {
        Some(items) => (Some(items), "DEPENDS_ON"),
        None => (some(&touched.users_of), "USED_BY"),
    };
    let impact = around
        .map(|items| json!({ "items": items, "direction": direction, "hopsMax": touched.hops }));
    let text = (!flags.text.is_empty()).then(|| flags.text.join(" "));
    json!({
        "text": text, "title": sort.title,
        "items": some(&touched.item), "inside": some(&touched.inside),
        "itemKinds": some(&touched.item_kind), "teams": some(&touched.team), "impact": impact,
        "environments": some(&sort.environment), "kinds": some(&sort.kind),
        "scenes": some(&sort.scene), "levels": some(&sort.level),
        "status": status(&sort.status), "became": became,
        "operators": some(&sort.operator), "sources": some(&sort.source),
        "emergency": sort.emergency.then_some(true),
        "categories": some(&sort.category), "domains": some(&sort.domain),
        "riskLevels": some(&sort.risk), "artifact": sort.artifact, "commit": sort.commit,
        "foldKeys": some(&sort.fold_key), "flows": some(&sort.flow),
        "exemptions": some(&sort.exemption), "checkResults": some(&sort.check),
        "bookkeeping": sort.bookkeeping.map(|wanted| wanted == Bookkeeping::Only),
        "partOf": sort.part_of, "from": flags.from, "to": flags.to,
    })
}
