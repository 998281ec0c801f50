//! Whether one statement holds what is asked for, without an index: for those who hear each event.

use model::{Change, Timestamp};

use super::exact::ExactTerm;
use super::fields::texts;
use super::language::{Part, Wanted};
use super::needles::{found, needles_of};
use super::reader::TextQuestion;
use super::segmenter::{Segmenter, Word};

/// The words of a statement, by part.
type Said = Vec<(Part, Vec<Word>)>;

pub(super) fn holds(
    segmenter: &Segmenter,
    question: &TextQuestion,
    occurred_at: Timestamp,
    change: &Change,
) -> bool {
    let terms = ExactTerm::of(change);
    let has_term = |wanted: &ExactTerm| terms.iter().any(|term| wanted.finds(term));
    let exact = question.exact.iter().all(|any| any.iter().any(has_term));
    let became = question.became.iter().all(|(statuses, from, until)| {
        let is_one = change
            .status
            .is_some_and(|status| statuses.contains(&status));
        is_one && *from <= occurred_at && occurred_at < *until
    });
    let in_texts = || {
        let Some(query) = &question.query else {
            return true;
        };
        let texts = texts(change).into_iter();
        let said = texts.map(|(part, _, text)| (part, segmenter.words(&text)));
        wanted_holds(segmenter, &query.wanted, &said.collect())
    };
    exact && became && in_texts()
}

fn wanted_holds(segmenter: &Segmenter, wanted: &Wanted, said: &Said) -> bool {
    match wanted {
        Wanted::All(list) => list.iter().all(|one| wanted_holds(segmenter, one, said)),
        Wanted::Any(list) => list.iter().any(|one| wanted_holds(segmenter, one, said)),
        Wanted::Not(one) => !wanted_holds(segmenter, one, said),
        Wanted::Text { part, text, form } => {
            let needles = needles_of(segmenter, text, *form);
            let is_wanted = |(of, _): &&(Part, Vec<Word>)| part.is_none_or(|part| part == *of);
            let mut places = said.iter().filter(is_wanted);
            // All ways of one word must be found in one place, or any of them: as the index does.
            places.any(|(_, words)| {
                let mut ways = needles.iter();
                ways.any(|all| all.iter().all(|needle| !found(needle, words).is_empty()))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{SourceName, SourceRef};

    use super::*;

    fn says(query: &str) -> bool {
        let mut change = Change::new(&SourceRef {
            source: SourceName::new("ci"),
            source_id: "7".to_owned(),
        });
        change.title = Some("升级支付服务 for OrdersDb".to_owned());
        change.category = Some("App".to_owned());
        let question = TextQuestion {
            query: Some(query.parse().expect("a query")),
            exact: vec![vec![ExactTerm::category("app")]],
            ..TextQuestion::default()
        };
        holds(
            &Segmenter::default(),
            &question,
            Timestamp::from_unix_millis(0),
            &change,
        )
    }

    #[test]
    fn a_statement_is_read_as_the_index_reads_it() {
        for query in [
            "支付",
            "orders-db",
            "升级 -回滚",
            "ord*",
            "title:\"for orders\"",
            "x OR 服务",
        ] {
            assert!(says(query), "{query}");
        }
        for query in [
            "回滚",
            "orders -db",
            "body:支付",
            "\"orders for\"",
            "dborders",
        ] {
            assert!(!says(query), "{query}");
        }
    }
}
