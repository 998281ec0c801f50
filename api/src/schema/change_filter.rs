//! Which changes are asked for, in the words of a client.

mod kept;

use async_graphql::{ID, InputObject, Result};
use index::{ExactTerm, TextQuery};

use super::change_input::{ChangeStatus, OperatorKind};
use super::scalars::DateTime;
use super::structure::Direction;
use crate::error::ErrorCode;

pub(crate) use kept::{kept_keys, texts_of};

/// Most entries of one list of a filter.
const LIST_MAX: usize = 100;

/// Which changes to show. Everything that is given must hold; of a list, one entry.
#[derive(InputObject, Default)]
pub(crate) struct ChangeFilter {
    /// Its texts hold this: words that must all be found, `"a phrase"`, `prefix*`, `OR`, `-not`, parentheses,
    /// `title:word`, `name:word`, `body:word`. Chinese is cut into words, identifiers are found by their parts.
    /// Every text of it is searched: title, description, release notes, names of people and things, ids.
    /// Where the full text is behind the view the next 5,000 changes that were spoken of are looked through
    /// beside it; see `truncated` and `textsPosition`. A live list looks at the statement it tells.
    pub(super) text: Option<String>,
    /// Its title holds this, in the same language.
    pub(super) title: Option<String>,
    /// It touches one of these items, by itself or by a batch. Keys, aliases or ids; unknown ones match nothing.
    pub(super) items: Option<Vec<String>>,
    /// It touches something that lies inside one of these items, or the item itself: a business, a cluster, a host.
    pub(super) inside: Option<Vec<String>>,
    /// It touches an item of one of these kinds.
    pub(super) item_kinds: Option<Vec<String>>,
    /// It touches something that one of these teams answers for: as owner, or as that of the nearest container.
    pub(super) teams: Option<Vec<String>>,
    /// It touches something around these items, as the relations are at the moment asked about.
    pub(super) impact: Option<ImpactScope>,
    /// It takes effect in this environment; a change that names none counts by its items.
    pub(super) environment: Option<String>,
    /// It takes effect in one of these environments.
    pub(super) environments: Option<Vec<String>>,
    /// It is of this kind.
    pub(super) kind: Option<String>,
    /// It is of one of these kinds.
    pub(super) kinds: Option<Vec<String>>,
    /// It belongs to this scene.
    pub(super) scene: Option<String>,
    /// It belongs to one of these scenes.
    pub(super) scenes: Option<Vec<String>>,
    /// Its level of control is one of these.
    pub(super) levels: Option<Vec<String>>,
    /// It stands at one of these.
    pub(super) status: Option<Vec<ChangeStatus>>,
    /// It came to a status in a span of time.
    pub(super) became: Option<BecameFilter>,
    /// This operator carried it out.
    pub(super) operator: Option<String>,
    /// One of these operators carried it out.
    pub(super) operators: Option<Vec<String>>,
    /// Such an operator carried it out.
    pub(super) operator_kinds: Option<Vec<OperatorKind>>,
    /// This platform made it.
    pub(super) source: Option<String>,
    /// One of these platforms made it.
    pub(super) sources: Option<Vec<String>>,
    /// It jumped the queue, or did not; where nobody said so it did not.
    pub(super) emergency: Option<bool>,
    /// Whether only bookkeeping differs in it; of a list both are shown when missing, of `changesNearby` only what is meant.
    pub(super) bookkeeping: Option<bool>,
    /// It is of one of these acts: what its platform knows several changes by, whatever their case.
    pub(super) fold_keys: Option<Vec<String>>,
    /// It uses one of these exemptions: `green_channel`, `white_list`.
    pub(super) exemptions: Option<Vec<String>>,
    /// A check of it found one of these: `pass`, `warn`, `block`, `error`, `skipped`.
    pub(super) check_results: Option<Vec<String>>,
    /// It takes effect in one of these ways, as stated or as its batches tell: `one_shot`, `machine_batches`, `traffic_ratio`.
    pub(super) flows: Option<Vec<String>>,
    /// It is of one of these classes of its source's own tree, whatever their case.
    pub(super) categories: Option<Vec<String>>,
    /// It belongs to one of these domains, whatever their case.
    pub(super) domains: Option<Vec<String>>,
    /// Its platform sees one of these risks, whatever their case.
    pub(super) risk_levels: Option<Vec<String>>,
    /// It delivers this artifact: a name, `name@version`, a digest or an address.
    pub(super) artifact: Option<String>,
    /// It delivers this commit, given in full or by its beginning.
    pub(super) commit: Option<String>,
    /// It is a part of this change.
    pub(super) part_of: Option<ID>,
    /// It starts at this moment or later.
    pub(super) from: Option<DateTime>,
    /// It starts before this moment.
    pub(super) to: Option<DateTime>,
    /// It was through at this moment or later.
    pub(super) finished_from: Option<DateTime>,
    /// It was through before this moment.
    pub(super) finished_to: Option<DateTime>,
}

/// What lies around some items.
#[derive(InputObject)]
pub(crate) struct ImpactScope {
    /// The items to begin with. Keys, aliases or ids; unknown ones mean nothing.
    pub(super) items: Vec<String>,
    /// Which way to go: `DEPENDS_ON` is what they need, so where the cause of their harm may lie.
    pub(super) direction: Direction,
    /// How many relations to go; as far as they reach when missing.
    pub(super) hops_max: Option<u32>,
}

/// That a change came to a status in a span of time, by the moments that its statements speak of.
#[derive(InputObject)]
pub(crate) struct BecameFilter {
    /// To one of these.
    pub(super) status: Vec<ChangeStatus>,
    /// At this moment or later.
    pub(super) from: Option<DateTime>,
    /// Before this moment.
    pub(super) to: Option<DateTime>,
}

impl ChangeFilter {
    /// Refuses what cannot be meant.
    pub(super) fn check(&self) -> Result<()> {
        let lists = [
            ("items", &self.items),
            ("inside", &self.inside),
            ("itemKinds", &self.item_kinds),
            ("teams", &self.teams),
            ("environments", &self.environments),
            ("kinds", &self.kinds),
            ("scenes", &self.scenes),
            ("levels", &self.levels),
            ("operators", &self.operators),
            ("sources", &self.sources),
            ("categories", &self.categories),
            ("domains", &self.domains),
            ("riskLevels", &self.risk_levels),
            ("foldKeys", &self.fold_keys),
            ("exemptions", &self.exemptions),
            ("flows", &self.flows),
            ("checkResults", &self.check_results),
        ];
        for (name, list) in lists {
            if list.as_ref().is_some_and(|list| LIST_MAX < list.len()) {
                let message = format!("filter.{name} has {LIST_MAX} entries at most");
                return Err(ErrorCode::BadInput.error(message));
            }
        }
        if let Some(became) = &self.became
            && became.status.is_empty()
        {
            let message = "filter.became.status names at least one status";
            return Err(ErrorCode::BadInput.error(message));
        }
        Ok(())
    }

    /// What is looked for in texts, those of the title first.
    pub(super) fn queries(&self) -> Result<Option<TextQuery>> {
        let read = |name: &str, text: &Option<String>| -> Result<Option<TextQuery>> {
            let text = text.as_deref().filter(|text| !text.trim().is_empty());
            let query = text.map(str::parse::<TextQuery>).transpose();
            query.map_err(|error| ErrorCode::BadInput.error(format!("filter.{name}: {error}")))
        };
        let title = read("title", &self.title)?.map(TextQuery::in_title);
        let text = read("text", &self.text)?;
        Ok(match (title, text) {
            (Some(title), Some(text)) => Some(title.and(text)),
            (title, text) => title.or(text),
        })
    }

    /// What is found as it is.
    pub(super) fn exact(&self) -> Result<Vec<Vec<ExactTerm>>> {
        let list = |named: fn(&str) -> ExactTerm, list: &Option<Vec<String>>| {
            let list = list.as_ref().filter(|list| !list.is_empty());
            list.map(|list| list.iter().map(|value| named(value)).collect())
        };
        let one = |named: fn(&str) -> ExactTerm, value: &Option<String>| {
            value.as_deref().map(|value| vec![named(value)])
        };
        let part_of = self.part_of.as_ref().map(|id| {
            let id = id.parse().map_err(|_| {
                let message = format!("filter.partOf: {} is no id of a change", &**id);
                ErrorCode::BadInput.error(message)
            })?;
            Ok::<_, async_graphql::Error>(vec![ExactTerm::part_of(id)])
        });
        let terms = [
            list(ExactTerm::category, &self.categories),
            list(ExactTerm::domain, &self.domains),
            list(ExactTerm::risk_level, &self.risk_levels),
            list(ExactTerm::fold_key, &self.fold_keys),
            list(ExactTerm::exemption, &self.exemptions),
            list(ExactTerm::flow, &self.flows),
            list(ExactTerm::check_result, &self.check_results),
            one(ExactTerm::artifact, &self.artifact),
            one(ExactTerm::commit, &self.commit),
            part_of.transpose()?,
        ];
        Ok(terms.into_iter().flatten().collect())
    }
}
