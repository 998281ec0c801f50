//! Text as a search compares it: without case and width, and without cutting it into words.
//!
//! Chinese has no spaces, and nothing here knows its words: a text is found wherever its
//! characters stand together, which finds more than a dictionary would and never less.

/// A text folded: lower case, full-width letters and digits as the narrow ones.
pub(crate) fn folded(text: &str) -> String {
    text.chars()
        .map(narrow)
        .flat_map(char::to_lowercase)
        .collect()
}

fn narrow(letter: char) -> char {
    match letter {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        other => other,
    }
}

/// The words of a search, folded.
pub(crate) fn words(text: &str) -> Vec<String> {
    let folded = folded(text);
    folded.split_whitespace().map(str::to_owned).collect()
}

/// Whether a text holds a folded word, without copying where nothing needs folding.
pub(crate) fn holds(text: &str, word: &str) -> bool {
    if !text.is_ascii() {
        return folded(text).contains(word);
    }
    let (text, word) = (text.as_bytes(), word.as_bytes());
    let Some((first, _)) = word.split_first() else {
        return true;
    };
    let begins = |window: &&[u8]| {
        window
            .first()
            .is_some_and(|byte| byte.eq_ignore_ascii_case(first))
    };
    let mut windows = text.windows(word.len()).filter(begins);
    windows.any(|window| window.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_width_do_not_matter() {
        assert_eq!(words("ＰＡＹ　支付"), ["pay", "支付"]);
        assert!(holds("在线支付网关", "支付"));
        assert!(holds("Checkout", "check"));
        assert!(holds("ＤＢ-1", "db-1"));
        assert!(!holds("pay", "payments"));
    }
}
