//! Where a change's texts hold what was looked for, cut out for people to see.

use std::ops::Range;

use model::Change;

use super::fields::texts;
use super::language::{Part, TextQuery, Wanted};
use super::needles::{self, Needle, needles_of};
use super::segmenter::Segmenter;

/// How much of a text one fragment shows, in bytes, and how much of it before what was found.
const SHOWN_BYTES: usize = 240;
const BEFORE_BYTES: usize = 60;

/// A piece of a text that holds what was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The field of the change, as events name it.
    pub field: String,
    /// The text, piece by piece.
    pub pieces: Vec<Piece>,
    /// Whether the text goes on before it.
    pub cut_before: bool,
    /// Whether the text goes on behind it.
    pub cut_behind: bool,
}

/// A piece of a fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Whether it is what was looked for.
    pub found: bool,
}

/// What to mark, and in which part.
type Mark = (Option<Part>, Needle);

pub(super) fn of(
    segmenter: &Segmenter,
    query: &TextQuery,
    change: &Change,
    most: usize,
) -> Vec<Fragment> {
    let mut to_mark: Vec<Mark> = Vec::new();
    add_marks(segmenter, &query.wanted, &mut to_mark);
    let mut found: Vec<(Part, usize, Fragment)> = Vec::new();
    for (part, field, text) in texts(change) {
        let words = segmenter.words(&text);
        let wanted = to_mark
            .iter()
            .filter(|(of, _)| of.is_none_or(|of| of == part));
        let marks = wanted.flat_map(|(_, needle)| needles::found(needle, &words));
        let marks = joined(marks.collect());
        if !marks.is_empty() {
            found.push((part, marks.len(), fragment(field, &text, &marks)));
        }
    }
    found.sort_by_key(|(part, marks, _)| (*part, std::cmp::Reverse(*marks)));
    found.truncate(most);
    found.into_iter().map(|(_, _, fragment)| fragment).collect()
}

fn add_marks(segmenter: &Segmenter, wanted: &Wanted, marks: &mut Vec<Mark>) {
    match wanted {
        Wanted::All(list) | Wanted::Any(list) => {
            for one in list {
                add_marks(segmenter, one, marks);
            }
        }
        Wanted::Not(_) => {}
        Wanted::Text { part, text, form } => {
            let ways = needles_of(segmenter, text, *form);
            let needles = ways.into_iter().flatten();
            marks.extend(needles.map(|needle| (*part, needle)));
        }
    }
}

/// Ranges in order, those that touch as one.
fn joined(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// The part of a text with the most marks.
fn fragment(field: String, text: &str, marks: &[Range<usize>]) -> Fragment {
    let inside = |from: usize| {
        let all = marks.iter().filter(move |mark| from <= mark.start);
        all.take_while(move |mark| mark.end <= from + SHOWN_BYTES - BEFORE_BYTES)
            .count()
    };
    let mut best = (0, 0);
    for mark in marks {
        let count = inside(mark.start);
        if best.1 < count {
            best = (mark.start, count);
        }
    }
    let is_short = text.len() <= SHOWN_BYTES;
    let from = if is_short {
        0
    } else {
        boundary(text, best.0.saturating_sub(BEFORE_BYTES))
    };
    let to = if is_short {
        text.len()
    } else {
        boundary(text, (from + SHOWN_BYTES).min(text.len()))
    };
    let mut pieces = Vec::new();
    let mut piece = |range: Range<usize>, found: bool| {
        let text = text.get(range).unwrap_or_default();
        if !text.is_empty() {
            let text = text.to_owned();
            pieces.push(Piece { text, found });
        }
    };
    let mut shown_to = from;
    for mark in marks {
        if mark.end <= from || to <= mark.start {
            continue;
        }
        let begin = mark.start.max(shown_to);
        piece(shown_to..begin, false);
        let end = mark.end.min(to);
        piece(begin..end, true);
        shown_to = end;
    }
    piece(shown_to..to, false);
    Fragment {
        field,
        pieces,
        cut_before: 0 < from,
        cut_behind: to < text.len(),
    }
}

/// The place where a character begins, at this byte or before it.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use model::{SourceName, SourceRef};

    use super::*;

    fn marked(query: &str, title: &str, description: &str) -> Vec<String> {
        let mut change = Change::new(&SourceRef {
            source: SourceName::new("ci"),
            source_id: "7".to_owned(),
        });
        change.title = Some(title.to_owned());
        change.description = Some(description.to_owned());
        let query = query.parse().expect("a query");
        let fragments = of(&Segmenter::default(), &query, &change, 3);
        let told = fragments.iter().map(|fragment| {
            let pieces = fragment.pieces.iter().map(|piece| {
                if piece.found {
                    format!("[{}]", piece.text)
                } else {
                    piece.text.clone()
                }
            });
            let cut = |cut: bool| if cut { ".." } else { "" };
            format!(
                "{}: {}{}{}",
                fragment.field,
                cut(fragment.cut_before),
                pieces.collect::<String>(),
                cut(fragment.cut_behind)
            )
        });
        told.collect()
    }

    #[test]
    fn what_was_looked_for_is_marked_in_the_text_as_it_was_written() {
        assert_eq!(
            marked("orders checkout", "Move OrdersDb", "of Checkout"),
            ["title: Move [Orders]Db", "description: of [Checkout]"]
        );
        assert_eq!(
            marked("支付服务", "升级支付服务", "資料庫"),
            ["title: 升级[支付服务]"]
        );
        assert_eq!(
            marked("数据库", "x", "擴容數據庫集群"),
            ["description: 擴容[數據庫]集群"]
        );
        assert_eq!(marked("\"b c\"", "a b c, b", "c b"), ["title: a [b c], b"]);
        assert_eq!(
            marked("check* -old", "checks old", ""),
            ["title: [checks] old"]
        );
        assert_eq!(marked("title:web", "web", "web"), ["title: [web]"]);
        assert_eq!(
            marked("orders-db", "for orders_db", ""),
            ["title: for [orders_db]"]
        );
    }

    #[test]
    fn of_a_long_text_the_part_with_the_most_finds_is_shown() {
        let long = format!(
            "{} needle {} needle needle {}",
            "a ".repeat(200),
            "b ".repeat(200),
            "c ".repeat(200)
        );
        let told = marked("needle", "x", &long);
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("[needle] [needle] c c"), "{told:?}");
        assert!(
            told[0].starts_with("description: .. b") || told[0].starts_with("description: ..b"),
            "{told:?}"
        );
        assert!(told[0].ends_with(".."), "{told:?}");
    }
}
