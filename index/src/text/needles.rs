//! What is looked for, as sequences of words that can be seen in a text that was cut into words.

use std::ops::Range;

use super::language::Form;
use super::segmenter::{Run, Segmenter, Word};

/// Something that a text holds or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Needle {
    /// Words at places one after another.
    Sequence(Vec<String>),
    /// A word that begins so.
    Prefix(String),
}

/// The ways in which a text can hold what is looked for: of one way every needle.
pub(super) fn needles_of(segmenter: &Segmenter, text: &str, form: Form) -> Vec<Vec<Needle>> {
    let runs = segmenter.runs(text);
    match form {
        Form::Phrase => vec![vec![one_after_another(&runs)]],
        Form::Prefix => prefixes(&runs),
        Form::Word => {
            let unspaced = runs.iter().any(|run| matches!(run, Run::Unspaced(_)));
            if let [run] = runs.as_slice() {
                ways_of(segmenter, run)
            } else if unspaced {
                let mut all: Vec<Vec<Needle>> = vec![Vec::new()];
                for run in &runs {
                    let ways = ways_of(segmenter, run);
                    let joined = all.iter().flat_map(|before| {
                        ways.iter().map(|way| [before.as_slice(), way].concat())
                    });
                    // Few runs have two ways each; a lump of many is taken by its first ones.
                    all = joined.take(64).collect();
                }
                all
            } else {
                vec![vec![one_after_another(&runs)]]
            }
        }
    }
}

fn ways_of(segmenter: &Segmenter, run: &Run) -> Vec<Vec<Needle>> {
    let together = vec![one_after_another(std::slice::from_ref(run))];
    if run.parts().len() < 2 {
        return vec![together];
    }
    match run {
        Run::Name(_) => vec![together, vec![Needle::Sequence(vec![run.joined()])]],
        Run::Unspaced(_) => {
            let (words, _) = segmenter.cut(&run.joined());
            let words = words.into_iter();
            let words = words.map(|word| Needle::Sequence(vec![word]));
            vec![words.collect(), together]
        }
    }
}

fn prefixes(runs: &[Run]) -> Vec<Vec<Needle>> {
    let Some((Run::Name(parts), before)) = runs.split_last() else {
        return vec![vec![one_after_another(runs)]];
    };
    let Some((last, first)) = parts.split_last() else {
        return Vec::new();
    };
    let earlier = before.iter().flat_map(Run::parts).chain(first);
    let mut by_parts: Vec<Needle> = earlier
        .map(|part| Needle::Sequence(vec![part.text.clone()]))
        .collect();
    by_parts.push(Needle::Prefix(last.text.clone()));
    if first.is_empty() || !before.is_empty() {
        return vec![by_parts];
    }
    let joined = parts.iter().map(|part| part.text.as_str()).collect();
    vec![by_parts, vec![Needle::Prefix(joined)]]
}

fn one_after_another(runs: &[Run]) -> Needle {
    let parts = runs.iter().flat_map(Run::parts);
    Needle::Sequence(parts.map(|part| part.text.clone()).collect())
}

/// Where the words of a text are what is wanted.
pub(super) fn found(needle: &Needle, words: &[Word]) -> Vec<Range<usize>> {
    match needle {
        Needle::Prefix(beginning) => {
            let found = words.iter().filter(|word| word.text.starts_with(beginning));
            found.map(|word| word.from..word.to).collect()
        }
        Needle::Sequence(sequence) => {
            let Some((first, rest)) = sequence.split_first() else {
                return Vec::new();
            };
            let begins = words.iter().enumerate();
            let begins = begins.filter(|(_, word)| word.text == *first);
            let found = begins.filter_map(|(number, begin)| {
                let behind = words.get(number + 1..).unwrap_or_default();
                Some(begin.from..end_of_sequence(begin, rest, behind)?)
            });
            found.collect()
        }
    }
}

/// Where a sequence ends that begins with a word; nothing if it does not go on as it should.
fn end_of_sequence(begin: &Word, rest: &[String], behind: &[Word]) -> Option<usize> {
    let mut to = begin.to;
    let mut behind = behind;
    for (next, position) in rest.iter().zip(begin.position + 1..) {
        let near = behind.iter().take_while(|word| word.position <= position);
        let mut near = near.enumerate();
        let (place, word) =
            near.find(|(_, word)| word.position == position && word.text == *next)?;
        to = word.to;
        behind = behind.get(place + 1..).unwrap_or_default();
    }
    Some(to)
}
