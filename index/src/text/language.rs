//! The language of a text search: words, `"phrases"`, `prefix*`, `-not`, `AND`, `OR`, `NOT`, parentheses, `field:`.
//!
//! Words beside each other must all be found; `OR` binds looser than that.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Longest question, in characters.
const CHARACTERS_MAX: usize = 1_000;
/// Most words and phrases of one question.
const WORDS_MAX: usize = 64;
/// How deep parentheses may stand in each other.
const DEPTH_MAX: usize = 16;

/// What is looked for in texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextQuery {
    pub(super) wanted: Wanted,
    text: String,
}

/// Why a text cannot be looked for. Places count characters, from 1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LanguageError {
    /// Nothing is looked for.
    #[error("there is no word to look for")]
    Empty,
    /// Too much.
    #[error("a search has {CHARACTERS_MAX} characters at most")]
    TooLong,
    /// Too many words.
    #[error("a search has {WORDS_MAX} words and phrases at most")]
    TooManyWords,
    /// Too many parentheses.
    #[error("parentheses stand {DEPTH_MAX} deep in each other at most")]
    TooDeep,
    /// A quote that is not closed.
    #[error("the quote at character {at} is not closed")]
    OpenQuote {
        /// Where it opens.
        at: usize,
    },
    /// A parenthesis that is not closed.
    #[error("the parenthesis at character {at} is not closed")]
    OpenParenthesis {
        /// Where it opens.
        at: usize,
    },
    /// A parenthesis that nothing opened.
    #[error("the parenthesis at character {at} closes nothing")]
    StrayParenthesis {
        /// Where it stands.
        at: usize,
    },
    /// An operator without something on one side.
    #[error(
        "`{operator}` at character {at} joins nothing; put quotes around it to look for the word"
    )]
    StrayOperator {
        /// Which.
        operator: String,
        /// Where it stands.
        at: usize,
    },
    /// A word of signs only.
    #[error("`{word}` at character {at} has no letter or digit that could be looked for")]
    NoLetters {
        /// The word.
        word: String,
        /// Where it stands.
        at: usize,
    },
}

/// What must be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    All(Vec<Wanted>),
    Any(Vec<Wanted>),
    Not(Box<Wanted>),
    Text {
        part: Option<Part>,
        text: String,
        form: Form,
    },
}

/// How a text is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Word,
    Phrase,
    Prefix,
}

/// A part of a change's texts that can be asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Title,
    Body,
    Names,
}

impl Part {
    pub(super) const ALL: [Self; 3] = [Self::Title, Self::Body, Self::Names];

    fn named(name: &str) -> Option<Self> {
        match name {
            "title" => Some(Self::Title),
            "body" => Some(Self::Body),
            "name" => Some(Self::Names),
            _ => None,
        }
    }
}

impl TextQuery {
    /// The same, looked for in titles where it names no part.
    #[must_use]
    pub fn in_title(mut self) -> Self {
        only_in(&mut self.wanted, Part::Title);
        self
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            text: format!("{self} {other}"),
            wanted: Wanted::All(vec![self.wanted, other.wanted]),
        }
    }
}

fn only_in(wanted: &mut Wanted, only: Part) {
    match wanted {
        Wanted::All(list) | Wanted::Any(list) => {
            list.iter_mut().for_each(|one| only_in(one, only));
        }
        Wanted::Not(one) => only_in(one, only),
        Wanted::Text { part, .. } => *part = Some(part.unwrap_or(only)),
    }
}

impl fmt::Display for TextQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for TextQuery {
    type Err = LanguageError;

    fn from_str(text: &str) -> Result<Self, LanguageError> {
        let signs = signs(text)?;
        let mut reading = Reading {
            signs: &signs,
            next: 0,
            depth: 0,
        };
        let wanted = reading.any()?;
        match reading.peek() {
            None => Ok(Self {
                wanted,
                text: text.to_owned(),
            }),
            Some(sign) => Err(LanguageError::StrayParenthesis { at: sign.at }),
        }
    }
}

/// A word, a phrase or a sign between them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sign {
    at: usize,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Open,
    Close,
    And,
    Or,
    Not,
    Text {
        part: Option<Part>,
        text: String,
        form: Form,
    },
}

fn signs(text: &str) -> Result<Vec<Sign>, LanguageError> {
    let letters: Vec<char> = text.chars().collect();
    if CHARACTERS_MAX < letters.len() {
        return Err(LanguageError::TooLong);
    }
    let mut signs = Vec::new();
    let mut at = 0;
    while let Some(letter) = letters.get(at).copied() {
        let single = match letter {
            '(' | '（' => Some(What::Open),
            ')' | '）' => Some(What::Close),
            '-' => Some(What::Not),
            _ => None,
        };
        if letter.is_whitespace() {
            at += 1;
        } else if let Some(what) = single {
            signs.push(Sign { at: at + 1, what });
            at += 1;
        } else {
            let (what, end) = text_at(&letters, at)?;
            signs.push(Sign { at: at + 1, what });
            at = end;
        }
    }
    let is_text = |sign: &&Sign| matches!(sign.what, What::Text { .. });
    if WORDS_MAX < signs.iter().filter(is_text).count() {
        return Err(LanguageError::TooManyWords);
    }
    Ok(signs)
}

/// The word, phrase or operator that begins at a place, and where it ends.
fn text_at(letters: &[char], at: usize) -> Result<(What, usize), LanguageError> {
    let rest = letters.get(at..).unwrap_or_default();
    let word_length = rest.iter().position(|it| ends_word(*it));
    let word_length = word_length.unwrap_or(rest.len());
    let word: String = rest.iter().take(word_length).collect();
    let (part, named) = match word.split_once(':') {
        Some((name, _)) => (Part::named(name), name.chars().count() + 1),
        None => (None, 0),
    };
    let skipped = if part.is_some() { named } else { 0 };
    let begin = at + skipped;
    let opening = letters.get(begin).copied();
    if let Some(closing) = opening.and_then(closing_quote) {
        let inside = letters.get(begin + 1..).unwrap_or_default();
        let length = inside.iter().position(|it| *it == closing);
        let length = length.ok_or(LanguageError::OpenQuote { at: begin + 1 })?;
        let text: String = inside.iter().take(length).collect();
        let form = Form::Phrase;
        let what = searchable(What::Text { part, text, form }, begin)?;
        return Ok((what, begin + length + 2));
    }
    let end = at + word_length;
    let word: String = word.chars().skip(skipped).collect();
    let what = match word.as_str() {
        "AND" if part.is_none() => What::And,
        "OR" if part.is_none() => What::Or,
        "NOT" if part.is_none() => What::Not,
        word => {
            let stem = word.strip_suffix('*');
            let form = stem.map_or(Form::Word, |_| Form::Prefix);
            let text = stem.unwrap_or(word).to_owned();
            searchable(What::Text { part, text, form }, begin)?
        }
    };
    Ok((what, end))
}

fn ends_word(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(letter, '(' | ')' | '（' | '）')
        || closing_quote(letter).is_some()
}

/// What closes a quote that this opens.
fn closing_quote(opening: char) -> Option<char> {
    match opening {
        '"' => Some('"'),
        '“' => Some('”'),
        _ => None,
    }
}

fn searchable(what: What, begin: usize) -> Result<What, LanguageError> {
    if let What::Text { text, .. } = &what
        && !text.contains(char::is_alphanumeric)
    {
        let (word, at) = (text.clone(), begin + 1);
        return Err(LanguageError::NoLetters { word, at });
    }
    Ok(what)
}

struct Reading<'s> {
    signs: &'s [Sign],
    next: usize,
    depth: usize,
}

impl Reading<'_> {
    fn peek(&self) -> Option<&Sign> {
        self.signs.get(self.next)
    }

    fn take(&mut self) -> Option<Sign> {
        let sign = self.signs.get(self.next).cloned();
        self.next += 1;
        sign
    }

    fn any(&mut self) -> Result<Wanted, LanguageError> {
        let mut any = vec![self.all()?];
        while self.peek().is_some_and(|sign| sign.what == What::Or) {
            self.take();
            any.push(self.all()?);
        }
        Ok(one_or(any, Wanted::Any))
    }

    fn all(&mut self) -> Result<Wanted, LanguageError> {
        let mut all = vec![self.one()?];
        while let Some(sign) = self.peek() {
            match sign.what {
                What::Or | What::Close => break,
                What::And => {
                    self.take();
                }
                What::Open | What::Not | What::Text { .. } => {}
            }
            all.push(self.one()?);
        }
        Ok(one_or(all, Wanted::All))
    }

    fn one(&mut self) -> Result<Wanted, LanguageError> {
        let before = self.next.checked_sub(1);
        let Some(Sign { at, what }) = self.take() else {
            let before = before.and_then(|before| self.signs.get(before));
            return Err(before.map_or(LanguageError::Empty, stray));
        };
        match what {
            What::Text { part, text, form } => Ok(Wanted::Text { part, text, form }),
            What::Not => Ok(Wanted::Not(Box::new(self.one()?))),
            What::Open => {
                self.depth += 1;
                if DEPTH_MAX < self.depth {
                    return Err(LanguageError::TooDeep);
                }
                let inside = self.any()?;
                self.depth -= 1;
                match self.take() {
                    Some(_) => Ok(inside),
                    None => Err(LanguageError::OpenParenthesis { at }),
                }
            }
            What::And | What::Or | What::Close => Err(stray(&Sign { at, what })),
        }
    }
}

fn stray(sign: &Sign) -> LanguageError {
    let at = sign.at;
    let operator = match &sign.what {
        What::And => "AND",
        What::Or => "OR",
        What::Not => "-",
        What::Open => return LanguageError::OpenParenthesis { at },
        What::Close => return LanguageError::StrayParenthesis { at },
        What::Text { .. } => return LanguageError::Empty,
    };
    LanguageError::StrayOperator {
        operator: operator.to_owned(),
        at,
    }
}

fn one_or(mut list: Vec<Wanted>, several: fn(Vec<Wanted>) -> Wanted) -> Wanted {
    match list.pop() {
        Some(only) if list.is_empty() => only,
        last => {
            list.extend(last);
            several(list)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match text.parse::<TextQuery>() {
            Ok(query) => told(&query.wanted),
            Err(error) => error.to_string(),
        }
    }

    fn told(wanted: &Wanted) -> String {
        let list = |list: &[Wanted], between: &str| {
            let told: Vec<String> = list.iter().map(told).collect();
            format!("({})", told.join(between))
        };
        match wanted {
            Wanted::All(all) => list(all, " & "),
            Wanted::Any(any) => list(any, " | "),
            Wanted::Not(one) => format!("!{}", told(one)),
            Wanted::Text { part, text, form } => {
                let part = part.map_or(String::new(), |part| format!("{part:?}:"));
                match form {
                    Form::Word => format!("{part}{text}"),
                    Form::Phrase => format!("{part}\"{text}\""),
                    Form::Prefix => format!("{part}{text}*"),
                }
            }
        }
    }

    #[test]
    fn words_phrases_prefixes_and_operators_are_read() {
        assert_eq!(read("deploy checkout"), "(deploy & checkout)");
        assert_eq!(read("a AND b OR c d"), "((a & b) | (c & d))");
        assert_eq!(read("a (b OR \"c d\")"), "(a & (b | \"c d\"))");
        assert_eq!(read("支付 -回滚"), "(支付 & !回滚)");
        assert_eq!(read("-a NOT b"), "(!a & !b)");
        assert_eq!(read("orders-db check*"), "(orders-db & check*)");
        assert_eq!(
            read("title:\"roll out\" name:bob"),
            "(Title:\"roll out\" & Names:bob)"
        );
        assert_eq!(read("service:checkout"), "service:checkout");
        assert_eq!(read("“全量 发布”"), "\"全量 发布\"");
        assert_eq!(read("\"OR\""), "\"OR\"");
    }

    #[test]
    fn what_cannot_be_meant_is_told_with_its_place() {
        each_reads(&[
            ("", "there is no word to look for"),
            ("a \"b", "the quote at character 3 is not closed"),
            ("(a OR b", "the parenthesis at character 1 is not closed"),
            ("a)", "the parenthesis at character 2 closes nothing"),
            (
                "a OR",
                "`OR` at character 3 joins nothing; put quotes around it to look for the word",
            ),
            (
                "AND a",
                "`AND` at character 1 joins nothing; put quotes around it to look for the word",
            ),
            (
                "a -",
                "`-` at character 3 joins nothing; put quotes around it to look for the word",
            ),
            (
                "deploy !!",
                "`!!` at character 8 has no letter or digit that could be looked for",
            ),
            ("()", "the parenthesis at character 2 closes nothing"),
        ]);
        assert_eq!(
            read(&"(".repeat(40)),
            "parentheses stand 16 deep in each other at most"
        );
        assert_eq!(
            read(&"a ".repeat(65)),
            "a search has 64 words and phrases at most"
        );
        assert_eq!(
            read(&"a".repeat(1_001)),
            "a search has 1000 characters at most"
        );
    }

    fn each_reads(told: &[(&str, &str)]) {
        for (text, message) in told {
            assert_eq!(read(text), *message, "{text}");
        }
    }
}
