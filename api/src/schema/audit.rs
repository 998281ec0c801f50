//! What was asked and by whom, as it was written down.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use model::AuditedQuestion;

use super::Shared;
use super::scalars::DateTime;
use crate::error::ErrorCode;
use crate::ports::{AuditPlace, AuditQuestion};

/// The size of a page when nobody says.
const FIRST_DEFAULT: i32 = 20;

/// What a question was.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "model::QuestionKind")]
pub(crate) enum QuestionKind {
    /// A query.
    Query,
    /// A mutation.
    Mutation,
    /// A subscription, when it began.
    Subscription,
    /// A request to another route than that of GraphQL.
    Request,
}

/// Which questions are wanted: all that is given has to hold.
#[derive(Default, InputObject)]
pub(crate) struct QuestionsAskedFilter {
    /// Whose credential came with it: `tok_…`, `certificate:NAME` or `ISSUER#SUBJECT`, as a whole.
    who: Option<String>,
    /// What it was.
    kind: Option<QuestionKind>,
    /// A field at its root, or the route, such as `/ingest/events`.
    field: Option<String>,
    /// What became of it: `OK`, the code of the first error, or the status of a route.
    outcome: Option<String>,
    /// Asked at or after this moment.
    since: Option<DateTime>,
    /// Asked before this moment.
    until: Option<DateTime>,
}

/// A question, or several that differ in nothing but their time and were asked shortly after one another.
#[derive(SimpleObject)]
pub(crate) struct AskedQuestion {
    /// Where it is written: the book, the entry in it, and the place in that.
    id: ID,
    /// When the first of them was asked.
    at: DateTime,
    /// Whose credential came with it: `tok_…`, `certificate:NAME` or `ISSUER#SUBJECT`.
    who: String,
    /// What it was.
    kind: QuestionKind,
    /// The name of the operation.
    operation: Option<String>,
    /// The fields at its root, or the route.
    fields: Vec<String>,
    /// A hash of the document with its variables: two with the same asked the same.
    hash: Option<String>,
    /// `OK`, the code of the first error, or the status of a route.
    outcome: String,
    /// How many entries of lists were in the answer.
    rows: u64,
    /// How long it took, all of them together, in milliseconds.
    took_ms: f64,
    /// How many there were.
    times: u64,
}

/// Some of the questions that were asked, the newest first.
#[derive(SimpleObject)]
pub(crate) struct QuestionsAskedPage {
    /// The questions.
    nodes: Vec<AskedQuestion>,
    /// Where to go on, as `after`; null when there is nothing behind. There may be more though this page is not full.
    next: Option<ID>,
    /// How many came faster than they could be written down, in the books that were looked through.
    lost: u64,
}

/// Questions about questions.
#[derive(Default)]
pub(crate) struct AuditQuery;

/// Questions about questions.
#[Object]
impl AuditQuery {
    /// What was asked and stated by those who said who they are, the newest first. What is asked shows up within
    /// seconds. Nobody is named, and nothing is written down, where the server asks for no credential.
    #[graphql(complexity = "first.unwrap_or(20).max(1) as usize * child_complexity + 1")]
    async fn questions_asked(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which ones; all when missing.")] filter: Option<QuestionsAskedFilter>,
        #[graphql(desc = "The size of the page; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "Go on where a page ended.")] after: Option<ID>,
    ) -> Result<QuestionsAskedPage> {
        let shared = ctx.data::<Shared>()?;
        let most = shared.limits.page_max;
        let first = usize::try_from(first.unwrap_or(FIRST_DEFAULT)).ok();
        let first = first.filter(|first| (1..=most).contains(first));
        let first =
            first.ok_or_else(|| ErrorCode::BadInput.error(format!("first is from 1 to {most}")))?;
        let before = after.map(|after| {
            let place = place_of(&after);
            place.ok_or_else(|| ErrorCode::BadInput.error("after is where a page ended"))
        });
        let filter = filter.unwrap_or_default();
        let asked = AuditQuestion {
            who: filter.who,
            kind: filter.kind.map(Into::into),
            field: filter.field,
            outcome: filter.outcome,
            since: filter.since.map(|at| at.0),
            until: filter.until.map(|at| at.0),
            before: before.transpose()?,
            first,
        };
        let page = shared.ports.audit.search(asked).await.map_err(|error| {
            tracing::error!("{error}: {:?}", std::error::Error::source(&error));
            ErrorCode::Internal.error("internal error")
        })?;
        let nodes = page.questions.into_iter();
        Ok(QuestionsAskedPage {
            nodes: nodes
                .map(|(place, asked)| AskedQuestion::of(place, asked))
                .collect(),
            next: page.more_before.map(id_of),
            lost: page.lost,
        })
    }
}

impl AskedQuestion {
    fn of(place: AuditPlace, asked: AuditedQuestion) -> Self {
        let took = std::time::Duration::from_micros(asked.took_us);
        Self {
            id: id_of(place),
            at: DateTime(asked.at),
            who: asked.who,
            kind: asked.kind.into(),
            operation: asked.operation,
            fields: asked.fields,
            hash: asked.hash,
            outcome: asked.outcome,
            rows: asked.rows,
            took_ms: took.as_secs_f64() * 1_000.0,
            times: asked.times,
        }
    }
}

fn id_of(place: AuditPlace) -> ID {
    ID(format!("{}.{}.{}", place.book, place.entry, place.question))
}

fn place_of(id: &ID) -> Option<AuditPlace> {
    let mut parts = id.split('.').map(|part| part.parse::<u64>().ok());
    let mut part = || parts.next().flatten();
    Some(AuditPlace {
        book: part()?,
        entry: part()?,
        question: part()?,
    })
}
