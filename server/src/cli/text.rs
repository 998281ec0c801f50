//! How answers are set in a terminal: tables, trees, and time as people say it.

mod table;
mod time;
mod tree;

pub(crate) use table::Table;
pub(crate) use time::{ago, before, clock_time};
pub(crate) use tree::Tree;

/// Cuts a text to so many characters, and shows that it was cut.
pub(crate) fn cut(text: &str, characters: usize) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if one_line.chars().count() <= characters {
        return one_line;
    }
    let kept: String = one_line
        .chars()
        .take(characters.saturating_sub(1))
        .collect();
    format!("{kept}…")
}

/// `1 change`, `2 changes`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
