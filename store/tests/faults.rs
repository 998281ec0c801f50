//! Whatever operation of the disk fails, and however: nothing acknowledged is lost,
//! nothing stands twice, and the log opens again.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
#![expect(dead_code, reason = "the suite is shared")]

mod suite;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{LogPosition, NewEvent};
use store::{
    Appended, EventLog, Fault, FaultKind, FaultyDirectory, LogHealth, OpenError, SegmentConfig,
    SegmentLog,
};
use suite::{SMALL, TestClock, change, everything};

const BATCHES: u32 = 12;
const PER_BATCH: u32 = 3;

/// Acknowledged deliveries with their positions.
type Acknowledged = BTreeMap<String, LogPosition>;

fn open(directory: &FaultyDirectory) -> Result<SegmentLog, OpenError> {
    let config = SegmentConfig {
        group_delay: std::time::Duration::ZERO,
        ..SMALL
    };
    SegmentLog::open_in(
        Arc::new(directory.clone()),
        config,
        Arc::new(TestClock::default()),
    )
}

fn batch(number: u32) -> Vec<NewEvent> {
    let numbers = number * PER_BATCH..(number + 1) * PER_BATCH;
    numbers
        .map(|n| change(&n.to_string(), &format!("title {n} {}", "x".repeat(100))))
        .collect()
}

/// Appends all batches and notes what was acknowledged; stops where the log refuses.
async fn append_all(log: &SegmentLog, acknowledged: &mut Acknowledged) {
    for number in 0..BATCHES {
        let new = batch(number);
        let Ok(outcomes) = log.append(new.clone()).await else {
            let refused = log.append(batch(BATCHES)).await;
            assert!(refused.is_err() || log.health() == LogHealth::Writable);
            return;
        };
        for (new, outcome) in new.into_iter().zip(outcomes) {
            match outcome {
                Appended::Recorded(position) | Appended::Duplicate(position) => {
                    let known = acknowledged.entry(new.id.delivery).or_insert(position);
                    assert_eq!(*known, position);
                }
                Appended::Conflict { .. } => panic!("{outcome:?}"),
            }
        }
    }
}

/// The log opens, holds what was acknowledged where it was acknowledged, and takes the rest once.
async fn expect_whole(directory: &FaultyDirectory, acknowledged: &Acknowledged, case: &str) {
    let log = open(directory).unwrap_or_else(|error| panic!("{case}: {error}: {error:?}"));
    let mut acknowledged = acknowledged.clone();
    let there = everything(&log);
    for (delivery, position) in &acknowledged {
        let index = usize::try_from(position.number() - 1).unwrap();
        let envelope = there
            .get(index)
            .unwrap_or_else(|| panic!("{case}: {delivery} is lost"));
        assert_eq!(&envelope.id.delivery, delivery, "{case}");
    }
    append_all(&log, &mut acknowledged).await;
    let all = everything(&log);
    let expected = (BATCHES * PER_BATCH) as usize;
    let mut deliveries: Vec<&str> = all
        .iter()
        .map(|envelope| envelope.id.delivery.as_str())
        .collect();
    deliveries.retain(|delivery| delivery.parse::<u32>().unwrap() < BATCHES * PER_BATCH);
    deliveries.sort_unstable();
    deliveries.dedup();
    assert_eq!(deliveries.len(), expected, "{case}");
    assert!(
        all.len() <= expected + PER_BATCH as usize,
        "{case}: something stands twice"
    );
    for (index, envelope) in all.iter().enumerate() {
        assert_eq!(envelope.position.number(), index as u64 + 1, "{case}");
    }
}

async fn operations_without_fault() -> u64 {
    let directory = FaultyDirectory::new();
    let log = open(&directory).unwrap();
    append_all(&log, &mut Acknowledged::new()).await;
    drop(log);
    directory.operations()
}

async fn fail_every_operation(kind: FaultKind) {
    let operations = operations_without_fault().await;
    assert!(50 < operations, "{operations}");
    for at in 1..=operations {
        let directory = FaultyDirectory::new();
        directory.set_fault(Some(Fault { at, kind }));
        let mut acknowledged = Acknowledged::new();
        if let Ok(log) = open(&directory) {
            append_all(&log, &mut acknowledged).await;
        }
        let case = format!("{kind:?} at operation {at}");
        if kind != FaultKind::PowerCut {
            expect_whole(&directory.after_process_end(), &acknowledged, &case).await;
        }
        for seed in 0..2 {
            let after = directory.after_power_cut(at * 31 + seed);
            expect_whole(&after, &acknowledged, &format!("{case}, power cut {seed}")).await;
        }
    }
}

#[tokio::test]
async fn any_operation_may_fail() {
    fail_every_operation(FaultKind::Error).await;
}

#[tokio::test]
async fn any_write_may_be_half_done() {
    fail_every_operation(FaultKind::HalfDone).await;
}

#[tokio::test]
async fn power_may_be_cut_at_any_operation() {
    fail_every_operation(FaultKind::PowerCut).await;
}

/// Power is cut again and again, also while the log opens.
#[tokio::test]
async fn power_may_be_cut_while_it_recovers() {
    let operations = operations_without_fault().await;
    for at in (1..=operations).step_by(3) {
        let first = FaultyDirectory::new();
        first.set_fault(Some(Fault {
            at,
            kind: FaultKind::PowerCut,
        }));
        let mut acknowledged = Acknowledged::new();
        if let Ok(log) = open(&first) {
            append_all(&log, &mut acknowledged).await;
        }
        for again in 1..8 {
            let second = first.after_power_cut(at + again);
            second.set_fault(Some(Fault {
                at: again,
                kind: FaultKind::PowerCut,
            }));
            let mut acknowledged = acknowledged.clone();
            if let Ok(log) = open(&second) {
                append_all(&log, &mut acknowledged).await;
            }
            let case = format!("power cut at {at}, then at {again}");
            expect_whole(&second.after_power_cut(again), &acknowledged, &case).await;
        }
    }
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_taken_until_restart_and_reads_go_on() {
    let directory = FaultyDirectory::new();
    let log = open(&directory).unwrap();
    log.append(batch(0)).await.unwrap();
    for at in 1..10 {
        directory.set_fault(Some(Fault {
            at,
            kind: FaultKind::Error,
        }));
        if log.append(batch(at as u32)).await.is_err() {
            break;
        }
    }
    let LogHealth::Poisoned { after } = log.health() else {
        panic!("{:?}", log.health())
    };
    assert_eq!(log.head(), after);
    let refused = log.append(batch(20)).await.unwrap_err();
    assert!(
        matches!(refused, store::AppendError::Poisoned { .. }),
        "{refused}"
    );
    assert_eq!(everything(&log).len() as u64, after.number());
    drop(log);
    let log = open(&directory).unwrap();
    assert_eq!(log.health(), LogHealth::Writable);
    log.append(batch(20)).await.unwrap();
}
