//! Which names an event or a question speaks of, as fingerprints.

use model::{
    CiId, Deviated, Event, IdentityDecision, KeyParts, Observation, ObservedItem, SourceKey,
    Timestamp, Topic,
};

use super::run::Times;
use super::{Archive, BundleIx};
use crate::identity::{Identity, name_hash};
use crate::mention::{Name, ReadKey, id_of};

/// What a question may look at of what was put away.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Times asked about, both ends included.
    pub times: Vec<(Timestamp, Timestamp)>,
    /// Keys, aliases and ids.
    pub names: Vec<String>,
}

/// The first bytes of a hash: enough to find a bundle, and what else they find does no harm.
pub(super) fn fingerprint(hash: &[u8; 16]) -> u32 {
    let first = hash.first_chunk();
    u32::from_be_bytes(*first.expect("a hash has 16 bytes"))
}

/// The fingerprints of a name: its own, and that of its kind and name if it is a key, because keys with
/// unknown parts may mean it.
pub(super) fn of_name(identity: &Identity, name: &Name) -> Vec<u32> {
    let id = CiId::of(&name.to_claim(&identity.words));
    let own = fingerprint(id.as_bytes());
    match name {
        Name::Key(parts) => {
            let kind = identity.words.text(parts.kind);
            let alike = name_hash(kind, &parts.name);
            vec![own, fingerprint(alike.as_bytes())]
        }
        Name::Claim { .. } => vec![own],
    }
}

fn of_read(key: &ReadKey) -> Vec<u32> {
    let own = fingerprint(key.id().as_bytes());
    match key {
        ReadKey::Key(parts) => {
            let alike = name_hash(&parts.kind, &parts.name);
            vec![own, fingerprint(alike.as_bytes())]
        }
        ReadKey::Claim(_) => vec![own],
    }
}

/// Everything that a text in a question may name.
fn of_text(text: &str) -> Vec<u32> {
    if let Ok(id) = text.parse::<CiId>() {
        return vec![fingerprint(id.as_bytes())];
    }
    let mut found = of_read(&ReadKey::read(&SourceKey::text(text)));
    if let Some((kind, rest)) = text.split_once(':') {
        // A name with slashes, as it is written.
        let kind = kind.to_lowercase();
        let names = [Some(rest), rest.split_once('/').map(|(_, name)| name)];
        for name in names.into_iter().flatten() {
            found.extend(of_read(&ReadKey::Key(KeyParts::new(kind.clone(), name))));
        }
    }
    found
}

impl Archive {
    /// The bundles that an event may speak of.
    pub(super) fn met_by(&self, event: &Event, identity: &Identity) -> Vec<BundleIx> {
        let mut met = Vec::new();
        if self.is_empty() {
            return met;
        }
        each_key(event, &mut |key| {
            // What is in memory was not put away, nor anything that hangs together with it.
            if identity.find_id(id_of(key)).is_none() {
                let fingerprints = of_read(&ReadKey::read(key)).into_iter();
                met.extend(fingerprints.flat_map(|fingerprint| self.named(fingerprint)));
            }
        });
        met.sort_unstable();
        met.dedup();
        met
    }

    /// The bundles that a question may look at.
    pub(super) fn asked_for(&self, asked: &Asked) -> Vec<BundleIx> {
        let named = asked.names.iter().flat_map(|name| of_text(name));
        let named = named.flat_map(|fingerprint| self.named(fingerprint));
        let mut bundles: Vec<BundleIx> = named.collect();
        let times = Times::of(&asked.times);
        if !times.is_empty() {
            bundles.extend(self.during(&times));
        }
        bundles.sort_unstable();
        bundles.dedup();
        bundles
    }
}

/// Calls `take` with every key that folding an event looks up or makes known.
fn each_key(event: &Event, take: &mut dyn FnMut(&SourceKey)) {
    match event.topic() {
        Topic::Observation(observation) => of_observation(observation, take),
        Topic::Change(change) => {
            let batches = change.batches.iter().flat_map(|batch| &batch.targets);
            change.targets.iter().chain(batches).for_each(take);
        }
        Topic::Incident(incident) => incident.items.iter().for_each(take),
        Topic::Deviation(Deviated::Item(deviated)) => take(&deviated.key),
        Topic::Deviation(Deviated::Relation(deviated)) => {
            take(&deviated.dependent);
            take(&deviated.provider);
        }
        Topic::Identity(IdentityDecision::Merged(merged)) => merged.items.iter().for_each(take),
        Topic::Identity(IdentityDecision::Split(split)) => {
            split.names.iter().chain(&split.from).for_each(take);
        }
        Topic::Identity(IdentityDecision::Reverted(_))
        | Topic::Judgement(_)
        | Topic::Intake
        | Topic::Definition
        | Topic::Access => {}
    }
}

fn of_observation(observation: Observation<'_>, take: &mut dyn FnMut(&SourceKey)) {
    match observation {
        Observation::Item(item) => of_item(item, take),
        Observation::ItemRetired(retired) => take(&retired.key),
        Observation::Relation(relation) => {
            take(&relation.dependent);
            take(&relation.provider);
        }
        Observation::RelationEnded(relation) => {
            take(&relation.dependent);
            take(&relation.provider);
        }
        Observation::Calls(calls) => {
            calls.items.iter().for_each(|item| of_item(item, take));
            for call in &calls.calls {
                take(&call.dependent);
                take(&call.provider);
            }
        }
    }
}

fn of_item(item: &ObservedItem, take: &mut dyn FnMut(&SourceKey)) {
    take(&item.key);
    let claims = item
        .claims
        .iter()
        .map(|claim| (&claim.scheme, &claim.value));
    let aliases = item
        .aliases
        .iter()
        .map(|alias| (&alias.scheme, &alias.value));
    let taken_back = item.taken_back.iter().flat_map(|back| &back.names);
    let taken_back = taken_back.map(|claim| (&claim.scheme, &claim.value));
    for (scheme, value) in claims.chain(aliases).chain(taken_back) {
        take(&SourceKey::Claim {
            scheme: scheme.clone(),
            value: value.clone(),
        });
    }
    if let Some(listed) = &item.relations {
        take(&listed.of);
        for relation in &listed.relations {
            take(&relation.dependent);
            take(&relation.provider);
        }
    }
}
