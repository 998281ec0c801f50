use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const RETENTION: SnapshotRetention = SnapshotRetention {
    newest: 2,
    one_per_events: NonZeroU64::new(100).unwrap(),
    older_max: 4,
};

fn label(position: u64) -> SnapshotLabel {
    SnapshotLabel {
        name: "estate".to_owned(),
        version: 3,
        position: LogPosition::new(position),
        log_digest: Some([7; 32]),
    }
}

fn open(folder: &TempDir) -> Snapshots {
    Snapshots::open(folder.path(), RETENTION).unwrap()
}

fn save(snapshots: &Snapshots, position: u64, body: &[u8]) -> PathBuf {
    let label = label(position);
    snapshots.save(&label, |file| file.write_all(body)).unwrap();
    snapshots.path_of(&label)
}

/// What a start finds: the body and its position, and how many were passed over for which reason.
fn found(
    folder: &TempDir,
    version: u32,
    at_or_before: Option<u64>,
) -> (Option<(u64, Vec<u8>)>, Vec<SkipReason>) {
    let found = open(folder)
        .newest("estate", version, at_or_before.map(LogPosition::new))
        .unwrap();
    let snapshot = found.snapshot.map(|mut snapshot| {
        let mut body = Vec::new();
        snapshot.read_to_end(&mut body).unwrap();
        assert_eq!(snapshot.body_bytes, body.len() as u64);
        assert_eq!(snapshot.label.log_digest, Some([7; 32]));
        (snapshot.label.position.number(), body)
    });
    let reasons = found.skipped.into_iter().map(|skipped| skipped.reason);
    (snapshot, reasons.collect())
}

#[test]
fn the_newest_at_or_before_a_position_is_found() {
    let folder = TempDir::new().unwrap();
    let snapshots = open(&folder);
    save(&snapshots, 5, b"five");
    save(&snapshots, 9, b"nine");
    assert_eq!(
        found(&folder, 3, None),
        (Some((9, b"nine".to_vec())), vec![])
    );
    assert_eq!(
        found(&folder, 3, Some(9)),
        (Some((9, b"nine".to_vec())), vec![])
    );
    assert_eq!(
        found(&folder, 3, Some(8)),
        (Some((5, b"five".to_vec())), vec![])
    );
    assert_eq!(found(&folder, 3, Some(4)), (None, vec![]));
}

#[test]
fn another_version_means_rebuild_and_goes_with_the_next_save() {
    let folder = TempDir::new().unwrap();
    let snapshots = open(&folder);
    let old = save(&snapshots, 5, b"five");
    assert_eq!(
        found(&folder, 4, None),
        (None, vec![SkipReason::OtherVersion])
    );
    let newer = SnapshotLabel {
        version: 4,
        ..label(6)
    };
    snapshots
        .save(&newer, |file| file.write_all(b"six"))
        .unwrap();
    assert!(!old.exists());
    assert_eq!(
        found(&folder, 4, None),
        (Some((6, b"six".to_vec())), vec![])
    );
}

#[test]
fn names_do_not_run_into_each_other() {
    let folder = TempDir::new().unwrap();
    let snapshots = open(&folder);
    save(&snapshots, 5, b"five");
    let longer = SnapshotLabel {
        name: "estate_old".to_owned(),
        ..label(8)
    };
    snapshots
        .save(&longer, |file| file.write_all(b"eight"))
        .unwrap();
    assert_eq!(
        found(&folder, 3, None),
        (Some((5, b"five".to_vec())), vec![])
    );
}

#[test]
fn every_cut_and_every_flipped_bit_is_passed_over_for_an_older_one() {
    let folder = TempDir::new().unwrap();
    let snapshots = open(&folder);
    save(&snapshots, 5, b"five");
    let path = save(&snapshots, 9, b"nine");
    let whole = fs::read(&path).unwrap();
    let good = Some((5, b"five".to_vec()));
    for at in 0..whole.len() {
        fs::write(&path, &whole[..at]).unwrap();
        let (snapshot, reasons) = found(&folder, 3, None);
        assert_eq!((&snapshot, reasons.len()), (&good, 1), "cut at {at}");
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            fs::write(&path, flipped).unwrap();
            let (snapshot, reasons) = found(&folder, 3, None);
            assert_eq!(
                (&snapshot, reasons.len()),
                (&good, 1),
                "bit {bit} of byte {at}"
            );
        }
    }
    fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
    assert_eq!(found(&folder, 3, None).0, good);
}

#[test]
fn a_snapshot_under_another_ones_name_is_passed_over() {
    let folder = TempDir::new().unwrap();
    let snapshots = open(&folder);
    let path = save(&snapshots, 5, b"five");
    fs::rename(path, snapshots.path_of(&label(8))).unwrap();
    assert_eq!(
        found(&folder, 3, None),
        (None, vec![SkipReason::Mislabelled])
    );
}

#[test]
fn a_save_that_fails_leaves_nothing_and_the_older_one() {
    let folder = TempDir::new().unwrap();
    let snapshots = open(&folder);
    save(&snapshots, 5, b"five");
    let failing = snapshots.save(&label(9), |file| {
        file.write_all(b"half")?;
        Err(io::Error::other("the disk is full"))
    });
    assert!(failing.is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    fs::write(folder.path().join("7.unfinished"), "half").unwrap();
    assert_eq!(found(&folder, 3, None).0, Some((5, b"five".to_vec())));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_newest_stay_and_a_spread_of_older_ones() {
    let folder = TempDir::new().unwrap();
    let snapshots = open(&folder);
    for position in (50..=600).step_by(50) {
        save(&snapshots, position, b"body");
    }
    let positions = snapshots.positions("estate", 3).unwrap();
    let numbers: Vec<u64> = positions.into_iter().map(LogPosition::number).collect();
    assert_eq!(numbers, [600, 550, 500, 400, 200, 50]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), magic: bool) {
        let mut file = if magic { b"EPICSNP1".to_vec() } else { Vec::new() };
        file.extend(bytes);
        prop_assert!(format::read_label(&mut file.as_slice()).is_err());
        prop_assert!(format::check_body(&mut file.as_slice(), 100).is_err());
    }
}
