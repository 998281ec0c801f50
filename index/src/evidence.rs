//! What an event is evidence of: the way from an item or a relation back to the log.

use std::collections::BTreeSet;

use graph::claim_of;
use model::{
    Claim, ContentHash, EventEnvelope, IdentityDecision, Observation, RelationKind, SourceKey,
    Topic,
};

use crate::keys::Subject;

/// What events can be evidence of, by name: which names are one item is decided elsewhere and later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidenceSubject {
    /// What is called so, whoever calls it so.
    Item(Claim),
    /// What is said between two names.
    Relation {
        /// Who needs the other.
        dependent: Claim,
        /// Who is needed.
        provider: Claim,
        /// How.
        kind: String,
    },
    /// A decision about identity, by [`graph::decision_id`].
    Decision([u8; 16]),
}

impl EvidenceSubject {
    /// What a source's key names.
    pub fn item(key: &SourceKey) -> Self {
        Self::Item(claim_of(key))
    }

    /// A relation between what two keys name.
    pub fn relation(dependent: &SourceKey, provider: &SourceKey, kind: &RelationKind) -> Self {
        Self::Relation {
            dependent: claim_of(dependent),
            provider: claim_of(provider),
            kind: kind.as_str().to_owned(),
        }
    }

    /// What the entries of this subject begin with.
    pub(crate) fn digest(&self) -> Subject {
        let text = match self {
            Self::Item(claim) => serde_json::to_vec(&("item", claim)),
            Self::Relation {
                dependent,
                provider,
                kind,
            } => serde_json::to_vec(&("relation", dependent, provider, kind)),
            Self::Decision(id) => serde_json::to_vec(&("decision", id)),
        };
        *ContentHash::of(&text.expect("names are texts")).as_bytes()
    }
}

/// What an event is evidence of, each once.
///
/// Calls are evidence of their relations; of items they are only where they describe them, or
/// a busy service would have nothing but windows of traces to show.
pub fn evidence_of(event: &EventEnvelope) -> Vec<EvidenceSubject> {
    let decision = |id| vec![EvidenceSubject::Decision(graph::decision_id(id))];
    match event.event.topic() {
        Topic::Observation(observation) => observed(observation),
        Topic::Identity(IdentityDecision::Merged(_) | IdentityDecision::Split(_)) => {
            decision(&event.id)
        }
        Topic::Identity(IdentityDecision::Reverted(reverted)) => decision(&reverted.decision),
        Topic::Deviation(_)
        | Topic::Change(_)
        | Topic::Incident(_)
        | Topic::Judgement(_)
        | Topic::Intake
        | Topic::Definition
        | Topic::Access => Vec::new(),
    }
}

fn observed(observation: Observation<'_>) -> Vec<EvidenceSubject> {
    match observation {
        Observation::Item(item) => {
            let listed = item.relations.iter().flat_map(|listed| &listed.relations);
            let relations = listed
                .map(|one| EvidenceSubject::relation(&one.dependent, &one.provider, &one.kind));
            each_once(std::iter::once(EvidenceSubject::item(&item.key)).chain(relations))
        }
        Observation::ItemRetired(item) => vec![EvidenceSubject::item(&item.key)],
        Observation::Relation(relation) => vec![EvidenceSubject::relation(
            &relation.dependent,
            &relation.provider,
            &relation.kind,
        )],
        Observation::RelationEnded(relation) => vec![EvidenceSubject::relation(
            &relation.dependent,
            &relation.provider,
            &relation.kind,
        )],
        Observation::Calls(calls) => {
            let items = calls.items.iter();
            let items = items.map(|item| EvidenceSubject::item(&item.key));
            let calls = calls.calls.iter();
            let relations = calls
                .map(|call| EvidenceSubject::relation(&call.dependent, &call.provider, &call.kind));
            each_once(items.chain(relations))
        }
    }
}

fn each_once(subjects: impl Iterator<Item = EvidenceSubject>) -> Vec<EvidenceSubject> {
    let each_once: BTreeSet<EvidenceSubject> = subjects.collect();
    each_once.into_iter().collect()
}
