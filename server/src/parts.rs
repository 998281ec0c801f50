//! Everything a server is made of besides its listeners, put together from the settings.

mod delivering;
mod kubernetes;
mod limits;
mod mappings;
mod measures;
mod vouching;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use index::{Index, TextIndex};
use ingest::{Intake, KubernetesWatch, Mappings, Otlp, Quarantine, Recorder, Rules};
use model::Clock;
use store::{EventLog, LogHealth, MemoryLog, PageFiles, Rollups, SegmentLog, Snapshots};

use crate::access::Uses;
use crate::adapters::NewestKinds;
use crate::adapters::known::StatedBefore;
use crate::audit::Audit;
use crate::clock::SystemClock;
use crate::config::{LogUrl, SenderSettings, Settings};
use crate::data_dir::{DataDir, persons_folder};
use crate::health::Readiness;
use crate::indexer::Indexer;
use crate::measurements;
use crate::metrics::Metrics;
use crate::persons::{Persons, PersonsLog};
use crate::projector::{Archive, Past, Projector, Published, SavedFolds};
use crate::text_indexer::TextIndexer;
use delivering::{Delivering, Sources};
use vouching::Vouching;

/// The parts, each made once.
pub(crate) struct Parts {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) segments: Option<Arc<SegmentLog>>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) quarantine: Arc<Quarantine>,
    pub(crate) kubernetes: Vec<Arc<KubernetesWatch>>,
    pub(crate) mappings: Option<Arc<Mappings>>,
    pub(crate) otlp: Arc<Otlp>,
    pub(crate) rollups: Arc<Rollups>,
    pub(crate) published: Arc<Published>,
    pub(crate) past: Arc<Past>,
    pub(crate) projector: Projector,
    pub(crate) indexer: Indexer,
    pub(crate) texts: TextIndexer,
    pub(crate) delivering: Delivering,
    pub(crate) uses: Arc<Uses>,
    pub(crate) vouching: Vouching,
    /// The weights that rank causes.
    pub(crate) ranking: Arc<graph::RankingModel>,
    pub(crate) audit: Arc<Audit>,
    /// Let go last: it keeps other processes out of the folder.
    pub(crate) data_dir: DataDir,
}

impl Parts {
    /// Opens and starts everything. It may wait for the disk.
    pub(crate) fn start(settings: &Settings, metrics: &Metrics) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let vouching = Vouching::open(settings, metrics)?;
        let durable = settings.log != LogUrl::Memory;
        let data_dir = open_data_dir(settings)?;
        let OpenedLog { log, segments } = open_log(settings, &data_dir, &clock)?;
        let saved = open_saved(settings, &data_dir, &log, metrics)?;
        let projector = Projector::start(Arc::clone(&log), Arc::clone(&saved), &settings.projector)
            .context("could not start the fold")?;
        let published = projector.published();
        published.register(Arc::clone(&log), metrics);
        let past = Arc::new(Past::new(
            Arc::clone(&log),
            saved,
            Arc::clone(&published),
            settings.projector.clone(),
        ));
        let index = Index::claim(data_dir.index(), limits::key_value_config(&settings.index))
            .context("could not open the index")?;
        let indexer = Indexer::start(index, Arc::clone(&log))?;
        indexer.register(metrics);
        let texts = start_texts(settings, &data_dir, &log, &indexer, metrics)?;
        let quarantine = open_quarantine(settings, &data_dir, &clock)?;
        let recorder = open_recorder(settings, &log, &published, &clock, &quarantine);
        let rollups = open_rollups(settings, &data_dir, metrics)?;
        let otlp = limits::otlp_config(settings, durable.then(|| data_dir.window_cursor()));
        let measured = Arc::clone(&rollups);
        let otlp = Otlp::measured(recorder.clone(), Arc::clone(&clock), otlp, measured);
        measures::register(&otlp, &recorder, &quarantine, metrics);
        let sources = Sources {
            log: &log,
            published: &published,
            texts: texts.reader(),
            recorder: recorder.clone(),
        };
        let delivering = Delivering::open(settings, &data_dir, metrics, sources)?;
        let intake = Intake::new(
            recorder,
            Arc::clone(&quarantine),
            clock,
            limits::intake_limits(&settings.ingest),
        );
        let before = StatedBefore::of(&log, &published);
        let mappings = mappings::of(&settings.mappings_dir, metrics)?;
        let intake = start_intake(settings, intake, before, mappings.as_ref())?;
        measures::register_intake(&intake, metrics);
        let kubernetes = kubernetes::connections(settings, &intake, metrics);
        Ok(Self {
            log,
            segments,
            intake,
            quarantine,
            kubernetes,
            mappings,
            otlp,
            rollups,
            published,
            past,
            projector,
            indexer,
            texts,
            delivering,
            ranking: Arc::new(crate::ranking::load(&settings.ranking)?),
            uses: Arc::new(Uses::open(data_dir.token_uses())),
            vouching,
            audit: open_audit(settings, &data_dir, metrics),
            data_dir,
        })
    }

    /// What readiness is made of.
    pub(crate) fn readiness(&self) -> Arc<dyn Readiness> {
        Arc::new(LogAndFold {
            log: Arc::clone(&self.log),
            published: Arc::clone(&self.published),
            mappings: self.mappings.clone(),
            vouching: self.vouching.clone(),
            audit: Arc::clone(&self.audit),
        })
    }
}

fn open_audit(settings: &Settings, data_dir: &DataDir, metrics: &Metrics) -> Arc<Audit> {
    let audit = Audit::new(data_dir.audit(), &settings.audit);
    audit.register(metrics);
    audit
}

fn open_data_dir(settings: &Settings) -> anyhow::Result<DataDir> {
    match settings.log {
        LogUrl::Memory => Ok(DataDir::temporary()?),
        LogUrl::Segments(_) => Ok(DataDir::take(&settings.data_dir)?),
    }
}

fn open_saved(
    settings: &Settings,
    data_dir: &DataDir,
    log: &Arc<dyn EventLog>,
    metrics: &Metrics,
) -> anyhow::Result<Arc<SavedFolds>> {
    let snapshots = open_snapshots(settings, data_dir)?;
    let archive = open_archive(settings, data_dir)?;
    let saved = Arc::new(SavedFolds::new(Arc::clone(log), snapshots, archive));
    saved.register(metrics);
    Ok(saved)
}

fn open_rollups(
    settings: &Settings,
    data_dir: &DataDir,
    metrics: &Metrics,
) -> anyhow::Result<Arc<Rollups>> {
    let rollups = Rollups::open(data_dir.rollups(), limits::rollup_config(&settings.rollups));
    let rollups = Arc::new(rollups.context("could not open the measurements")?);
    measurements::register(&rollups, metrics);
    Ok(rollups)
}

/// The intake with its senders and mappings, and what listings are compared with.
fn start_intake(
    settings: &Settings,
    intake: Intake,
    before: StatedBefore,
    mappings: Option<&Arc<Mappings>>,
) -> anyhow::Result<Arc<Intake>> {
    let senders = settings.senders.iter().map(SenderSettings::read);
    let mut intake = intake.with_senders(senders.collect::<Result<_, _>>()?);
    if let Some(mappings) = mappings {
        intake = intake.with_mappings(Arc::clone(mappings));
    }
    Ok(Arc::new(intake.comparing_with(Arc::new(before))))
}

/// The one door of every write, with the models that facts are held against.
fn open_recorder(
    settings: &Settings,
    log: &Arc<dyn EventLog>,
    published: &Arc<Published>,
    clock: &Arc<dyn Clock>,
    quarantine: &Arc<Quarantine>,
) -> Recorder {
    let kinds = NewestKinds::new(Arc::clone(log), Arc::clone(published), Arc::clone(clock));
    let rules = Rules::new(Arc::new(kinds), Arc::clone(quarantine));
    let limits = limits::recorder_limits(&settings.ingest);
    Recorder::new(Arc::clone(log), limits).checked_by(rules)
}

fn open_quarantine(
    settings: &Settings,
    data_dir: &DataDir,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Arc<Quarantine>> {
    let config = limits::quarantine_config(&settings.ingest);
    let quarantine = Quarantine::open(data_dir.quarantine(), config, Arc::clone(clock));
    Ok(Arc::new(
        quarantine.context("could not open the quarantine")?,
    ))
}

fn start_texts(
    settings: &Settings,
    data_dir: &DataDir,
    log: &Arc<dyn EventLog>,
    indexer: &Indexer,
    metrics: &Metrics,
) -> anyhow::Result<TextIndexer> {
    let texts = TextIndex::new(data_dir.texts(), limits::text_config(&settings.index));
    let (bodies, indexed) = (indexer.reader(), indexer.watch_position());
    let texts = TextIndexer::start(texts, Arc::clone(log), bodies, indexed)?;
    texts.register(metrics);
    Ok(texts)
}

/// A log, and what closing it in order takes.
pub(crate) struct OpenedLog {
    /// The log as everybody uses it.
    pub(crate) log: Arc<dyn EventLog>,
    /// The same log, where it lies in segments.
    pub(crate) segments: Option<Arc<SegmentLog>>,
}

/// Opens the log that the settings name.
pub(crate) fn open_log(
    settings: &Settings,
    data_dir: &DataDir,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<OpenedLog> {
    let Some(segments) = open_segments(settings, data_dir, clock)? else {
        return Ok(OpenedLog {
            log: Arc::new(MemoryLog::new(Arc::clone(clock))),
            segments: None,
        });
    };
    let persons = open_persons(settings, data_dir.path())?;
    let inner = Arc::clone(&segments) as Arc<dyn EventLog>;
    Ok(OpenedLog {
        log: Arc::new(PersonsLog::new(inner, persons)),
        segments: Some(segments),
    })
}

/// Opens the log that the settings name as it lies on the disk, with sealed names; none where it is in memory.
pub(crate) fn open_segments(
    settings: &Settings,
    data_dir: &DataDir,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Option<Arc<SegmentLog>>> {
    let folder = match &settings.log {
        LogUrl::Memory => return Ok(None),
        LogUrl::Segments(folder) => folder.clone().unwrap_or_else(|| data_dir.log()),
    };
    let config = limits::segment_config(&settings.store);
    let segments = SegmentLog::open(&folder, config, Arc::clone(clock))
        .with_context(|| format!("could not open the log in {}", folder.display()))?;
    if let Some(torn) = segments.torn_tail() {
        tracing::warn!(
            "the log ended in the middle of a write that nobody was promised; it was cut off: {torn:?}"
        );
    }
    Ok(Some(Arc::new(segments)))
}

/// Opens the keys of persons of a data folder.
pub(crate) fn open_persons(settings: &Settings, data_dir: &Path) -> anyhow::Result<Arc<Persons>> {
    let folder = persons_folder(data_dir);
    let key_file = settings.deliveries.key_file_of(data_dir);
    let persons = Persons::open(&folder, key_file, settings.privacy.names);
    Ok(Arc::new(
        persons.context("could not open the keys of persons")?,
    ))
}

/// Opens the saved states of a log that outlives the process.
pub(crate) fn open_snapshots(
    settings: &Settings,
    data_dir: &DataDir,
) -> anyhow::Result<Option<Snapshots>> {
    match settings.log {
        LogUrl::Memory => Ok(None),
        LogUrl::Segments(_) => {
            Snapshots::open(data_dir.snapshots(), limits::retention(&settings.store))
                .map(Some)
                .context("could not open the saved states")
        }
    }
}

/// Opens the pages of closed items, in memory where the log is.
pub(crate) fn open_archive(
    settings: &Settings,
    data_dir: &DataDir,
) -> anyhow::Result<Arc<Archive>> {
    let files = match settings.log {
        LogUrl::Memory => None,
        LogUrl::Segments(_) => {
            let files = PageFiles::open(data_dir.archive());
            Some(files.context("could not open the pages of closed items")?)
        }
    };
    let horizon_ms = settings.projector.closed_horizon_ms;
    Ok(Arc::new(Archive::new(horizon_ms, files)))
}

/// Ready when the log takes writes and the fold has caught up with it.
struct LogAndFold {
    log: Arc<dyn EventLog>,
    published: Arc<Published>,
    mappings: Option<Arc<Mappings>>,
    vouching: Vouching,
    audit: Arc<Audit>,
}

/// So many events behind is caught up: the next view will hold them.
const LAG_EVENTS_MAX: u64 = 10_000;

impl Readiness for LogAndFold {
    fn obstacles(&self) -> Vec<String> {
        let mut obstacles = Vec::new();
        match self.log.health() {
            LogHealth::Writable => {}
            LogHealth::Poisoned { after } => obstacles.push(format!(
                "the log takes no writes since a sync failed after position {after}; restart"
            )),
            LogHealth::Closed => obstacles.push("the log is closed".to_owned()),
        }
        if let Some(failure) = self.published.failure() {
            obstacles.push(format!("the fold stands still: {failure}"));
        }
        let (head, reached) = (self.log.head(), self.published.position());
        if LAG_EVENTS_MAX < head.number().saturating_sub(reached.number()) {
            obstacles.push(format!(
                "the fold is at position {reached} of {head}; it catches up"
            ));
        }
        obstacles
    }

    fn remarks(&self) -> Vec<String> {
        let states = self.mappings.as_ref().map(|mappings| mappings.states());
        let states = states.and_then(Result::ok).into_iter().flatten();
        let broken = states.filter_map(|state| {
            let reason = state.broken?;
            Some(format!("the mapping {} is broken: {reason}", state.name))
        });
        let audit = self.audit.fault();
        let audit = audit.map(|fault| format!("what is asked is not written down: {fault}"));
        broken.chain(self.vouching.remarks()).chain(audit).collect()
    }
}
