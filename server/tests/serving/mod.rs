//! The binary as a server of its own, on free ports.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const FREE: &str = "127.0.0.1:0";

/// The binary with arguments; it asks no other server than the arguments say.
pub(crate) fn epicenter(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_epicenter"));
    command.args(arguments);
    for name in [
        "EPICENTER_SERVER",
        "EPICENTER_SERVER_CA",
        "EPICENTER_SERVER_IDENTITY",
        "EPICENTER_TOKEN",
        "EPICENTER_TOKEN_FILE",
    ] {
        command.env_remove(name);
    }
    command
}

/// A running server; ended with the test.
pub(crate) struct Serving {
    pub(crate) child: Child,
    pub(crate) http: String,
}

impl Serving {
    /// Starts one over a folder and waits until it is ready.
    pub(crate) fn over(folder: &Path) -> Self {
        Self::with(folder, &[])
    }

    /// The same with more arguments.
    pub(crate) fn with(folder: &Path, more: &[&str]) -> Self {
        let folder = folder.to_str().unwrap();
        let mut command = epicenter(&["serve", "--data-dir", folder]);
        command.args(more);
        for address in ["--listen", "--otlp-grpc", "--otlp-http"] {
            command.args([address, FREE]);
        }
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = piped.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut serving = Self {
            child,
            http: String::new(),
        };
        for line in BufReader::new(stdout).lines() {
            let line = line.unwrap();
            if let Some(url) = line.strip_prefix("http ") {
                serving.http = url.trim().to_owned();
            }
            if line == "ready" {
                return serving;
            }
        }
        panic!("the server ended before it was ready");
    }

    /// Sends it a signal, such as `-TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
