//! The files of the repository, without what builds leave behind.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold nothing written by hand.
const SKIPPED: [&str; 7] = [
    "target",
    "node_modules",
    ".git",
    "dist",
    "__pycache__",
    ".venv",
    "venv",
];

/// A text file with its path from the root.
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

/// The root of the repository.
pub(super) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("this crate lies two folders below the root")
        .to_owned()
}

/// Every text file, in the order of their paths.
pub(super) fn files() -> Vec<File> {
    let root = root();
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Every Rust file, in the order of their paths.
pub(super) fn rust_files() -> Vec<File> {
    let mut found = files();
    found.retain(|file| file.path.ends_with(".rs"));
    found
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<File>) {
    let entries = fs::read_dir(folder).expect("a folder of the repository can be read");
    for entry in entries {
        let path = entry
            .expect("a folder of the repository can be read")
            .path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() && !path.is_symlink() {
            if !SKIPPED.contains(&name) {
                walk(root, &path, found);
            }
        } else if name == ".git" {
            // In a linked working tree it is a file that names a folder of this machine.
        } else if let Ok(text) = fs::read_to_string(&path) {
            let inside = path.strip_prefix(root).expect("the walk began at the root");
            found.push(File {
                path: inside.display().to_string(),
                text,
            });
        }
    }
}
