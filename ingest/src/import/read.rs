//! A file in its pieces: JSON values, JSON lines or YAML documents, each with its place.

use serde_json::Value;

use super::listing::Listing;
use super::yaml;

/// One value of a file.
#[derive(Debug)]
pub(super) struct Piece {
    /// Where it stands, for people.
    pub(super) place: String,
    /// What it says.
    pub(super) value: Value,
}

/// The values of a file in their order; what cannot be read is rejected in the listing.
pub(super) fn pieces(name: &str, bytes: &[u8], listing: &mut Listing) -> Vec<Piece> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}'),
        Err(error) => {
            let line = line_at(bytes, error.valid_up_to());
            listing.reject(&format!("{name} line {line}"), "", "is not UTF-8");
            return Vec::new();
        }
    };
    if text.trim_start().starts_with(['{', '[']) {
        json(name, text, listing)
    } else {
        yaml(name, text, listing)
    }
}

fn json(name: &str, text: &str, listing: &mut Listing) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    loop {
        let skipped = text.get(values.byte_offset()..).unwrap_or_default();
        let blank = skipped.len() - skipped.trim_start().len();
        let line = line_at(text.as_bytes(), values.byte_offset() + blank);
        let place = format!("{name} line {line}");
        match values.next() {
            None => return pieces,
            Some(Ok(Value::Array(entries))) => {
                for (index, value) in entries.into_iter().enumerate() {
                    let place = format!("{place}, entry {index}");
                    pieces.push(Piece { place, value });
                }
            }
            Some(Ok(value)) => pieces.push(Piece { place, value }),
            // A YAML file may begin like JSON.
            Some(Err(_)) if pieces.is_empty() && !text.trim_start().starts_with("{\"") => {
                return yaml(name, text, listing);
            }
            Some(Err(error)) => {
                let place = format!("{name} line {}", error.line());
                listing.reject(&place, "", "is not JSON; what follows was not read");
                return pieces;
            }
        }
    }
}

fn yaml(name: &str, text: &str, listing: &mut Listing) -> Vec<Piece> {
    let (documents, broken) = yaml::documents(text);
    if let Some(broken) = broken {
        let place = format!("{name} line {}", broken.line);
        let reason = format!("is not YAML ({}); what follows was not read", broken.reason);
        listing.reject(&place, "", reason);
    }
    let pieces = documents
        .into_iter()
        .filter(|document| !document.value.is_null());
    pieces
        .map(|document| Piece {
            place: format!("{name} line {}", document.line),
            value: document.value,
        })
        .collect()
}

fn line_at(bytes: &[u8], offset: usize) -> usize {
    let before = bytes.get(..offset).unwrap_or(bytes);
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let mut listing = Listing::default();
        let pieces = pieces("f", text.as_bytes(), &mut listing);
        let mut lines: Vec<String> = pieces
            .iter()
            .map(|piece| format!("{}: {}", piece.place, piece.value))
            .collect();
        let rejected = listing.rejected.iter();
        lines.extend(rejected.map(|part| format!("{}: rejected", part.place)));
        lines.join("; ")
    }

    #[test]
    fn a_file_holds_json_or_json_lines_or_yaml() {
        assert_eq!(read("{\"a\":1}"), "f line 1: {\"a\":1}");
        assert_eq!(
            read("{\"a\":1}\n\n{\"a\":2}\n"),
            "f line 1: {\"a\":1}; f line 3: {\"a\":2}"
        );
        assert_eq!(read("[1, 2]"), "f line 1, entry 0: 1; f line 1, entry 1: 2");
        assert_eq!(
            read("a: 1\n---\n---\nb: 2"),
            "f line 1: {\"a\":1}; f line 3: {\"b\":2}"
        );
        assert_eq!(read("{a: 1}"), "f line 1: {\"a\":1}");
        assert_eq!(read(""), "");
    }

    #[test]
    fn what_came_before_a_fault_is_kept() {
        assert_eq!(
            read("{\"a\":1}\n{\"a\":"),
            "f line 1: {\"a\":1}; f line 2: rejected"
        );
        assert_eq!(
            read("a: 1\n---\n\"b"),
            "f line 1: {\"a\":1}; f line 3: rejected"
        );
    }
}
