//! What changes take in memory, as the system sees it: by itself in its program, for all threads count together.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::fs;
use std::sync::Arc;

use graph::{Estate, PageError, Pages, Projection, PuttingAway};
use model::{
    Actor, ActorKind, Change, ChangeStatus, ContentHash, Event, EventEnvelope, EventId,
    LogPosition, SourceKey, SourceName, SourceRef, Timestamp,
};

/// Most bytes that a change may take; [benchmarks](../../docs/benchmarks.md) say what it takes of them.
const BYTES_MAX: usize = 420;
/// The same of one that began longer ago than the horizon.
const OLD_BYTES_MAX: usize = 120;
/// How many are folded when `FOLDED_CHANGES` does not say.
const CHANGES: usize = 60_000;
/// Before them: so many fill what there is of everything once.
const FIRST: usize = 20_000;

/// A deployment as platforms tell it: one statement, one target of a thousand.
fn deployment(number: usize) -> EventEnvelope {
    let seconds = i64::try_from(number).unwrap();
    let at = Timestamp::from_unix_millis(seconds * 1_000);
    let mut change = Change::new(&SourceRef {
        source: SourceName::new("ci"),
        source_id: format!("run{number}"),
    });
    change.title = Some(format!("deploy checkout version {number} to all of them"));
    change.kind = Some("deployment".to_owned());
    change.environment = Some("prod".to_owned());
    let service = number % 1_000;
    change.targets = vec![SourceKey::text(format!("service:prod/s{service}"))];
    change.operator = Some(Actor {
        kind: ActorKind::Human,
        name: Some(format!("person{}", number % 500)),
    });
    change.status = Some(ChangeStatus::Succeeded);
    change.started_at = Some(at);
    change.finished_at = Some(at.plus_nanos(60_000_000_000));
    EventEnvelope {
        position: LogPosition::new(u64::try_from(number).unwrap()),
        recorded_at: at,
        id: EventId {
            source: SourceName::new("ci"),
            delivery: number.to_string(),
        },
        occurred_at: at,
        actor: Actor::default(),
        event: Event::ChangeRecorded(Box::new(change)),
    }
}

/// Bytes of this process that lie in memory and in no file; none where the system does not tell.
fn anonymous_bytes() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1_024)
}

/// Pages that nobody asks for: only what memory keeps beside them counts here.
struct Elsewhere;

impl Pages for Elsewhere {
    fn read(&self, page: ContentHash) -> Result<Arc<[u8]>, PageError> {
        let cause = "new changes ask for no page".into();
        Err(PageError { page, cause })
    }
}

/// What each of many changes adds in memory; none where the system does not tell.
fn bytes_each(mut estate: Estate, changes: usize) -> Option<usize> {
    let mut fold = |numbers: std::ops::RangeInclusive<usize>| {
        for number in numbers {
            estate.take(&deployment(number), &Elsewhere).unwrap();
            estate.kept();
            if number % 4_096 == 0 {
                estate.publish();
            }
        }
        assert!(estate.lost().is_none());
        anonymous_bytes()
    };
    let before = fold(1..=FIRST)?;
    let after = fold(FIRST + 1..=FIRST + changes)?;
    Some(after.saturating_sub(before) / changes)
}

/// One test, for what another one frees would be counted as its own.
#[test]
fn a_change_takes_no_more_memory_than_is_said() {
    let asked = std::env::var("FOLDED_CHANGES").ok();
    let changes = asked.map_or(CHANGES, |count| count.parse().unwrap());
    // They are a second apart, so that two thirds of those before the clock starts are old already.
    let mut putting_away = Estate::default();
    let pages: Arc<dyn Pages> = Arc::new(Elsewhere);
    putting_away.put_away_closed(PuttingAway::after(6_000_000), &pages);
    let old = bytes_each(putting_away, changes);
    let new = bytes_each(Estate::default(), changes.min(CHANGES));
    let (Some(old), Some(new)) = (old, new) else {
        testkit::skip("this system does not say what a process takes");
        return;
    };
    println!("{changes} changes: {new} bytes each, {old} when they began long ago");
    assert!(new <= BYTES_MAX, "a change takes {new} bytes");
    assert!(old <= OLD_BYTES_MAX, "an old change takes {old} bytes");
}
