//! Reads Rust text just well enough: without comments and literals, by braces.

use super::tree::File;

/// A Rust file whose comments and literals are blanked; lines keep their numbers.
pub(super) struct RustFile {
    pub(super) path: String,
    pub(super) code: String,
}

/// One arm of a match: its pattern without spaces, and where it stands.
pub(super) struct Arm {
    pub(super) pattern: String,
    pub(super) line: usize,
}

impl Arm {
    /// Whether it takes whatever comes: `_`, or a plain name, without a condition.
    pub(super) fn catches_all(&self) -> bool {
        let first_is_lower = self
            .pattern
            .starts_with(|c: char| c == '_' || c.is_ascii_lowercase());
        let plain = self
            .pattern
            .chars()
            .all(|c| c == '_' || c.is_ascii_alphanumeric());
        first_is_lower && plain
    }
}

impl RustFile {
    /// Blanks what is no code.
    pub(super) fn read(file: &File) -> Self {
        Self {
            path: file.path.clone(),
            code: blank(&file.text),
        }
    }

    /// The arms of every match.
    pub(super) fn matches(&self) -> Vec<Vec<Arm>> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("match ") {
            let whole_word = !self.code[..at].ends_with(|c: char| c == '_' || c.is_alphanumeric());
            let Some(open) = self.code[at..].find('{').map(|offset| at + offset) else {
                continue;
            };
            if whole_word {
                found.push(self.arms(open + 1));
            }
        }
        found
    }

    /// The attributes with the lines they begin on.
    pub(super) fn attributes(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for (at, _) in self
            .code
            .match_indices("#[")
            .chain(self.code.match_indices("#!["))
        {
            let rest = &self.code[at..];
            let end = closing_bracket(rest).map_or(rest.len(), |end| end + 1);
            let text: String = rest[..end].split_whitespace().collect::<Vec<_>>().join(" ");
            found.push((self.line(at), text));
        }
        found
    }

    fn arms(&self, from: usize) -> Vec<Arm> {
        let mut arms = Vec::new();
        let mut depth = 0_usize;
        let mut pattern = String::new();
        let mut in_pattern = true;
        let bytes = self.code.as_bytes();
        for at in from..bytes.len() {
            let byte = bytes[at];
            match byte {
                b'{' | b'(' | b'[' => depth += 1,
                b'}' | b')' | b']' if depth == 0 => break,
                b'}' | b')' | b']' => depth -= 1,
                _ => {}
            }
            let arrow = depth == 0 && byte == b'>' && bytes[at - 1] == b'=';
            if in_pattern && arrow {
                let text = std::mem::take(&mut pattern);
                let pattern = text.trim_end_matches('=').to_owned();
                arms.push(Arm {
                    pattern,
                    line: self.line(at),
                });
                in_pattern = false;
            } else if in_pattern && !byte.is_ascii_whitespace() {
                pattern.push(char::from(byte));
            }
            let ends_body = depth == 0 && (byte == b',' || byte == b'}');
            if !in_pattern && ends_body {
                in_pattern = true;
                pattern.clear();
            }
            if in_pattern && pattern == "," {
                pattern.clear();
            }
        }
        arms
    }

    fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }
}

/// Where the first bracket that opens is closed.
fn closing_bracket(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' if depth == 1 => return Some(at),
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Replaces comments and the insides of literals with spaces.
fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, keep) = token(rest, first);
        let (taken, after) = rest.split_at(length);
        match keep {
            true => code.push_str(taken),
            false => code.extend(taken.chars().map(|c| if c == '\n' { '\n' } else { ' ' })),
        }
        rest = after;
    }
    code
}

/// The length of what begins here, and whether it is code.
fn token(rest: &str, first: char) -> (usize, bool) {
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), false);
    }
    if rest.starts_with("/*") {
        return (rest.find("*/").map_or(rest.len(), |end| end + 2), false);
    }
    if let Some(length) = raw_string(rest) {
        return (length, false);
    }
    if first == '"' {
        return (quoted(rest, '"'), false);
    }
    // A lifetime has no closing quote right behind it.
    let is_char =
        first == '\'' && (rest[1..].starts_with('\\') || rest.chars().nth(2) == Some('\''));
    if is_char {
        return (quoted(rest, '\''), false);
    }
    let word: usize = rest
        .chars()
        .take_while(|c| *c == '_' || c.is_alphanumeric())
        .map(char::len_utf8)
        .sum();
    (word.max(first.len_utf8()), true)
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn raw_string(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = inside.chars().take_while(|c| *c == '#').count();
    if !inside[hashes..].starts_with('"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let begin = rest.len() - inside.len() + hashes + 1;
    Some(
        rest[begin..]
            .find(&end)
            .map_or(rest.len(), |at| begin + at + end.len()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> RustFile {
        RustFile::read(&File {
            path: "x.rs".to_owned(),
            text: text.to_owned(),
        })
    }

    #[test]
    fn comments_and_literals_are_no_code() {
        let code = read("a // b\n\"c \\\" d\" 'e' r#\"f\"# &'g h /* i */ j").code;
        let words: Vec<&str> = code.split_whitespace().collect();
        assert_eq!(words, ["a", "&'g", "h", "j"]);
    }

    #[test]
    fn an_attribute_ends_with_its_own_bracket() {
        let found = read("#[path = \"a\"] mod a; #[x([1])] fn expect() {}").attributes();
        let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["#[path = ]", "#[x([1])]"]);
    }

    #[test]
    fn a_catch_all_arm_is_found() {
        let text = "match e { Event::A(x) => { f(x) } Event::B { y, .. } => g(y), _ => 0, }";
        let found = read(text).matches();
        let patterns: Vec<&str> = found[0].iter().map(|arm| arm.pattern.as_str()).collect();
        assert_eq!(patterns, ["Event::A(x)", "Event::B{y,..}", "_"]);
        assert!(found[0][2].catches_all() && !found[0][0].catches_all());
    }
}
