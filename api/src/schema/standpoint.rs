//! From where a question looks at the estate: which knowledge, and which moment.

use async_graphql::{Context, InputObject, Result};
use model::{AsOf, Timestamp};

use super::Shared;
use super::scalars::{DateTime, LogPosition};
use crate::error::ErrorCode;
use crate::reading::{reading, view_error};
use crate::{KnownAt, ReadView};

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
}

/// The moment of a question, before it is known where it ends up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    stated: Option<Timestamp>,
}

impl Moment {
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
        Self::at(ctx, view, moment)
    }

    /// The standpoint in a view at a moment, now if none was stated.
    pub(crate) fn at(ctx: &Context<'_>, view: ReadView, moment: Moment) -> Result<Self> {
        let valid_at = match moment.stated {
            Some(stated) => stated,
            None => ctx.data::<Shared>()?.ports.clock.now(),
        };
        Ok(Self {
            view,
            valid_at,
            stated: moment.stated.is_some(),
        })
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
