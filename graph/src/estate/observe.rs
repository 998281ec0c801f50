//! Folding what sources observe: items, relations, calls and deviations.

use model::{
    Claim, EventEnvelope, ItemDeviated, ItemRetired, ObservedCalls, ObservedItem, ObservedRelation,
    RelationDeviated, RelationEnded, SourceKey, Timestamp, ValidInterval,
};

use super::Estate;
use crate::facts::ItemFacts;
use crate::freshness::HalfLife;
use crate::identity::{Worth, worth};
use crate::intern::WordIx;
use crate::mention::{Link, MentionIx, TakenBackName, TimedAlias};
use crate::relations::{ANY_KIND, CallCounts};
use crate::stamped::Stamp;
use crate::validity::{Evidence, Validity};

/// What a statement says of time, before it is turned into intervals.
struct Said {
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    report_interval_ms: Option<u64>,
}

/// Whom a name is given to, by whom and when.
#[derive(Clone, Copy)]
struct Named {
    mention: MentionIx,
    source: WordIx,
    stamp: Stamp,
    from: Timestamp,
    until: Option<Timestamp>,
}

impl Estate {
    pub(super) fn item_observed(
        &mut self,
        envelope: &EventEnvelope,
        item: &ObservedItem,
        stamp: Stamp,
    ) {
        let mention = self.item_described(envelope, item, stamp);
        let said = Said {
            valid_from: item.valid_from,
            valid_until: item.valid_until,
            report_interval_ms: item.report_interval_ms,
        };
        let half_life = HalfLife::of([self.kind_of(mention)]);
        let source = self.source(envelope);
        let facts = self.facts_mut(mention);
        said.apply(&mut facts.validity, source, stamp, half_life);
        if let Some(listed) = &item.relations {
            self.relations_listed(source, item.report_interval_ms, listed, stamp);
        }
    }

    /// Names, aliases and facts of an item, without its time.
    fn item_described(
        &mut self,
        envelope: &EventEnvelope,
        item: &ObservedItem,
        stamp: Stamp,
    ) -> MentionIx {
        let mention = self.mention(&item.key);
        let source = self.source(envelope);
        let from = item.valid_from.unwrap_or(stamp.at);
        let named = Named {
            mention,
            source,
            stamp,
            from,
            until: item.valid_until,
        };
        for claim in &item.claims {
            self.named(named, &claim.scheme, &claim.value, (None, None));
        }
        for alias in &item.aliases {
            let valid = (alias.valid_from, alias.valid_until);
            self.named(named, &alias.scheme, &alias.value, valid);
        }
        let taken_back = item.taken_back.iter();
        for claim in taken_back.flat_map(|back| &back.names) {
            self.name_taken_back(named, claim);
        }
        let position = envelope.position;
        let view = &mut self.view;
        let words = &mut view.identity.words;
        let facts = view.facts.grow_to(mention.0 as usize);
        facts.say(source, position, stamp, item, words);
        mention
    }

    /// A name for ever makes one item; a name for a time is asked for by the moment.
    ///
    /// What is only ever a name for a time is taken to hold while the statement does, and after it
    /// until another item is seen under it.
    fn named(
        &mut self,
        named: Named,
        scheme: &str,
        value: &str,
        valid: (Option<Timestamp>, Option<Timestamp>),
    ) {
        if worth(scheme) == Worth::Inside {
            return;
        }
        let key = SourceKey::Claim {
            scheme: scheme.to_owned(),
            value: value.to_owned(),
        };
        let name = self.mention(&key);
        let Named {
            mention: means,
            source,
            ..
        } = named;
        let alias = match (valid, worth(scheme)) {
            ((None, None), Worth::Unique | Worth::Stated | Worth::Weak | Worth::Inside) => {
                let at = named.stamp.at;
                let link = Link {
                    other: name,
                    source,
                    at,
                };
                self.view.identity.link(means, link);
                return;
            }
            ((None, None), Worth::Timed) => TimedAlias {
                from: named.from,
                until: named.until.unwrap_or(Timestamp::MAX),
                seen_until: Some(named.stamp.at.max(named.from)),
                means,
                source,
                said_at: named.stamp.at,
            },
            ((from, until), _) => TimedAlias {
                from: from.unwrap_or(Timestamp::MIN),
                until: until.unwrap_or(Timestamp::MAX),
                seen_until: None,
                means,
                source,
                said_at: named.stamp.at,
            },
        };
        self.view.identity.alias(name, alias);
    }

    /// From then on the source does not know an item by a name.
    fn name_taken_back(&mut self, named: Named, claim: &Claim) {
        if worth(&claim.scheme) == Worth::Inside {
            return;
        }
        let name = self.mention(&SourceKey::Claim {
            scheme: claim.scheme.clone(),
            value: claim.value.clone(),
        });
        let taken_back = TakenBackName {
            other: name,
            source: named.source,
            at: named.stamp.at,
        };
        self.view.identity.take_back(named.mention, taken_back);
    }

    pub(super) fn item_retired(&mut self, envelope: &EventEnvelope, item: &ItemRetired) {
        let mention = self.mention(&item.key);
        let source = self.source(envelope);
        self.facts_mut(mention)
            .validity
            .end(source, envelope.occurred_at);
        self.lists_ended(mention, source, envelope.occurred_at);
    }

    pub(super) fn relation_observed(
        &mut self,
        envelope: &EventEnvelope,
        relation: &ObservedRelation,
        stamp: Stamp,
    ) {
        let dependent = self.mention(&relation.dependent);
        let provider = self.mention(&relation.provider);
        let half_life = self.half_life(dependent, provider);
        let source = self.source(envelope);
        let said = Said {
            valid_from: relation.valid_from,
            valid_until: relation.valid_until,
            report_interval_ms: relation.report_interval_ms,
        };
        let view = &mut self.view;
        let row = view.relations.row_of(
            dependent,
            provider,
            &relation.kind,
            &mut view.identity.words,
        );
        view.relations.change(row, |row| {
            row.say_strength(stamp, relation.strength);
            said.apply(&mut row.validity, source, stamp, half_life);
        });
    }

    pub(super) fn relation_ended(&mut self, envelope: &EventEnvelope, relation: &RelationEnded) {
        let dependent = self.mention(&relation.dependent);
        let provider = self.mention(&relation.provider);
        let source = self.source(envelope);
        let view = &mut self.view;
        let row = view.relations.row_of(
            dependent,
            provider,
            &relation.kind,
            &mut view.identity.words,
        );
        view.relations
            .change(row, |row| row.validity.end(source, envelope.occurred_at));
    }

    pub(super) fn calls_observed(
        &mut self,
        envelope: &EventEnvelope,
        calls: &ObservedCalls,
        stamp: Stamp,
    ) {
        let report_interval_ms = i64::try_from(calls.report_interval_ms).unwrap_or(i64::MAX);
        let source = self.source(envelope);
        let seen = |first_at, last_at, half_life: HalfLife| Evidence {
            first_at,
            last_at,
            report_interval_ms,
            reach_ms: half_life.reach_ms(report_interval_ms),
        };
        for item in &calls.items {
            let mention = self.item_described(envelope, item, stamp);
            let half_life = HalfLife::of([self.kind_of(mention)]);
            let until = calls.window.until().unwrap_or(calls.window.from());
            let evidence = seen(calls.window.from(), until, half_life);
            self.facts_mut(mention).validity.see(source, evidence);
        }
        for call in &calls.calls {
            let dependent = self.mention(&call.dependent);
            let provider = self.mention(&call.provider);
            let evidence = seen(
                call.first_seen_at,
                call.last_seen_at,
                self.half_life(dependent, provider),
            );
            let counts = CallCounts {
                calls: call.calls,
                errors: call.errors,
                from: calls.window.from(),
                until: calls.window.until().unwrap_or(calls.window.from()),
            };
            let view = &mut self.view;
            let row =
                view.relations
                    .row_of(dependent, provider, &call.kind, &mut view.identity.words);
            view.relations.change(row, |row| {
                row.validity.see(source, evidence);
                row.say_counts(
                    Stamp {
                        at: counts.from,
                        tie: stamp.tie,
                    },
                    counts,
                );
            });
            for end in [dependent, provider] {
                let half_life = HalfLife::of([self.kind_of(end)]);
                let evidence = seen(call.first_seen_at, call.last_seen_at, half_life);
                self.facts_mut(end).validity.see(source, evidence);
            }
        }
    }

    pub(super) fn item_deviated(&mut self, deviated: &ItemDeviated, stamp: Stamp) {
        let mention = self.mention(&deviated.key);
        self.facts_mut(mention)
            .say_deviation(&deviated.deviation, stamp);
    }

    pub(super) fn relation_deviated(&mut self, deviated: &RelationDeviated, stamp: Stamp) {
        let dependent = self.mention(&deviated.dependent);
        let provider = self.mention(&deviated.provider);
        let any_kind = || model::RelationKind::new(ANY_KIND);
        let kind = deviated.kind.clone().unwrap_or_else(any_kind);
        let view = &mut self.view;
        let row = view
            .relations
            .row_of(dependent, provider, &kind, &mut view.identity.words);
        view.relations.change(row, |row| {
            row.say_deviation(&deviated.deviation, stamp);
        });
    }

    fn facts_mut(&mut self, mention: MentionIx) -> &mut ItemFacts {
        self.view.facts.grow_to(mention.0 as usize)
    }

    fn source(&mut self, envelope: &EventEnvelope) -> WordIx {
        self.view.identity.words.add(envelope.id.source.as_str())
    }

    pub(super) fn half_life(&self, dependent: MentionIx, provider: MentionIx) -> HalfLife {
        HalfLife::of([self.kind_of(dependent), self.kind_of(provider)])
    }

    /// The kind as the mention itself says it, so that it does not depend on what else is known.
    fn kind_of(&self, mention: MentionIx) -> &str {
        let identity = &self.view.identity;
        let parts = identity.mention(mention).parts();
        parts.map_or("", |parts| identity.words.text(parts.kind))
    }
}

impl Said {
    fn apply(&self, validity: &mut Validity, source: WordIx, stamp: Stamp, half_life: HalfLife) {
        match (self.valid_from, self.report_interval_ms) {
            (None, Some(interval_ms)) => {
                let interval_ms = i64::try_from(interval_ms).unwrap_or(i64::MAX);
                validity.see(
                    source,
                    Evidence {
                        first_at: stamp.at,
                        last_at: stamp.at,
                        report_interval_ms: interval_ms,
                        reach_ms: half_life.reach_ms(interval_ms),
                    },
                );
            }
            (None, None) if self.valid_until.is_none() => validity.stand(source, stamp.at),
            (from, _) => {
                let from = from.unwrap_or(stamp.at);
                match ValidInterval::new(from, self.valid_until) {
                    Some(interval) => validity.declare(source, interval, stamp),
                    // It ended before or as it began: that is an end.
                    None => validity.end(source, from),
                }
            }
        }
    }
}
