//! Lines of a file in batches that a request can carry.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;

/// Most lines and bytes of one request; a longer line goes alone.
const LINES_MAX: usize = 2_000;
const BYTES_MAX: usize = 2 * 1024 * 1024;

/// Some lines of a request.
pub(super) struct Batch {
    /// The lines, each with its end.
    pub(super) body: Vec<u8>,
    /// Where each line comes from.
    pub(super) places: Places,
}

/// The number of each line of a file that is not blank, from 1.
pub(super) struct Places(Vec<u64>);

impl Places {
    /// How many lines there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Where the line at this index of the request comes from, for people.
    pub(super) fn name(&self, index: usize) -> String {
        match self.0.get(index) {
            Some(number) => format!("line {number}"),
            None => "the request".to_owned(),
        }
    }
}

/// The batches of a file, in order.
pub(super) struct Batches {
    reader: BufReader<File>,
    line: u64,
}

impl Batches {
    /// Opens a file whose lines go together.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).context("could not be opened")?;
        Ok(Self {
            reader: BufReader::new(file),
            line: 0,
        })
    }

    /// The next lines; none at the end.
    pub(super) fn next_batch(&mut self) -> anyhow::Result<Option<Batch>> {
        let mut body = Vec::new();
        let mut numbers = Vec::new();
        while numbers.len() < LINES_MAX && body.len() < BYTES_MAX {
            let start = body.len();
            let read = self.reader.read_until(b'\n', &mut body);
            if read.context("could not be read")? == 0 {
                break;
            }
            self.line += 1;
            let blank = body.iter().skip(start).all(u8::is_ascii_whitespace);
            match blank {
                true => body.truncate(start),
                false => numbers.push(self.line),
            }
        }
        if numbers.is_empty() {
            return Ok(None);
        }
        let places = Places(numbers);
        Ok(Some(Batch { body, places }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_are_passed_over_and_numbers_stay_those_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        std::fs::write(&path, "{}\n\n  \n{}").unwrap();
        let mut together = Batches::open(&path).unwrap();
        let batch = together.next_batch().unwrap().unwrap();
        assert_eq!((batch.places.len(), batch.body), (2, b"{}\n{}".to_vec()));
        assert_eq!(batch.places.name(1), "line 4");
        assert!(together.next_batch().unwrap().is_none());
    }
}
