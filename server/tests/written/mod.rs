//! What lies in a folder.

use std::fs;
use std::path::Path;

/// Whether any file below a folder holds a text.
pub(crate) fn is_written(folder: &Path, wanted: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => is_written(&path, wanted),
            false => {
                let bytes = fs::read(&path).unwrap();
                let mut windows = bytes.windows(wanted.len());
                windows.any(|window| window == wanted.as_bytes())
            }
        }
    })
}
