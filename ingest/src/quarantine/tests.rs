use std::fs;
use std::sync::atomic::AtomicI64;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const DAY_MS: i64 = 24 * 3_600_000;

struct StoppedClock(AtomicI64);

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::Relaxed))
    }
}

struct Fixture {
    folder: TempDir,
    clock: Arc<StoppedClock>,
}

impl Fixture {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            clock: Arc::new(StoppedClock(AtomicI64::new(0))),
        }
    }

    fn open(&self, max_bytes: u64) -> Quarantine {
        let config = QuarantineConfig {
            max_bytes,
            max_age_ms: 30 * DAY_MS,
        };
        Quarantine::open(self.folder.path(), config, self.clock.clone()).unwrap()
    }

    fn later(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::Relaxed);
    }

    fn only_file(&self) -> PathBuf {
        let mut files = fs::read_dir(self.folder.path()).unwrap();
        let file = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none());
        file
    }
}

fn body(text: &str) -> QuarantinedBody {
    QuarantinedBody {
        source: SourceName::new("argocd"),
        format: "cloudevents".to_owned(),
        content_type: Some("application/json".to_owned()),
        headers: vec![("Ce-Id".to_owned(), "1".to_owned())],
        body: text.as_bytes().to_vec(),
        reason: "no such type".to_owned(),
    }
}

fn listed(quarantine: &Quarantine) -> Vec<ContentHash> {
    let page = quarantine.list(None, 100).unwrap();
    page.entries.iter().map(|entry| entry.hash).collect()
}

#[test]
fn a_body_comes_back_as_it_was_even_after_a_restart() {
    let fixture = Fixture::new();
    let kept = fixture.open(1 << 20).keep(&body("{\"a\": 1}")).unwrap();
    let again = fixture.open(1 << 20);
    let expected = QuarantinedBody {
        headers: vec![("ce-id".to_owned(), "1".to_owned())],
        ..body("{\"a\": 1}")
    };
    assert_eq!(again.get(kept).unwrap(), Some(expected));
    assert_eq!(listed(&again), [kept]);
}

#[test]
fn neither_secrets_nor_their_headers_are_kept() {
    let fixture = Fixture::new();
    let quarantine = fixture.open(1 << 20);
    quarantine
        .keep(&QuarantinedBody {
            headers: vec![
                ("Authorization".to_owned(), "Bearer hunter2".to_owned()),
                (
                    "X-Hub-Signature-256".to_owned(),
                    "sha256=hunter2".to_owned(),
                ),
            ],
            reason: "password=hunter2 is no field".to_owned(),
            ..body("{\"password\": \"hunter2\"}")
        })
        .unwrap();
    let bytes = fs::read(fixture.only_file()).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"));
}

#[test]
fn the_same_bytes_are_one_entry() {
    let fixture = Fixture::new();
    let quarantine = fixture.open(1 << 20);
    let first = quarantine.keep(&body("same")).unwrap();
    fixture.later(5);
    assert_eq!(quarantine.keep(&body("same")).unwrap(), first);
    let page = quarantine.list(None, 10).unwrap();
    assert_eq!((page.total, page.entries[0].repeats), (1, 1));
    assert_eq!(page.entries[0].received_at, Timestamp::from_unix_millis(0));
}

#[test]
fn pages_go_from_the_newest_to_the_oldest() {
    let fixture = Fixture::new();
    let quarantine = fixture.open(1 << 20);
    let mut kept = Vec::new();
    for text in ["a", "b", "c"] {
        kept.push(quarantine.keep(&body(text)).unwrap());
        fixture.later(1);
    }
    let first = quarantine.list(None, 2).unwrap();
    assert_eq!(
        first
            .entries
            .iter()
            .map(|entry| entry.hash)
            .collect::<Vec<_>>(),
        [kept[2], kept[1]]
    );
    assert_eq!((first.total, first.next), (3, Some(kept[1])));
    let second = quarantine.list(first.next, 2).unwrap();
    assert_eq!(
        second
            .entries
            .iter()
            .map(|entry| entry.hash)
            .collect::<Vec<_>>(),
        [kept[0]]
    );
    assert_eq!(second.next, None);
}

#[test]
fn what_is_too_old_goes_and_is_counted() {
    let fixture = Fixture::new();
    let quarantine = fixture.open(1 << 20);
    let old = quarantine.keep(&body("old")).unwrap();
    fixture.later(30 * DAY_MS);
    let young = quarantine.keep(&body("young")).unwrap();
    quarantine.expire().unwrap();
    assert_eq!(listed(&quarantine), [young, old], "thirty days are allowed");
    fixture.later(1);
    quarantine.expire().unwrap();
    assert_eq!(listed(&quarantine), [young]);
    assert_eq!(quarantine.stats().dropped_expired, 1);
    assert_eq!(quarantine.get(old).unwrap(), None);
}

#[test]
fn the_oldest_make_room_and_are_counted() {
    let fixture = Fixture::new();
    let quarantine = fixture.open(2 * 4096);
    let mut kept = Vec::new();
    for text in ["a", "b", "c"] {
        kept.push(quarantine.keep(&body(text)).unwrap());
        fixture.later(1);
    }
    assert_eq!(listed(&quarantine), [kept[2], kept[1]]);
    let stats = quarantine.stats();
    assert_eq!(
        (stats.count, stats.bytes, stats.dropped_over_size),
        (2, 2 * 4096, 1)
    );
    let smaller = fixture.open(4096);
    assert_eq!(
        listed(&smaller),
        [kept[2]],
        "a smaller limit holds from the next start"
    );
}

#[test]
fn a_body_larger_than_the_quarantine_is_refused_and_leaves_the_others() {
    let fixture = Fixture::new();
    let quarantine = fixture.open(4096);
    let kept = quarantine.keep(&body("a")).unwrap();
    let refused = quarantine.keep(&body(&"x".repeat(5000)));
    assert!(matches!(
        refused,
        Err(QuarantineError::TooLarge { limit: 4096, .. })
    ));
    assert_eq!(listed(&quarantine), [kept]);
}

#[test]
fn what_is_removed_is_gone() {
    let fixture = Fixture::new();
    let quarantine = fixture.open(1 << 20);
    let kept = quarantine.keep(&body("a")).unwrap();
    assert!(quarantine.remove(kept).unwrap());
    assert!(!quarantine.remove(kept).unwrap());
    assert_eq!(quarantine.stats(), QuarantineStats::default());
    assert_eq!(listed(&fixture.open(1 << 20)), []);
}

#[test]
fn every_flipped_or_missing_byte_is_noticed_and_hurts_nobody_else() {
    let fixture = Fixture::new();
    let kept = fixture.open(1 << 20).keep(&body("{\"a\": 1}")).unwrap();
    let path = fixture.only_file();
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        for damaged in [flipped, whole[..at].to_vec()] {
            fs::write(&path, damaged).unwrap();
            let quarantine = fixture.open(1 << 20);
            let got = quarantine.get(kept);
            assert!(
                matches!(got, Err(QuarantineError::Damaged { .. })),
                "byte {at}"
            );
            assert!(0 < quarantine.stats().damaged);
        }
    }
    fs::write(&path, &whole[..10]).unwrap();
    let quarantine = fixture.open(1 << 20);
    let other = quarantine.keep(&body("other")).unwrap();
    let page = quarantine.list(None, 10).unwrap();
    assert_eq!((page.entries[0].hash, page.damaged), (other, vec![kept]));
    assert!(
        quarantine.remove(kept).unwrap(),
        "a damaged body can be removed"
    );
}

#[test]
fn many_may_keep_the_same_bodies_at_once() {
    let fixture = Fixture::new();
    let quarantine = fixture.open(1 << 20);
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for number in 0..10 {
                    quarantine.keep(&body(&number.to_string())).unwrap();
                }
            });
        }
    });
    let page = quarantine.list(None, 100).unwrap();
    assert_eq!((page.total, page.damaged.len()), (10, 0));
    assert_eq!(
        page.entries.iter().map(|entry| entry.repeats).sum::<u64>(),
        30
    );
    assert_eq!(fs::read_dir(fixture.folder.path()).unwrap().count(), 10);
    assert_eq!(fixture.open(1 << 20).stats().count, 10);
}

#[test]
fn what_was_not_finished_is_removed_at_the_next_start() {
    let fixture = Fixture::new();
    fs::write(fixture.folder.path().join("3.unfinished"), "half").unwrap();
    fs::write(
        fixture.folder.path().join("somebody's note.txt"),
        "left alone",
    )
    .unwrap();
    assert_eq!(fixture.open(1 << 20).stats().count, 0);
    assert!(fixture.only_file().ends_with("somebody's note.txt"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), magic: bool) {
        let mut file = if magic { b"EPICQUA1\0\0\0\x08".to_vec() } else { Vec::new() };
        file.extend(bytes);
        prop_assert!(format::decode(&file, ContentHash::of(b"")).is_err());
    }
}
