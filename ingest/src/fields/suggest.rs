//! Finds the word somebody probably meant.

/// The known word nearest to what was written, if one is near.
pub(crate) fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let bare = bare(written);
    if bare.is_empty() || 64 < bare.len() {
        return None;
    }
    let near_enough = match bare.len() {
        0..=3 => 0,
        4..=5 => 1,
        _ => 2,
    };
    let measured = known
        .iter()
        .map(|word| (distance(&bare, &self::bare(word)), *word));
    measured
        .filter(|(distance, _)| *distance <= near_enough)
        .min()
        .map(|(_, word)| word)
}

/// Letters and digits only, in lower case: `started_at` and `startedAt` are the same.
fn bare(word: &str) -> Vec<char> {
    let kept = word.chars().filter(|letter| letter.is_alphanumeric());
    kept.flat_map(char::to_lowercase).collect()
}

/// How many letters must be put in, taken out or replaced; two letters in the wrong order count once.
fn distance(from: &[char], to: &[char]) -> usize {
    match edits(from, to) {
        2 if sorted(from) == sorted(to) => 1,
        edits => edits,
    }
}

fn sorted(letters: &[char]) -> Vec<char> {
    let mut letters = letters.to_vec();
    letters.sort_unstable();
    letters
}

fn edits(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, letter) in from.iter().enumerate() {
        let mut diagonal = above;
        let mut left = above + 1;
        let mut next = vec![left];
        for (other, up) in to.iter().zip(row.iter().skip(1)) {
            let replaced = diagonal + usize::from(letter != other);
            left = replaced.min(left + 1).min(up + 1);
            next.push(left);
            diagonal = *up;
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_the_word_that_was_meant() {
        let known = ["startedAt", "finishedAt", "title", "targets", "kind"];
        assert_eq!(nearest("titel", &known), Some("title"));
        assert_eq!(nearest("started_at", &known), Some("startedAt"));
        assert_eq!(nearest("target", &known), Some("targets"));
        assert_eq!(nearest("knd", &known), None);
        assert_eq!(nearest("kin", &known), None);
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(nearest("", &known), None);
    }
}
