//! Letters as a search compares them: without case and width, traditional Chinese as simplified.

use std::collections::HashMap;

/// Pairs of a traditional character and the simplified one it is searched as.
const TRADITIONAL: &str = include_str!("traditional.txt");

/// The simplified character of each traditional one.
pub(super) struct Simplified {
    characters: HashMap<char, char>,
}

impl Simplified {
    pub(super) fn read() -> Self {
        let lines = TRADITIONAL.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.flat_map(str::split_whitespace);
        let characters = pairs.filter_map(|pair| {
            let mut pair = pair.chars();
            Some((pair.next()?, pair.next()?))
        });
        Self {
            characters: characters.collect(),
        }
    }

    pub(super) fn of(&self, character: char) -> char {
        self.characters
            .get(&character)
            .copied()
            .unwrap_or(character)
    }
}

/// A full-width letter or digit as the narrow one.
pub(super) fn narrow(letter: char) -> char {
    match letter {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        other => other,
    }
}

/// Whether words of this script stand side by side without spaces.
pub(super) fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{2e80}'..='\u{2fdf}'
        | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traditional_characters_have_simplified_ones() {
        let simplified = Simplified::read();
        let read = |text: &str| -> String { text.chars().map(|it| simplified.of(it)).collect() };
        assert_eq!(read("資料庫擴容"), "资料库扩容");
        assert_eq!(read("数据库"), "数据库");
    }
}
