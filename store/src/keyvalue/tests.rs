use model::LogPosition;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const CONFIG: KeyValueConfig = KeyValueConfig {
    cache_bytes: 8 << 20,
    inline_bytes_max: 100,
    flush_every_bytes: 1 << 20,
};
const LAYOUT: KeyValueLayout = KeyValueLayout {
    trees: &["letters", "numbers"],
    version: 1,
};

fn open(folder: &Path) -> (KeyValue, Opened) {
    KeyValue::open(folder, LAYOUT, CONFIG).unwrap()
}

fn marker(position: u64) -> Marker {
    Marker {
        position: LogPosition::new(position),
        stamp: [9; 16],
    }
}

fn put(store: &KeyValue, position: u64, entries: &[(&str, &str)]) {
    let entries: Vec<Entry> = entries
        .iter()
        .map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect();
    store.append("letters", &entries, marker(position)).unwrap();
}

fn got(store: &KeyValue, from: &str, until: &str, limit: usize) -> String {
    let entries = store.last_between("letters", from.as_bytes(), until.as_bytes(), limit);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let pairs = entries.unwrap().into_iter();
    pairs
        .map(|(key, value)| format!("{}={} ", text(key), text(value)))
        .collect()
}

/// The folder as a killed process leaves it: copied while the store is open.
fn killed(folder: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    copy_folder(folder, copy.path());
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let into = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &into);
        } else {
            fs::copy(entry.path(), into).unwrap();
        }
    }
}

fn filled(folder: &Path) -> KeyValue {
    let (store, opened) = open(folder);
    assert_eq!(opened, Opened::Fresh);
    for position in 1..=50 {
        put(
            &store,
            position,
            &[(
                &format!("k{position:03}"),
                &"v".repeat(position as usize * 5),
            )],
        );
    }
    store
}

#[test]
fn the_last_entries_of_a_range_come_in_order() {
    let folder = TempDir::new().unwrap();
    let (store, _) = open(folder.path());
    put(
        &store,
        7,
        &[("b2", "y"), ("a", "w"), ("b1", "x"), ("c", "z")],
    );
    assert_eq!(got(&store, "b", "c", 9), "b1=x b2=y ");
    assert_eq!(got(&store, "a", "d", 2), "b2=y c=z ");
    assert_eq!(
        store.get("letters", b"b1").unwrap().as_deref(),
        Some(&b"x"[..])
    );
    assert_eq!(store.get("numbers", b"b1").unwrap(), None);
    assert_eq!(store.marker("letters").unwrap(), marker(7));
    assert_eq!(store.marker("numbers").unwrap(), Marker::ZERO);
}

#[test]
fn a_large_value_lies_in_a_file_and_comes_back() {
    let folder = TempDir::new().unwrap();
    let large = "x".repeat(1_000_000);
    let (store, _) = open(folder.path());
    put(&store, 1, &[("k", &large)]);
    drop(store);
    let (store, opened) = open(folder.path());
    assert_eq!(opened, Opened::AsClosed);
    assert_eq!(
        store.get("letters", b"k").unwrap(),
        Some(large.into_bytes())
    );
    store.verify().unwrap();
}

#[test]
fn what_was_closed_opens_as_it_was() {
    let folder = TempDir::new().unwrap();
    let store = filled(folder.path());
    let content = store.content("letters").unwrap();
    store.close().unwrap();
    assert!(matches!(
        store.get("letters", b"k001"),
        Err(KeyValueError::Closed)
    ));
    drop(store);
    let (store, opened) = open(folder.path());
    assert_eq!(
        (opened, store.content("letters").unwrap()),
        (Opened::AsClosed, content)
    );
    assert_eq!(store.marker("letters").unwrap(), marker(50));
    store.verify().unwrap();
}

#[test]
fn what_a_killed_process_left_is_checked_and_kept() {
    let folder = TempDir::new().unwrap();
    let store = filled(folder.path());
    store.flush().unwrap();
    let copy = killed(folder.path());
    let (again, opened) = open(copy.path());
    assert_eq!(opened, Opened::Recovered);
    assert_eq!(
        again.content("letters").unwrap(),
        store.content("letters").unwrap()
    );
}

#[test]
fn what_a_killed_process_left_in_memory_only_is_missing_and_said_so() {
    let folder = TempDir::new().unwrap();
    let store = filled(folder.path());
    store.flush().unwrap();
    put(&store, 60, &[("late", "1")]);
    let copy = killed(folder.path());
    let (again, opened) = open(copy.path());
    assert_eq!(opened, Opened::Recovered);
    assert_eq!(again.marker("letters").unwrap(), marker(50));
    assert_eq!(again.get("letters", b"late").unwrap(), None);
}

#[test]
fn after_the_machine_stopped_nothing_is_trusted() {
    let folder = TempDir::new().unwrap();
    let store = filled(folder.path());
    let copy = killed(folder.path());
    drop(store);
    let generation = State::read(copy.path()).unwrap().generation();
    let earlier = Phase::Open("an earlier start".to_owned());
    state::write(copy.path(), 1, generation, &earlier).unwrap();
    let (again, opened) = open(copy.path());
    assert_eq!(opened, Opened::Discarded(DiscardReason::MachineStopped));
    assert_eq!(again.marker("letters").unwrap(), Marker::ZERO);
}

#[test]
fn a_recovery_that_did_not_end_is_not_tried_again() {
    let folder = TempDir::new().unwrap();
    let copy = killed(filled(folder.path()).directory.as_path());
    let generation = State::read(copy.path()).unwrap().generation();
    state::write(copy.path(), 1, generation, &Phase::Recovering).unwrap();
    assert_eq!(
        open(copy.path()).1,
        Opened::Discarded(DiscardReason::RecoveryFailed)
    );
}

#[test]
fn another_layout_is_thrown_away() {
    let folder = TempDir::new().unwrap();
    drop(filled(folder.path()));
    let layout = KeyValueLayout {
        version: 2,
        ..LAYOUT
    };
    let (store, opened) = KeyValue::open(folder.path(), layout, CONFIG).unwrap();
    assert_eq!(opened, Opened::Discarded(DiscardReason::OtherLayout));
    assert_eq!(store.marker("letters").unwrap(), Marker::ZERO);
}

#[test]
fn a_folder_has_one_user() {
    let folder = TempDir::new().unwrap();
    let (_store, _) = open(folder.path());
    let second = KeyValue::open(folder.path(), LAYOUT, CONFIG);
    assert!(matches!(second, Err(KeyValueError::InUse { .. })));
}

#[test]
fn clearing_starts_from_nothing_and_works_on() {
    let folder = TempDir::new().unwrap();
    let store = filled(folder.path());
    store.clear().unwrap();
    assert_eq!(store.content("letters").unwrap(), (0, 0));
    put(&store, 1, &[("k", "v")]);
    drop(store);
    let (store, opened) = open(folder.path());
    assert_eq!(
        (opened, got(&store, "", "z", 9)),
        (Opened::AsClosed, "k=v ".to_owned())
    );
}

#[test]
fn a_lost_large_value_marks_the_store_as_damaged_and_clearing_mends_it() {
    let folder = TempDir::new().unwrap();
    let store = filled(folder.path());
    let generation = store.generation_folder(store.shelf().as_ref().unwrap().generation());
    fs::remove_dir_all(generation.join(state::LARGE_FOLDER)).unwrap();
    let lost = store.get("letters", b"k050");
    assert!(matches!(lost, Err(KeyValueError::Damaged { .. })));
    let after = store.get("letters", b"k001");
    assert!(
        matches!(after, Err(KeyValueError::Damaged { .. })),
        "nothing of it is used again"
    );
    store.clear().unwrap();
    put(&store, 1, &[("k", "v")]);
    assert_eq!(got(&store, "", "z", 9), "k=v ");
}

/// Every file of a folder, for harming one.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.file_name().unwrap() != "lock" {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// What is there after an open must be what was written up to its marker, whatever was harmed.
fn opens_whole(folder: &Path) -> Opened {
    let (store, opened) = open(folder);
    store.verify().unwrap();
    let position = store.marker("letters").unwrap().position.number();
    assert_eq!(store.content("letters").unwrap().0, position, "{opened:?}");
    put(&store, position + 1, &[("after", "1")]);
    opened
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn harm_to_what_was_closed_is_noticed_before_sled_sees_it(file: prop::sample::Index, at: prop::sample::Index, bit in 0u8..8, cut: bool) {
        let folder = TempDir::new().unwrap();
        drop(filled(folder.path()));
        let files = files_below(folder.path());
        let path = file.get(&files);
        let mut bytes = fs::read(path).unwrap();
        let large = path.parent().unwrap().ends_with(state::LARGE_FOLDER);
        prop_assume!(!bytes.is_empty() && (cut || !large));
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
        fs::write(path, bytes).unwrap();
        let opened = opens_whole(folder.path());
        prop_assert!(matches!(opened, Opened::Discarded(DiscardReason::NoState | DiscardReason::FileChanged)), "{:?}", opened);
    }

    #[test]
    fn harm_to_what_a_killed_process_left_is_healed(file: prop::sample::Index, at: prop::sample::Index, bit in 0u8..8, cut: bool) {
        let folder = TempDir::new().unwrap();
        let store = filled(folder.path());
        store.flush().unwrap();
        let copy = killed(folder.path());
        let files = files_below(copy.path());
        let path = file.get(&files);
        let mut bytes = fs::read(path).unwrap();
        let large = path.parent().unwrap().ends_with(state::LARGE_FOLDER);
        prop_assume!(!bytes.is_empty() && (cut || !large));
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
        fs::write(path, bytes).unwrap();
        opens_whole(copy.path());
    }

    #[test]
    fn any_note_is_read_without_a_panic(text in "\\PC*", lines in "(open|closed|file|sum|[a-z0-9 \n-]){0,40}") {
        let folder = TempDir::new().unwrap();
        for note in [text, format!("epicenter key-value store 1\n{lines}\nsum 00\n")] {
            fs::write(folder.path().join("state"), note).unwrap();
            prop_assert!(State::read(folder.path()).unwrap().note().is_none());
        }
    }
}
