//! Both roles of `tests/powercut/run`: the process whose power is cut, and the one that
//! looks at what is left. Without its environment neither does anything.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
#![expect(dead_code, reason = "the suite is shared")]

mod suite;

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use store::{Appended, EventLog, SegmentConfig, SegmentLog};
use suite::{TestClock, change, everything};

const DIRECTORY: &str = "EPICENTER_POWERCUT_DIRECTORY";
const ACKNOWLEDGED: &str = "EPICENTER_POWERCUT_ACKNOWLEDGED";
const ROUND: &str = "EPICENTER_POWERCUT_ROUND";

const CONFIG: SegmentConfig = SegmentConfig {
    segment_bytes: 256 * 1024,
    group_bytes: 64 * 1024,
    group_delay: Duration::ZERO,
    queue_bytes: 1024 * 1024,
};

fn open(path: &str) -> SegmentLog {
    SegmentLog::open(Path::new(path), CONFIG, Arc::new(TestClock::default())).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_until_the_power_is_cut() {
    let (Ok(path), Ok(round)) = (std::env::var(DIRECTORY), std::env::var(ROUND)) else {
        return;
    };
    let list = OpenOptions::new()
        .append(true)
        .open(std::env::var(ACKNOWLEDGED).unwrap());
    let list = Arc::new(Mutex::new(list.unwrap()));
    let log = Arc::new(open(&path));
    let writers: Vec<_> = (0..16)
        .map(|writer| {
            let (log, round, list) = (Arc::clone(&log), round.clone(), Arc::clone(&list));
            tokio::spawn(async move {
                for n in 0.. {
                    let delivery = format!("{round}-{writer}-{n}");
                    let outcomes = log
                        .append(vec![change(&delivery, &"x".repeat(n * 37 % 1_500))])
                        .await
                        .unwrap();
                    let [Appended::Recorded(position)] = outcomes[..] else {
                        panic!("{outcomes:?}")
                    };
                    let line = format!("{position} {delivery}\n");
                    list.lock().unwrap().write_all(line.as_bytes()).unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

#[test]
fn what_was_acknowledged_is_there() {
    let (Ok(path), Ok(list), Err(_)) = (
        std::env::var(DIRECTORY),
        std::env::var(ACKNOWLEDGED),
        std::env::var(ROUND),
    ) else {
        return;
    };
    let log = open(&path);
    let there = everything(&log);
    let list = fs::read_to_string(list).unwrap();
    // The machine may have stopped within a line: that one was told to nobody.
    let whole = list.rfind('\n').map_or("", |end| &list[..=end]);
    let mut count = 0;
    for line in whole.lines() {
        let (position, delivery) = line.split_once(' ').unwrap();
        let index = position.parse::<usize>().unwrap() - 1;
        let found = there
            .get(index)
            .map(|envelope| envelope.id.delivery.as_str());
        assert_eq!(
            found,
            Some(delivery),
            "position {position} was acknowledged"
        );
        count += 1;
    }
    let distinct: BTreeSet<&str> = there
        .iter()
        .map(|envelope| envelope.id.delivery.as_str())
        .collect();
    assert_eq!(distinct.len(), there.len(), "something stands twice");
    let torn = log.torn_tail();
    drop(log);
    let report = store::verify(Path::new(&path), &mut |_| {}).unwrap();
    assert!(report.is_sound(), "{report}");
    println!(
        "powercut: {count} acknowledged, {} there, cut off: {torn:?}",
        there.len()
    );
}
