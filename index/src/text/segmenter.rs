//! Cuts a text into the words it is found by.
//!
//! - What is written without spaces (Chinese, Japanese, Korean) gives each character, and each
//!   word that the dictionary sees, at the place where it begins: words for ranking, characters so
//!   that any text of it is found as a phrase, whatever the dictionary thought.
//! - An identifier gives its parts (`orders-db`, `checkout_v2`, `OrderService`) one after another,
//!   and all of them joined at the place of the first.

use std::sync::{Arc, OnceLock};

use jieba_rs::Jieba;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use super::script::{Simplified, is_unspaced, narrow};

/// Longer words are cut here, in the index as in a question.
const WORD_BYTES_MAX: usize = 128;
/// An identifier of more parts is taken whole: it is rather a lump of encoded bytes.
const PARTS_MAX: usize = 24;

/// Cuts texts into words; cheap to clone. Its dictionaries are read when the first text needs them.
#[derive(Clone, Default)]
pub(super) struct Segmenter {
    books: Arc<Books>,
}

#[derive(Default)]
struct Books {
    jieba: OnceLock<Jieba>,
    simplified: OnceLock<Simplified>,
}

/// A word, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) position: usize,
}

/// What stands together in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// The parts of an identifier, or one plain word.
    Name(Vec<Word>),
    /// The characters of a text without spaces.
    Unspaced(Vec<Word>),
}

impl Run {
    /// What stands one after another in it.
    pub(super) fn parts(&self) -> &[Word] {
        match self {
            Self::Name(parts) | Self::Unspaced(parts) => parts,
        }
    }

    /// All parts as one word.
    pub(super) fn joined(&self) -> String {
        self.parts().iter().map(|part| part.text.as_str()).collect()
    }
}

impl Segmenter {
    /// What stands together in a text, positions counted through.
    pub(super) fn runs(&self, text: &str) -> Vec<Run> {
        let mut runs = Vec::new();
        let mut position = 0;
        let mut rest = text.char_indices().peekable();
        while let Some((start, letter)) = rest.next() {
            let letter = narrow(letter);
            let unspaced = is_unspaced(letter);
            if !unspaced && !letter.is_alphanumeric() {
                continue;
            }
            let mut end = start + letter_bytes(text, start);
            while let Some((at, next)) = rest.peek().copied() {
                let next = narrow(next);
                let goes_on = if unspaced {
                    is_unspaced(next)
                } else {
                    belongs_to_name(next) || (is_joiner(next) && name_follows(text, at))
                };
                if !goes_on {
                    break;
                }
                end = at + letter_bytes(text, at);
                rest.next();
            }
            let piece = text.get(start..end).unwrap_or_default();
            let run = if unspaced {
                Run::Unspaced(self.characters(piece, start, position))
            } else {
                Run::Name(parts_of_name(piece, start, position))
            };
            position += run.parts().len();
            runs.push(run);
        }
        runs
    }

    /// Every word that a text is found by, by position.
    pub(super) fn words(&self, text: &str) -> Vec<Word> {
        let mut words = Vec::new();
        for run in self.runs(text) {
            let (Some(first), Some(last)) = (run.parts().first(), run.parts().last()) else {
                continue;
            };
            let (first, last) = (first.clone(), last.clone());
            let joined = run.joined();
            match run {
                Run::Name(parts) => {
                    let is_several = 1 < parts.len() && joined.len() <= WORD_BYTES_MAX;
                    words.extend(parts);
                    words.extend(is_several.then_some(Word {
                        text: joined,
                        to: last.to,
                        ..first
                    }));
                }
                Run::Unspaced(characters) => {
                    words.extend(self.dictionary_words(&joined, &characters));
                    words.extend(characters);
                }
            }
        }
        words.sort_by_key(|word| word.position);
        words
    }

    /// The words of more than one character that the dictionary sees in characters that stand together.
    fn dictionary_words(&self, joined: &str, characters: &[Word]) -> Vec<Word> {
        if characters.len() < 2 {
            return Vec::new();
        }
        let found = self.jieba().cut_for_search(joined, true);
        let words = found.iter().filter_map(|token| {
            let first = characters.get(token.start)?;
            let last = characters.get(token.end.checked_sub(1)?)?;
            (first.position < last.position).then(|| Word {
                text: token.word.to_owned(),
                from: first.from,
                to: last.to,
                position: first.position,
            })
        });
        let mut words: Vec<Word> = words.collect();
        words.dedup();
        words
    }

    /// The words of a question's characters, each character in one of them, and whether the dictionary
    /// knows them all.
    pub(super) fn cut(&self, joined: &str) -> (Vec<String>, bool) {
        let jieba = self.jieba();
        let cut = jieba.cut(joined, true);
        let all_known = cut
            .iter()
            .all(|token| 1 < token.end - token.start && jieba.has_word(token.word));
        let words = cut.iter().map(|token| token.word.to_owned());
        (words.collect(), all_known)
    }

    fn characters(&self, piece: &str, offset: usize, position: usize) -> Vec<Word> {
        let simplified = self.books.simplified.get_or_init(Simplified::read);
        let numbered = piece.char_indices().enumerate();
        let characters = numbered.map(|(number, (at, letter))| Word {
            text: simplified.of(letter).to_string(),
            from: offset + at,
            to: offset + at + letter.len_utf8(),
            position: position + number,
        });
        characters.collect()
    }

    fn jieba(&self) -> &Jieba {
        self.books.jieba.get_or_init(Jieba::new)
    }
}

fn letter_bytes(text: &str, at: usize) -> usize {
    let letter = text.get(at..).and_then(|rest| rest.chars().next());
    letter.map_or(0, char::len_utf8)
}

fn belongs_to_name(letter: char) -> bool {
    letter.is_alphanumeric() && !is_unspaced(letter)
}

/// What joins the parts of an identifier.
fn is_joiner(letter: char) -> bool {
    matches!(letter, '-' | '_' | '.')
}

fn name_follows(text: &str, joiner: usize) -> bool {
    let rest = text.get(joiner..).unwrap_or_default();
    let next = rest.chars().nth(1);
    next.is_some_and(|next| belongs_to_name(narrow(next)))
}

/// The parts of an identifier in lower case: cut at joiners and where a capital begins a word.
fn parts_of_name(name: &str, offset: usize, position: usize) -> Vec<Word> {
    let letters: Vec<(usize, char)> = name
        .char_indices()
        .map(|(at, letter)| (at, narrow(letter)))
        .collect();
    let mut parts: Vec<Word> = Vec::new();
    let mut begins = true;
    for (number, (at, letter)) in letters.iter().enumerate() {
        if is_joiner(*letter) {
            begins = true;
            continue;
        }
        let before = number.checked_sub(1).and_then(|number| letters.get(number));
        begins |= before.is_some_and(|(_, before)| {
            let next = letters.get(number + 1).map(|(_, next)| *next);
            begins_word(*before, *letter, next)
        });
        let to = offset + at + letter_bytes(name, *at);
        match parts.last_mut().filter(|_| !begins) {
            Some(part) => {
                part.text.extend(letter.to_lowercase());
                part.to = to;
            }
            None => parts.push(Word {
                text: letter.to_lowercase().collect(),
                from: offset + at,
                to,
                position: position + parts.len(),
            }),
        }
        begins = false;
    }
    if PARTS_MAX < parts.len() {
        parts = taken_whole(&parts);
    }
    parts.iter_mut().for_each(|part| cut_long(&mut part.text));
    parts
}

fn taken_whole(parts: &[Word]) -> Vec<Word> {
    let ends = parts.first().zip(parts.last());
    let whole = ends.map(|(first, last)| Word {
        text: parts.iter().map(|part| part.text.as_str()).collect(),
        to: last.to,
        ..first.clone()
    });
    whole.into_iter().collect()
}

/// Whether a capital begins a word: behind a small letter or digit, or before a small letter.
fn begins_word(before: char, letter: char, next: Option<char>) -> bool {
    letter.is_uppercase()
        && (before.is_lowercase()
            || before.is_numeric()
            || (before.is_uppercase() && next.is_some_and(char::is_lowercase)))
}

fn cut_long(text: &mut String) {
    if WORD_BYTES_MAX < text.len() {
        let mut end = WORD_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
}

impl Tokenizer for Segmenter {
    type TokenStream<'a> = Words;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Words {
        Words {
            rest: self.words(text).into_iter(),
            token: Token::default(),
        }
    }
}

/// The words of one text.
pub(super) struct Words {
    rest: std::vec::IntoIter<Word>,
    token: Token,
}

impl TokenStream for Words {
    fn advance(&mut self) -> bool {
        let Some(word) = self.rest.next() else {
            return false;
        };
        self.token = Token {
            offset_from: word.from,
            offset_to: word.to,
            position: word.position,
            text: word.text,
            position_length: 1,
        };
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        let words = Segmenter::default().words(text);
        let words = words
            .iter()
            .map(|word| format!("{}@{}", word.text, word.position));
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_identifier_gives_its_parts_and_the_whole() {
        assert_eq!(words("orders-db"), "orders@0 db@1 ordersdb@0".sorted());
        assert_eq!(
            words("checkout_v2"),
            "checkout@0 v2@1 checkoutv2@0".sorted()
        );
        assert_eq!(
            words("OrderService"),
            "order@0 service@1 orderservice@0".sorted()
        );
        assert_eq!(words("HTTPServer"), "http@0 server@1 httpserver@0".sorted());
        assert_eq!(words("v1.2"), "v1@0 2@1 v12@0".sorted());
        assert_eq!(words("deploy shop/api."), "deploy@0 shop@1 api@2");
        assert_eq!(words("ＤＢ-1 – done"), "db@0 1@1 db1@0 done@2".sorted());
    }

    #[test]
    fn chinese_gives_words_and_characters() {
        assert_eq!(
            words("升级支付服务"),
            "升级@0 升@0 级@1 支付@2 支@2 付@3 服务@4 服@4 务@5"
        );
        assert_eq!(
            words("數據庫v2"),
            "数据@0 数据库@0 数@0 据库@1 据@1 库@2 v2@3"
        );
        assert_eq!(words("扩容orders库"), "扩容@0 扩@0 容@1 orders@2 库@3");
    }

    trait Sorted {
        fn sorted(&self) -> String;
    }

    impl Sorted for str {
        /// By position, what is listed first of one position first.
        fn sorted(&self) -> String {
            let mut words: Vec<&str> = self.split(' ').collect();
            words.sort_by_key(|word| word.rsplit('@').next().map(str::to_owned));
            words.join(" ")
        }
    }

    #[test]
    fn what_is_too_long_is_cut_and_a_lump_of_bytes_is_one_word() {
        assert_eq!(words(&"a".repeat(300)).len(), WORD_BYTES_MAX + "@0".len());
        let lump = "aB".repeat(40);
        assert_eq!(Segmenter::default().words(&lump).len(), 1);
    }
}
