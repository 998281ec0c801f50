//! The connections to clusters of Kubernetes, and what they measure.

use std::sync::Arc;
use std::time::Duration;

use ingest::{Intake, KubernetesConfig, KubernetesCounters, KubernetesWatch};
use model::SourceName;

use crate::config::{KubernetesSettings, Settings};
use crate::metrics::{Exposition, Metrics};

/// One connection for each cluster of the settings. Nothing happens before they run.
pub(super) fn connections(
    settings: &Settings,
    intake: &Arc<Intake>,
    metrics: &Metrics,
) -> Vec<Arc<KubernetesWatch>> {
    let clusters = settings.kubernetes.iter();
    let watches: Vec<Arc<KubernetesWatch>> = clusters
        .map(|cluster| Arc::new(KubernetesWatch::new(config(cluster), Arc::clone(intake))))
        .collect();
    let measured = watches.clone();
    metrics.register(move |scrape| {
        for watch in &measured {
            write(scrape, &watch.counters());
        }
    });
    watches
}

fn config(settings: &KubernetesSettings) -> KubernetesConfig {
    let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let has_file = !settings.kubeconfig.as_os_str().is_empty();
    KubernetesConfig {
        source: SourceName::new(settings.source_name()),
        cluster: settings.cluster.clone(),
        environment: named(&settings.environment),
        namespaces: settings.namespaces.clone(),
        kubeconfig: has_file.then(|| settings.kubeconfig.clone()),
        context: named(&settings.context),
        page_objects: settings.page_objects,
        retry_min: Duration::from_millis(settings.retry_min_ms),
        retry_max: Duration::from_millis(settings.retry_max_ms),
        answer_timeout: Duration::from_millis(settings.answer_timeout_ms),
        watch: Duration::from_secs(settings.watch_s),
    }
}

fn write(scrape: &mut Exposition, counters: &KubernetesCounters) {
    let labels = [("cluster", counters.cluster.as_str())];
    #[expect(clippy::cast_precision_loss, reason = "a measure, not an id")]
    for (name, help, value) in [
        (
            "kubernetes_objects",
            "Objects of a cluster that are known now.",
            counters.objects,
        ),
        (
            "kubernetes_held_back_items",
            "Items that would have ended, had so sudden an end been believed.",
            counters.held_back,
        ),
    ] {
        scrape.gauge(name, help, &labels, value as f64);
    }
    if let Some(heard_at) = counters.heard_at {
        #[expect(clippy::cast_precision_loss, reason = "a measure, not an id")]
        let seconds = heard_at.unix_nanos() as f64 / 1e9;
        let help = "When a cluster was last heard from, in seconds since 1970.";
        scrape.gauge("kubernetes_last_heard_seconds", help, &labels, seconds);
    }
    for (name, help, value) in counted(counters) {
        scrape.counter(name, help, &labels, value);
    }
}

/// What only grows: name, help and value.
fn counted(counters: &KubernetesCounters) -> [(&'static str, &'static str, u64); 12] {
    [
        (
            "kubernetes_events_total",
            "Events written of what clusters said.",
            counters.events,
        ),
        (
            "kubernetes_refused_events_total",
            "Events that broke a rule of the models.",
            counters.refused,
        ),
        (
            "kubernetes_changed_items_total",
            "Statements that differed from the one before.",
            counters.changed,
        ),
        (
            "kubernetes_ended_items_total",
            "Items that ended.",
            counters.ended,
        ),
        (
            "kubernetes_watch_lines_total",
            "Lines of watches that came.",
            counters.lines,
        ),
        (
            "kubernetes_lists_total",
            "Lists read to their end.",
            counters.lists,
        ),
        (
            "kubernetes_relists_total",
            "Lists read again because their version was too old.",
            counters.relists,
        ),
        (
            "kubernetes_watches_total",
            "Watches opened, anew or again.",
            counters.reconnects,
        ),
        (
            "kubernetes_errors_total",
            "Requests, lists and watches that failed.",
            counters.errors,
        ),
        (
            "kubernetes_forbidden_lists_total",
            "Lists that were not allowed.",
            counters.forbidden,
        ),
        (
            "kubernetes_unreadable_objects_total",
            "Objects and lines that could not be read.",
            counters.unreadable,
        ),
        (
            "kubernetes_cut_statements_total",
            "Relations and statements that were too many or too large.",
            counters.cut,
        ),
    ]
}
