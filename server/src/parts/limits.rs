//! Turns settings into the limits of each crate.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use index::TextConfig;
use ingest::{IntakeLimits, OtlpConfig, QuarantineConfig, RecorderLimits};
use store::{KeyValueConfig, RollupConfig, SegmentConfig, SnapshotRetention};

use crate::config::{IndexSettings, IngestSettings, RollupSettings, Settings, StoreSettings};

pub(super) fn segment_config(settings: &StoreSettings) -> SegmentConfig {
    SegmentConfig {
        segment_bytes: settings.segment_bytes,
        group_bytes: settings.group_bytes,
        group_delay: Duration::from_millis(settings.group_delay_ms),
        queue_bytes: settings.queue_bytes,
    }
}

pub(super) fn key_value_config(settings: &IndexSettings) -> KeyValueConfig {
    KeyValueConfig {
        cache_bytes: settings.cache_bytes,
        inline_bytes_max: settings.inline_bytes_max,
        flush_every_bytes: settings.flush_every_bytes,
    }
}

pub(super) fn text_config(settings: &IndexSettings) -> TextConfig {
    TextConfig {
        writer_bytes: settings.text_writer_bytes,
    }
}

pub(super) fn retention(settings: &StoreSettings) -> SnapshotRetention {
    SnapshotRetention {
        newest: settings.snapshots_newest,
        one_per_events: NonZeroU64::new(settings.snapshots_one_per_events)
            .unwrap_or(NonZeroU64::MIN),
        older_max: settings.snapshots_older_max,
    }
}

pub(super) fn quarantine_config(settings: &IngestSettings) -> QuarantineConfig {
    QuarantineConfig {
        max_bytes: settings.quarantine_bytes,
        max_age_ms: i64::try_from(settings.quarantine_age_ms).unwrap_or(i64::MAX),
    }
}

pub(super) fn recorder_limits(settings: &IngestSettings) -> RecorderLimits {
    RecorderLimits {
        events_in_flight: settings.events_in_flight,
        bytes_in_flight: settings.bytes_in_flight,
    }
}

pub(super) fn intake_limits(settings: &IngestSettings) -> IntakeLimits {
    IntakeLimits {
        body_bytes: settings.body_bytes,
        bodies_in_flight_bytes: settings.bodies_in_flight_bytes,
        body_timeout: Duration::from_millis(settings.body_timeout_ms),
    }
}

pub(super) fn rollup_config(settings: &RollupSettings) -> RollupConfig {
    RollupConfig {
        minutes_kept: Duration::from_millis(settings.minutes_kept_ms),
        hours_kept: Duration::from_millis(settings.hours_kept_ms),
        days_kept: Duration::from_millis(settings.days_kept_ms),
        bytes_max: settings.bytes_max,
        series_max: settings.series_max,
        waiting_bytes_max: settings.waiting_bytes_max,
    }
}

pub(super) fn otlp_config(settings: &Settings, cursor: Option<PathBuf>) -> OtlpConfig {
    let otlp = &settings.otlp;
    OtlpConfig {
        requests: intake_limits(&settings.ingest),
        decoding_at_once: otlp.decoding_at_once,
        window: Duration::from_millis(otlp.window_ms),
        grace: Duration::from_millis(otlp.grace_ms),
        pairing: Duration::from_millis(otlp.pairing_ms),
        summary: Duration::from_millis(otlp.summary_ms),
        memory: Duration::from_millis(otlp.memory_ms),
        open_spans_max: otlp.open_spans_max,
        open_windows_max: otlp.open_windows_max,
        relations_max: otlp.relations_max,
        items_max: otlp.items_max,
        interfaces_per_service: otlp.interfaces_per_service,
        pending_events_max: otlp.pending_events_max,
        cursor,
    }
}
