//! Words shared by the symptom and the titles of changes, rare ones worth more.

use std::collections::BTreeSet;

/// The shortest word that says something.
const SHORTEST: usize = 3;

/// Words so common in titles of changes and symptoms that sharing one says nothing.
const COMMON: [&str; 54] = [
    "the", "and", "for", "with", "from", "not", "are", "was", "this", "that", "has", "have", "use",
    "used", "into", "out", "off", "set", "add", "adds", "added", "remove", "removed", "update",
    "updated", "fix", "fixed", "make", "enable", "disable", "new", "old", "all", "via", "when",
    "per", "also", "its", "but", "can", "will", "been", "more", "only", "after", "before",
    "service", "item", "release", "deploy", "change", "version", "of", "to",
];

/// The words of a text: runs of letters and digits, also split where `camelCase` turns.
pub(super) fn words_of(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    each_word(text, &mut String::new(), |word| words.push(word.to_owned()));
    words
}

fn each_word(text: &str, word: &mut String, mut take: impl FnMut(&str)) {
    word.clear();
    let mut was_lower = false;
    for letter in text.chars() {
        let turns = was_lower && letter.is_uppercase();
        if (!letter.is_alphanumeric() || turns) && !word.is_empty() {
            take(word);
            word.clear();
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
        was_lower = letter.is_lowercase();
    }
    if !word.is_empty() {
        take(word);
    }
}

/// A word without its plural.
fn stem(word: &str) -> &str {
    let plural = 4 < word.len() && word.ends_with('s') && !word.ends_with("ss");
    if plural {
        word.strip_suffix('s').unwrap_or(word)
    } else {
        word
    }
}

/// The telling words of a question, and in how many titles each stands.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    words: Vec<String>,
    titles_with: Vec<u32>,
    titles: u32,
}

/// Which of the wanted words a title holds, as bits.
pub(crate) type Held = u64;

impl Wanted {
    /// The telling words of some texts; at most as many as [`Held`] has bits.
    pub(crate) fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut words: BTreeSet<String> = BTreeSet::new();
        for text in texts {
            for word in words_of(text) {
                if SHORTEST <= word.len() && !COMMON.contains(&word.as_str()) {
                    words.insert(stem(&word).to_owned());
                }
            }
        }
        let words: Vec<String> = words.into_iter().take(Held::BITS as usize).collect();
        Self {
            titles_with: vec![0; words.len()],
            words,
            titles: 0,
        }
    }

    /// Reads a title of the candidates.
    pub(crate) fn read(&mut self, title: &str, buffer: &mut String) -> Held {
        self.titles += 1;
        let mut held: Held = 0;
        each_word(title, buffer, |word| {
            if let Ok(place) = self
                .words
                .binary_search_by(|wanted| wanted.as_str().cmp(stem(word)))
            {
                held |= 1 << place;
            }
        });
        for (place, titles) in self.titles_with.iter_mut().enumerate() {
            *titles += u32::from(held & (1 << place) != 0);
        }
        held
    }

    /// Whether a word is among them.
    pub(crate) fn names(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        self.words.iter().any(|wanted| wanted == stem(&word))
    }

    /// What the held words tell, once every title is read: rare words tell more.
    pub(crate) fn tell(&self, held: Held) -> f64 {
        self.held(held)
            .map(|(_, titles_with)| self.rarity(titles_with))
            .sum()
    }

    /// What all of them tell together.
    pub(crate) fn tell_all(&self) -> f64 {
        let counts = self.titles_with.iter();
        counts.map(|titles_with| self.rarity(*titles_with)).sum()
    }

    /// The held words, the rarest first.
    pub(crate) fn shared(&self, held: Held) -> Vec<&str> {
        let mut shared: Vec<(&str, u32)> = self.held(held).collect();
        shared.sort_by_key(|(word, titles_with)| (*titles_with, *word));
        shared.into_iter().map(|(word, _)| word).collect()
    }

    fn held(&self, held: Held) -> impl Iterator<Item = (&str, u32)> {
        let numbered = self.words.iter().zip(&self.titles_with).enumerate();
        numbered
            .filter(move |(place, _)| held & (1 << place) != 0)
            .map(|(_, (word, titles))| (word.as_str(), *titles))
    }

    fn rarity(&self, titles_with: u32) -> f64 {
        let (with, all) = (f64::from(titles_with), f64::from(self.titles));
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_at_signs_and_turns() {
        assert_eq!(
            words_of("net_rx_bytes of PetSite/v2"),
            ["net", "rx", "bytes", "of", "pet", "site", "v2"]
        );
    }

    #[test]
    fn a_rare_word_tells_more_than_a_common_one() {
        let mut wanted = Wanted::new(["kubelets are down on nginx"].into_iter());
        let titles = [
            "nginx: raise limits",
            "nginx: rename",
            "kubelet: new flag",
            "docs",
        ];
        let held: Vec<Held> = titles
            .iter()
            .map(|title| wanted.read(title, &mut String::new()))
            .collect();
        let told: Vec<bool> = held.iter().map(|held| 0.0 < wanted.tell(*held)).collect();
        assert_eq!(told, [true, true, true, false]);
        assert!(wanted.tell(held[0]) < wanted.tell(held[2]));
        assert_eq!(wanted.shared(held[2]), ["kubelet"]);
    }
}
