//! Turns what is wanted into a question that tantivy answers.

use std::ops::Bound;

use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, EmptyQuery, InvertedIndexRangeQuery,
    Occur, PhraseQuery, Query, RangeQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use super::exact::{Became, ExactTerm, became_code};
use super::fields::Fields;
use super::language::{Form, Part, Wanted};
use super::reader::TextQuestion;
use super::segmenter::{Run, Segmenter};

type Boxed = Box<dyn Query>;

/// Makes questions of what is wanted.
pub(super) struct Planner<'a> {
    pub(super) fields: &'a Fields,
    pub(super) segmenter: &'a Segmenter,
}

impl Planner<'_> {
    /// The whole question.
    pub(super) fn question(&self, question: &TextQuestion) -> Boxed {
        let mut all: Vec<(Occur, Boxed)> = Vec::new();
        if let Some(query) = &question.query {
            all.push((Occur::Must, self.wanted(&query.wanted)));
        }
        for any in &question.exact {
            let terms: Vec<Boxed> = any.iter().map(|term| self.exact(term)).collect();
            all.push((Occur::Must, unscored(Box::new(BooleanQuery::union(terms)))));
        }
        for (statuses, from, until) in &question.became {
            let spans = statuses.iter().map(|status| {
                let code = |at| {
                    let status = *status;
                    Term::from_field_u64(self.fields.became, became_code(&Became { status, at }))
                };
                let span =
                    RangeQuery::new(Bound::Included(code(*from)), Bound::Excluded(code(*until)));
                Box::new(span) as Boxed
            });
            let any = BooleanQuery::union(spans.collect());
            all.push((Occur::Must, unscored(Box::new(any))));
        }
        Box::new(BooleanQuery::new(all))
    }

    fn exact(&self, term: &ExactTerm) -> Boxed {
        if term.finds_longer() {
            return begins_with(self.fields.exact, term.as_str());
        }
        self.term(self.fields.exact, term.as_str())
    }

    fn wanted(&self, wanted: &Wanted) -> Boxed {
        match wanted {
            Wanted::All(list) => self.all(list),
            Wanted::Not(_) => self.all(std::slice::from_ref(wanted)),
            Wanted::Any(list) => {
                let any = list.iter().map(|one| self.wanted(one));
                Box::new(BooleanQuery::union(any.collect()))
            }
            Wanted::Text { part, text, form } => {
                let parts = part
                    .as_ref()
                    .map_or(&Part::ALL[..], std::slice::from_ref)
                    .iter();
                let mut any: Vec<Boxed> = Vec::new();
                for part in parts {
                    let found = self.text(self.fields.text(*part), text, *form);
                    any.push(Box::new(BoostQuery::new(found, worth(*part))));
                }
                Box::new(BooleanQuery::union(any))
            }
        }
    }

    fn all(&self, list: &[Wanted]) -> Boxed {
        let mut all: Vec<(Occur, Boxed)> = Vec::new();
        for wanted in list {
            let (occur, wanted) = match wanted {
                Wanted::Not(not) => (Occur::MustNot, &**not),
                other => (Occur::Must, other),
            };
            all.push((occur, self.wanted(wanted)));
        }
        if all.iter().all(|(occur, _)| *occur == Occur::MustNot) {
            all.push((Occur::Must, unscored(Box::new(AllQuery))));
        }
        Box::new(BooleanQuery::new(all))
    }

    fn text(&self, field: Field, text: &str, form: Form) -> Boxed {
        let runs = self.segmenter.runs(text);
        match form {
            Form::Phrase => self.one_after_another(field, &runs),
            Form::Prefix => self.prefix(field, &runs),
            Form::Word => {
                if let [run] = runs.as_slice() {
                    return self.run(field, run);
                }
                if !runs.iter().any(|run| matches!(run, Run::Unspaced(_))) {
                    return self.one_after_another(field, &runs);
                }
                let all = runs.iter().map(|run| self.run(field, run));
                Box::new(BooleanQuery::intersection(all.collect()))
            }
        }
    }

    /// An identifier by its parts or joined; characters by their words, or as they stand
    /// together where the dictionary does not know them all.
    fn run(&self, field: Field, run: &Run) -> Boxed {
        let together = self.one_after_another(field, std::slice::from_ref(run));
        if run.parts().len() < 2 {
            return together;
        }
        match run {
            Run::Name(_) => {
                let joined = self.term(field, &run.joined());
                Box::new(BooleanQuery::union(vec![together, joined]))
            }
            Run::Unspaced(_) => {
                let (words, all_known) = self.segmenter.cut(&run.joined());
                let words = words.iter().map(|word| self.term(field, word));
                let words: Boxed = Box::new(BooleanQuery::intersection(words.collect()));
                if all_known {
                    return words;
                }
                Box::new(BooleanQuery::union(vec![together, words]))
            }
        }
    }

    fn one_after_another(&self, field: Field, runs: &[Run]) -> Boxed {
        let parts = runs.iter().flat_map(Run::parts);
        let mut terms: Vec<Term> = parts
            .map(|part| Term::from_field_text(field, &part.text))
            .collect();
        match terms.len() {
            0 => Box::new(EmptyQuery),
            1 => Box::new(TermQuery::new(
                terms.remove(0),
                IndexRecordOption::WithFreqs,
            )),
            _ => Box::new(PhraseQuery::new(terms)),
        }
    }

    /// Every part but the last as it is, of the last the beginning.
    fn prefix(&self, field: Field, runs: &[Run]) -> Boxed {
        let Some((Run::Name(parts), before)) = runs.split_last() else {
            return self.one_after_another(field, runs);
        };
        let Some((last, first)) = parts.split_last() else {
            return Box::new(EmptyQuery);
        };
        let earlier = before.iter().flat_map(Run::parts).chain(first);
        let mut all: Vec<Boxed> = earlier.map(|part| self.term(field, &part.text)).collect();
        all.push(begins_with(field, &last.text));
        let by_parts: Boxed = Box::new(BooleanQuery::intersection(all));
        if first.is_empty() || !before.is_empty() {
            return by_parts;
        }
        let joined: String = parts.iter().map(|part| part.text.as_str()).collect();
        let joined = begins_with(field, &joined);
        Box::new(BooleanQuery::union(vec![by_parts, joined]))
    }

    fn term(&self, field: Field, text: &str) -> Boxed {
        let term = Term::from_field_text(field, text);
        let option = if field == self.fields.exact {
            IndexRecordOption::Basic
        } else {
            IndexRecordOption::WithFreqs
        };
        Box::new(TermQuery::new(term, option))
    }
}

/// What a find in a part is worth beside one in the body.
fn worth(part: Part) -> f32 {
    match part {
        Part::Title => 2.0,
        Part::Names => 1.5,
        Part::Body => 1.0,
    }
}

fn unscored(query: Boxed) -> Boxed {
    Box::new(ConstScoreQuery::new(query, 0.0))
}

/// Whatever begins with a text: in the order of bytes that is one run of words.
fn begins_with(field: Field, text: &str) -> Boxed {
    let mut end = text.as_bytes().to_vec();
    let bound = match end.last_mut() {
        // No byte of a text is the greatest one.
        Some(last) => {
            *last += 1;
            Bound::Excluded(Term::from_field_bytes(field, &end))
        }
        None => Bound::Unbounded,
    };
    let begin = Bound::Included(Term::from_field_text(field, text));
    Box::new(InvertedIndexRangeQuery::new(begin, bound))
}
