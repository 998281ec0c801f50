//! How rare words are, kept beside a page so that the next one ranks by the same measure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tantivy::query::{Bm25StatisticsProvider, Query};
use tantivy::schema::Field;
use tantivy::{Searcher, Term};

use super::fields::Fields;

/// What a score depends on beside the document: a list that is read with one of these stays in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Statistics {
    documents: u64,
    /// Words in titles, bodies and names.
    words: [u64; 3],
    /// Documents that hold each term of the question, by term.
    holding: Vec<u64>,
}

/// Statistics with the terms of their question.
pub(super) struct Measure<'a> {
    statistics: &'a Statistics,
    fields: &'a Fields,
    holding: BTreeMap<Term, u64>,
}

impl Statistics {
    /// What is counted now for a question.
    pub(super) fn now(
        searcher: &Searcher,
        fields: &Fields,
        query: &dyn Query,
    ) -> tantivy::Result<Self> {
        let mut holding = Vec::new();
        for term in terms_of(query) {
            holding.push(searcher.doc_freq(&term)?);
        }
        let words = |field| searcher.total_num_tokens(field);
        Ok(Self {
            documents: searcher.total_num_docs()?,
            words: [
                words(fields.title)?,
                words(fields.body)?,
                words(fields.names)?,
            ],
            holding,
        })
    }

    /// As a measure for a question; one of another question measures as if its terms were rare.
    pub(super) fn measure<'a>(&'a self, fields: &'a Fields, query: &dyn Query) -> Measure<'a> {
        let terms = terms_of(query).into_iter();
        Measure {
            statistics: self,
            fields,
            holding: terms.zip(self.holding.iter().copied()).collect(),
        }
    }
}

/// The terms of a question, each once, in their order.
fn terms_of(query: &dyn Query) -> Vec<Term> {
    let mut terms = Vec::new();
    query.query_terms(&mut |term, _| terms.push(term.clone()));
    terms.sort_unstable();
    terms.dedup();
    terms
}

impl Bm25StatisticsProvider for Measure<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        let [title, body, names] = self.statistics.words;
        let words = if field == self.fields.title {
            title
        } else if field == self.fields.body {
            body
        } else {
            names
        };
        Ok(words.max(1))
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        let most = self.statistics.holding.iter().copied().max();
        Ok(self.statistics.documents.max(most.unwrap_or(0)).max(1))
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        Ok(self.holding.get(term).copied().unwrap_or(0))
    }
}
