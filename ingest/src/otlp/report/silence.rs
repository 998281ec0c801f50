//! What a closed window says by what is not in it: calls that stopped.

use std::collections::BTreeMap;

use model::Event;

use super::{Reporter, item_deviated, relation_deviated};
use crate::otlp::items::{ItemNumber, Items};
use crate::otlp::windows::ClosedWindow;

impl Reporter {
    /// Judges the known routes that are not in a window though whoever makes their calls sent spans of it,
    /// and the items that none of whose calls came because of that.
    pub(super) fn judge_silence(
        &mut self,
        window: &ClosedWindow,
        items: &Items,
        of_relations: &mut Vec<Event>,
        of_items: &mut Vec<Event>,
    ) {
        if !window.is_whole {
            return;
        }
        let mut stopped = Vec::new();
        let mut since: BTreeMap<ItemNumber, i64> = BTreeMap::new();
        for (route, known) in &mut self.routes {
            if !window.senders.contains(&route.dependent) {
                continue;
            }
            let off = known.baseline.judge_silence(window, self.summary_nanos);
            if let Some(from) = known.baseline.stopped_since() {
                let first = since.entry(route.provider).or_insert(from);
                *first = from.min(*first);
            }
            let ends = items.key(route.dependent).zip(items.key(route.provider));
            stopped.extend(ends.zip(off).map(|(ends, off)| (ends, route.kind, off)));
        }
        stopped.sort_by_key(|(ends, kind, _)| (*ends, *kind));
        let stopped = stopped.into_iter();
        of_relations.extend(stopped.map(|(ends, kind, off)| relation_deviated(ends, kind, off)));
        let mut silent = Vec::new();
        for (provider, since) in since {
            let known = self.providers.get_mut(&provider);
            let off = known
                .and_then(|(baseline, _)| baseline.judge_stop(window, since, self.summary_nanos));
            silent.extend(items.key(provider).zip(off));
        }
        silent.sort_by_key(|(key, _)| *key);
        of_items.extend(silent.into_iter().map(|(key, off)| item_deviated(key, off)));
    }
}
