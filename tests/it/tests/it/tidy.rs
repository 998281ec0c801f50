//! Rules of the repository that no compiler checks.
//!
//! Each test lists everything that breaks its rule, so that one run is enough.

mod crates;
mod rust_text;
mod tree;

use rust_text::RustFile;
use tree::{File, files, rust_files};

/// Longest file, in lines.
const FILE_LINES_MAX: usize = 500;

/// Fails with every line of `broken`, if there is one.
fn none(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn no_file_is_longer_than_its_limit() {
    let long = rust_files().into_iter().filter_map(|file| {
        let lines = file.text.lines().count();
        (FILE_LINES_MAX < lines).then(|| format!("{}: {lines} lines", file.path))
    });
    none(&long.collect::<Vec<_>>());
}

#[test]
fn every_module_begins_with_what_it_is_for() {
    let silent = rust_files()
        .into_iter()
        .filter(|file| !file.path.ends_with("/tests.rs") && !file.text.starts_with("//!"))
        .map(|file| file.path);
    none(&silent.collect::<Vec<_>>());
}

#[test]
fn no_file_is_named_after_nothing() {
    const EMPTY_NAMES: [&str; 8] = [
        "utils.rs",
        "util.rs",
        "helpers.rs",
        "helper.rs",
        "common.rs",
        "misc.rs",
        "types.rs",
        "shared.rs",
    ];
    let mut broken = Vec::new();
    for file in rust_files() {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        if EMPTY_NAMES.contains(&name) {
            broken.push(file.path);
        }
    }
    none(&broken);
}

#[test]
fn nothing_is_left_of_joining_two_versions() {
    let mut broken = Vec::new();
    for file in files() {
        let ends = [".orig", ".rej", ".bak", "~"];
        if ends.iter().any(|end| file.path.ends_with(end)) {
            broken.push(file.path);
            continue;
        }
        for (number, line) in (1..).zip(file.text.lines()) {
            // Made here so that this file does not break its own rule.
            if ["<", ">"]
                .iter()
                .any(|sign| line.starts_with(&format!("{} ", sign.repeat(7))))
            {
                broken.push(format!("{}:{number}", file.path));
            }
        }
    }
    none(&broken);
}

#[test]
fn no_name_says_which_way_by_a_word_that_means_both() {
    let mut broken = Vec::new();
    for file in rust_files().iter().map(RustFile::read) {
        for (number, line) in file.code.lines().enumerate() {
            let lower = line.to_lowercase();
            // Joined here so that this file does not break its own rule.
            let said = [["up", "stream"].concat(), ["down", "stream"].concat()]
                .iter()
                .any(|word| lower.contains(word));
            if said {
                broken.push(format!("{}:{}", file.path, number + 1));
            }
        }
    }
    none(&broken);
}

#[test]
fn every_match_on_an_event_names_every_event() {
    let mut broken = Vec::new();
    // A test may look at one event and fail on every other.
    let product = |file: &&File| !file.path.contains("/tests") && !file.path.starts_with("benches");
    for file in rust_files().iter().filter(product).map(RustFile::read) {
        for arms in file.matches() {
            let on_event = arms
                .iter()
                .any(|arm| arm.pattern.starts_with("Event::") || arm.pattern.contains("|Event::"));
            let catch_all = arms.iter().find(|arm| arm.catches_all());
            if let (true, Some(arm)) = (on_event, catch_all) {
                broken.push(format!("{}:{}: {} =>", file.path, arm.line, arm.pattern));
            }
        }
    }
    none(&broken);
}

#[test]
fn every_lifted_lint_says_why() {
    let mut broken = Vec::new();
    for file in rust_files().iter().map(RustFile::read) {
        for (line, attribute) in file.attributes() {
            let lifts = attribute.contains("expect(") && !attribute.contains("test");
            if attribute.contains("allow(") {
                broken.push(format!("{}:{line}: use #[expect]", file.path));
            } else if lifts && !attribute.contains("reason") {
                broken.push(format!("{}:{line}: {attribute}", file.path));
            }
        }
    }
    none(&broken);
}

#[test]
fn the_graph_never_iterates_in_hash_order() {
    let mut broken = Vec::new();
    for file in rust_files().iter().map(RustFile::read) {
        let hashed = file.code.contains("HashMap") || file.code.contains("HashSet");
        let inside = file.path.starts_with("graph/src/") && file.path != "graph/src/table.rs";
        if hashed && inside {
            broken.push(file.path.clone());
        }
    }
    none(&broken);
}

#[test]
fn no_expectation_is_left_that_no_test_refers_to() {
    let sources = rust_files();
    let mut broken = Vec::new();
    for file in files().iter().filter(|file| file.path.ends_with(".snap")) {
        let name = file
            .path
            .rsplit('/')
            .next()
            .expect("a path has a last part");
        let test = name.trim_end_matches(".snap").rsplit("__").next();
        let test = test.expect("a split has a last part");
        let in_crate = file.path.split('/').next();
        let wanted = |source: &&File| {
            source.path.split('/').next() == in_crate && source.text.contains(test)
        };
        if !sources.iter().any(|source| wanted(&source)) {
            broken.push(file.path.clone());
        }
    }
    none(&broken);
}

#[test]
fn every_event_has_its_golden_file() {
    let all: Vec<String> = files().into_iter().map(|file| file.path).collect();
    let missing = model::Event::TAGS.iter().filter(|(name, version)| {
        let golden = format!("/golden/{name}.v{version}");
        !all.iter().any(|path| path.contains(&golden))
    });
    let missing = missing.map(|(name, version)| format!("{name} v{version}"));
    none(&missing.collect::<Vec<_>>());
}

#[test]
fn no_file_names_the_machine_it_was_written_on() {
    let mut broken = Vec::new();
    for file in files() {
        // Joined here so that this file does not break its own rule.
        let folders = [
            ["/ro", "ot/"].concat(),
            ["/wo", "rk/"].concat(),
            ["/Us", "ers/"].concat(),
        ];
        for (number, line) in file.text.lines().enumerate() {
            if folders.iter().any(|folder| line.contains(folder)) {
                broken.push(format!("{}:{}", file.path, number + 1));
            }
        }
    }
    none(&broken);
}

#[test]
fn lock_files_name_no_host_but_the_public_index() {
    let mut broken = Vec::new();
    for file in files() {
        let foreign = |line: &&str| match file.path.rsplit('/').next() {
            Some("Cargo.lock") => {
                line.starts_with("source = ")
                    && !line.contains("registry+https://github.com/rust-lang/crates.io-index")
            }
            Some("package-lock.json") => line.contains("\"resolved\""),
            _ => false,
        };
        for line in file.text.lines().filter(foreign) {
            broken.push(format!("{}: {}", file.path, line.trim()));
        }
    }
    none(&broken);
}
