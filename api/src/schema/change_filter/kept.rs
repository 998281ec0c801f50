//! The same conditions as they are kept: keys in the place of ids, so that a better rule of identity repairs them.

use async_graphql::Result;
use index::TextQuestion;
use model::SourceKey;

use super::ChangeFilter;
use crate::error::ErrorCode;
use crate::schema::keys;
use crate::schema::standpoint::Standpoint;
use crate::schema::structure::Direction;

/// Keys, aliases or ids as they are kept.
pub(crate) fn kept_keys(
    at: &Standpoint,
    field: &str,
    keys: Option<Vec<String>>,
) -> Result<Vec<SourceKey>> {
    let keys = keys.into_iter().flatten();
    keys.map(|key| keys::to_record(at, field, SourceKey::Text(key)))
        .collect()
}

impl From<Direction> for model::RuleReach {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Itself => Self::Itself,
            Direction::DependsOn => Self::DependsOn,
            Direction::UsedBy => Self::UsedBy,
            Direction::Both => Self::Both,
        }
    }
}

impl ChangeFilter {
    /// The conditions as they are kept.
    pub(crate) fn into_kept(self, at: &Standpoint) -> Result<model::ChangeFilter> {
        self.check()?;
        let list = |one: Option<String>, more: Option<Vec<String>>| {
            let mut list = more.unwrap_or_default();
            list.extend(one);
            list
        };
        let statuses = |list: Vec<super::ChangeStatus>| list.into_iter().map(Into::into).collect();
        let impact = self.impact.map(|impact| {
            let items = kept_keys(at, "filter.impact.items", Some(impact.items))?;
            Ok::<_, async_graphql::Error>(model::ItemsAround {
                items,
                direction: impact.direction.into(),
                hops_max: impact.hops_max,
            })
        });
        let part_of = self.part_of.map(|id| {
            let row = crate::schema::change::Change::require(at, &id)?;
            Ok::<_, async_graphql::Error>(row.reference())
        });
        let actors = self.operator_kinds.into_iter().flatten();
        let kept = model::ChangeFilter {
            text: self.text,
            title: self.title,
            items: kept_keys(at, "filter.items", self.items)?,
            inside: kept_keys(at, "filter.inside", self.inside)?,
            item_kinds: self.item_kinds.unwrap_or_default(),
            teams: self.teams.unwrap_or_default(),
            impact: impact.transpose()?,
            environments: list(self.environment, self.environments),
            kinds: list(self.kind, self.kinds),
            scenes: list(self.scene, self.scenes),
            levels: self.levels.unwrap_or_default(),
            statuses: statuses(self.status.unwrap_or_default()),
            became: self.became.map(|became| model::BecameStatus {
                statuses: statuses(became.status),
                from: became.from.map(|at| at.0),
                until: became.to.map(|at| at.0),
            }),
            operators: list(self.operator, self.operators),
            operator_kinds: actors.map(Into::into).collect(),
            sources: list(self.source, self.sources),
            emergency: self.emergency,
            bookkeeping: self.bookkeeping,
            fold_keys: self.fold_keys.unwrap_or_default(),
            exemptions: self.exemptions.unwrap_or_default(),
            check_results: self.check_results.unwrap_or_default(),
            flows: self.flows.unwrap_or_default(),
            categories: self.categories.unwrap_or_default(),
            domains: self.domains.unwrap_or_default(),
            risk_levels: self.risk_levels.unwrap_or_default(),
            artifact: self.artifact,
            commit: self.commit,
            part_of: part_of.transpose()?,
            from: self.from.map(|at| at.0),
            until: self.to.map(|at| at.0),
            finished_from: self.finished_from.map(|at| at.0),
            finished_until: self.finished_to.map(|at| at.0),
        };
        texts_of(&kept)?;
        Ok(kept)
    }
}

/// What kept conditions ask of texts.
pub(crate) fn texts_of(filter: &model::ChangeFilter) -> Result<TextQuestion> {
    TextQuestion::of_filter(filter)
        .map_err(|(field, error)| ErrorCode::BadInput.error(format!("filter.{field}: {error}")))
}
