//! From where a question looks at the estate: which knowledge, and which moment.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use graph::ItemField;
use model::{AsOf, CiId, Timestamp};

use super::asking::ask;
use super::scalars::{DateTime, LogPosition};
use super::sight::Sighted;
use super::{Shared, values};
use crate::error::ErrorCode;
use crate::reading::{reading, view_error};
use crate::{KnownAt, ReadView, ViewError};

/// Most items whose words of a past moment one question reads from the disk, and how many at once.
const WORDS_MAX: usize = 20_000;
const READ_AT_ONCE: usize = 16;

/// From where a question looks: the state of the world at `validAt`, as it was known at `knownAt` or `position`.
#[derive(InputObject)]
pub(crate) struct AsOfInput {
    /// The moment asked about; now when missing.
    pub(crate) valid_at: Option<DateTime>,
    /// What had been recorded by this moment counts as known; everything when missing.
    pub(crate) known_at: Option<DateTime>,
    /// What stands in the log up to exactly this position counts as known. Not together with `knownAt`.
    pub(crate) position: Option<LogPosition>,
}

/// A view and a moment in it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Standpoint {
    pub(crate) view: ReadView,
    pub(crate) valid_at: Timestamp,
    /// Whether the moment was asked for, rather than being now.
    pub(crate) stated: bool,
    /// What whoever asks may see; everything where there is nothing.
    pub(crate) sight: Option<Arc<Sighted>>,
}

/// The moment of a question, before it is known where it ends up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    stated: Option<Timestamp>,
}

impl Moment {
    /// The moment, if one was stated.
    pub(crate) fn stated(self) -> Option<Timestamp> {
        self.stated
    }

    /// The moment, or another one where none was stated.
    pub(crate) fn or(self, otherwise: Option<Timestamp>) -> Self {
        Self {
            stated: self.stated.or(otherwise),
        }
    }

    /// Joins the argument `at` with `asOf.validAt`: either may say it, both only the same.
    pub(crate) fn of(at: Option<DateTime>, as_of: Option<&AsOfInput>) -> Result<Self> {
        let at = at.map(|at| at.0);
        let valid_at = as_of
            .and_then(|as_of| as_of.valid_at.as_ref())
            .map(|it| it.0);
        match (at, valid_at) {
            (Some(at), Some(valid_at)) if at != valid_at => Err(ErrorCode::BadInput
                .error("at and asOf.validAt are two different moments; give one of them")),
            _ => Ok(Self {
                stated: at.or(valid_at),
            }),
        }
    }
}

impl Standpoint {
    /// The standpoint that the argument `asOf` of a field asks for.
    pub(crate) async fn of(ctx: &Context<'_>, as_of: Option<&AsOfInput>) -> Result<Self> {
        let moment = Moment::of(None, as_of)?;
        let view = view_of(ctx, as_of).await?;
        Self::at(ctx, view, moment).await
    }

    /// The standpoint in a view at a moment, now if none was stated.
    ///
    /// What was put away and is asked about comes into the view.
    pub(crate) async fn at(ctx: &Context<'_>, view: ReadView, moment: Moment) -> Result<Self> {
        let brought = Self::at_with(ctx, view, moment, moment.stated.as_slice()).await?;
        brought.map_err(|error| view_error(&error))
    }

    /// The same, with what was put away and was there at any of these moments.
    pub(crate) async fn at_with(
        ctx: &Context<'_>,
        view: ReadView,
        moment: Moment,
        moments: &[Timestamp],
    ) -> Result<Result<Self, ViewError>> {
        let view = match reading(ctx)?.with_past(view, moments).await {
            Ok(view) => view,
            Err(error) => return Ok(Err(error)),
        };
        let valid_at = match moment.stated {
            Some(stated) => stated,
            None => ctx.data::<Shared>()?.ports.clock.now(),
        };
        Ok(Ok(Self {
            sight: Sighted::of(ctx, &view, valid_at)?,
            view,
            valid_at,
            stated: moment.stated.is_some(),
        }))
    }

    /// The standpoint that the argument `asOf` asks for, with owners, criticalities and names of
    /// its moment: for questions about many items, which read them from memory.
    pub(crate) async fn with_words(ctx: &Context<'_>, as_of: Option<&AsOfInput>) -> Result<Self> {
        let mut at = Self::of(ctx, as_of).await?;
        let Some(moment) = at.stated_moment() else {
            return Ok(at);
        };
        let view = at.view.clone();
        let forgotten = ask(ctx, move || {
            let items = view.graph.forgotten_at(moment).take(WORDS_MAX + 1);
            items.map(|item| item.id()).collect::<Vec<CiId>>()
        });
        let forgotten = forgotten.await?;
        if WORDS_MAX < forgotten.len() {
            let message = format!(
                "more than {WORDS_MAX} items had other owners, criticalities, quorums or names then, or may have had"
            );
            return Err(ErrorCode::CostLimit.error(message));
        }
        let (ctx, from) = (&ctx, &at);
        let read = stream::iter(forgotten).map(|id| words_then(ctx, from, id));
        let words: Vec<_> = read.buffered(READ_AT_ONCE).try_collect().await?;
        let words = words.into_iter().flatten().collect();
        at.view.graph = Arc::new(at.view.graph.with_words_of(moment, words));
        Ok(at)
    }

    /// The moment, if one was asked for: without one the newest word counts, whatever its time.
    pub(crate) fn stated_moment(&self) -> Option<Timestamp> {
        self.stated.then_some(self.valid_at)
    }

    /// The last position that is known here.
    pub(crate) fn position(&self) -> LogPosition {
        LogPosition(self.view.position())
    }

    /// Both time axes.
    pub(crate) fn as_of(&self) -> AsOf {
        AsOf {
            valid_at: self.valid_at,
            known_at: self.view.position(),
        }
    }
}

/// What counted of an item at a standpoint's moment.
async fn words_then(
    ctx: &Context<'_>,
    at: &Standpoint,
    id: CiId,
) -> Result<Vec<(CiId, ItemField, String)>> {
    let mut words = Vec::new();
    let Some(item) = at.view.graph.item(id) else {
        return Ok(words);
    };
    for field in ItemField::ALL {
        let word = values::field(ctx, at, item, field).await?;
        words.extend(word.map(|word| (id, field, word)));
    }
    Ok(words)
}

/// The view a field reads: that of the request, unless `asOf` asks for an earlier knowledge.
pub(crate) async fn view_of(ctx: &Context<'_>, as_of: Option<&AsOfInput>) -> Result<ReadView> {
    let position = as_of.and_then(|as_of| as_of.position.as_ref());
    let known_at = as_of.and_then(|as_of| as_of.known_at.as_ref());
    let known_at = match (position, known_at) {
        (Some(_), Some(_)) => {
            return Err(ErrorCode::BadInput
                .error("asOf takes position or knownAt, not both: each says what was known"));
        }
        (Some(position), None) => KnownAt::Position(position.0),
        (None, Some(moment)) => KnownAt::Moment(moment.0),
        (None, None) => return reading(ctx)?.newest().await.cloned(),
    };
    let views = &ctx.data::<Shared>()?.ports.views;
    let view = views.as_known_at(known_at).await;
    view.map_err(|error| view_error(&error))
}
