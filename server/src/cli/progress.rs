//! A bar for long work, on a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that fills up to `length` bytes; invisible where nobody looks.
pub(crate) fn bytes(length: u64, what: &str) -> ProgressBar {
    bar(
        length,
        what,
        "{msg} [{wide_bar}] {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left",
    )
}

/// A bar that fills up to `length` events; invisible where nobody looks.
pub(crate) fn events(length: u64, what: &str) -> ProgressBar {
    bar(
        length,
        what,
        "{msg} [{wide_bar}] {human_pos}/{human_len}, {per_sec}, {eta} left",
    )
}

/// A bar for work whose length shows while it is done; invisible where nobody looks.
pub(crate) fn steps(what: &str) -> ProgressBar {
    bar(0, what, "[{wide_bar}] {pos}/{len} segments, {msg}")
}

fn bar(length: u64, what: &str, template: &str) -> ProgressBar {
    // It hides itself when standard error is no terminal.
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template(template).expect("the template is well-formed");
    bar.with_style(style.progress_chars("=> "))
        .with_message(what.to_owned())
}
