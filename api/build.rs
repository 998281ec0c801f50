//! Builds the page of `web/` when its sources changed, so that the binary can carry it.
//!
//! Needs node and npm. `EPICENTER_SKIP_WEB=1` builds without the page: the binary then serves a
//! plain notice in its place.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the page is made of, relative to `web/`.
const SOURCES: [&str; 5] = [
    "package.json",
    "package-lock.json",
    "vite.config.js",
    "index.html",
    "src",
];

fn main() {
    println!("cargo::rerun-if-env-changed=EPICENTER_SKIP_WEB");
    for source in SOURCES {
        println!("cargo::rerun-if-changed=web/{source}");
    }
    let web =
        Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("web");
    if std::env::var_os("EPICENTER_SKIP_WEB").is_some_and(|skip| skip == "1") {
        return;
    }
    let wanted = fingerprint(&web);
    let built = web.join("dist/.built-from");
    if fs::read_to_string(&built).is_ok_and(|found| found == wanted) {
        return;
    }
    install(&web);
    npm(&web, &["run", "build", "--", "--logLevel", "error"]);
    fs::write(&built, wanted).expect("the folder was just written by the build");
}

/// Brings the packages of the lock file, unless they are there.
fn install(web: &Path) {
    let installed = web.join("node_modules/.installed.json");
    let wanted = fs::read(web.join("package-lock.json")).expect("the lock file is committed");
    if fs::read(&installed).is_ok_and(|found| found == wanted) {
        return;
    }
    npm(
        web,
        &[
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ],
    );
    fs::write(&installed, wanted).expect("npm has just made the folder");
}

fn npm(web: &Path, arguments: &[&str]) {
    let line = arguments.join(" ");
    let output = Command::new("npm")
        .args(arguments)
        .current_dir(web)
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => panic!(
            "the page needs node and npm ({error}); install them, or set EPICENTER_SKIP_WEB=1 \
             to build without the page"
        ),
    };
    assert!(
        output.status.success(),
        "`npm {line}` failed in {}:\n{}\n{}",
        web.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

/// The length and FNV-1a hash of every source, by name.
fn fingerprint(web: &Path) -> String {
    let mut files: Vec<PathBuf> = Vec::new();
    for source in SOURCES {
        collect(&web.join(source), &mut files);
    }
    files.sort();
    let mut lines = String::new();
    for file in files {
        let bytes = fs::read(&file).expect("a source that was listed can be read");
        let name = file.strip_prefix(web).unwrap_or(&file);
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in &bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        lines.push_str(&format!("{} {} {hash:016x}\n", name.display(), bytes.len()));
    }
    lines
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if !path.is_dir() {
        files.push(path.to_owned());
        return;
    }
    let entries = fs::read_dir(path).expect("a folder of sources can be read");
    for entry in entries {
        let path = entry.expect("a folder of sources can be read").path();
        if path.file_name() != Some(OsStr::new(".DS_Store")) {
            collect(&path, files);
        }
    }
}
