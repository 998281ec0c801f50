//! Lines of a file in batches that a request can carry.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;

/// Most lines and bytes of one request; a longer line goes alone.
const LINES_MAX: usize = 2_000;
const BYTES_MAX: usize = 2 * 1024 * 1024;

/// Some lines of a file.
pub(super) struct Batch {
    /// The lines, each with its end.
    pub(super) body: Vec<u8>,
    /// The number of each line that is not blank, from 1.
    pub(super) numbers: Vec<u64>,
}

/// The batches of a file, in order.
pub(super) struct Batches {
    reader: BufReader<File>,
    one_by_one: bool,
    line: u64,
}

impl Batches {
    /// Opens a file whose lines go together, or one by one.
    pub(super) fn open(path: &Path, one_by_one: bool) -> anyhow::Result<Self> {
        let file = File::open(path).context("could not be opened")?;
        Ok(Self {
            reader: BufReader::new(file),
            one_by_one,
            line: 0,
        })
    }

    /// The next lines; none at the end.
    pub(super) fn next_batch(&mut self) -> anyhow::Result<Option<Batch>> {
        let lines_max = if self.one_by_one { 1 } else { LINES_MAX };
        let mut batch = Batch {
            body: Vec::new(),
            numbers: Vec::new(),
        };
        while batch.numbers.len() < lines_max && batch.body.len() < BYTES_MAX {
            let start = batch.body.len();
            let read = self.reader.read_until(b'\n', &mut batch.body);
            if read.context("could not be read")? == 0 {
                break;
            }
            self.line += 1;
            let blank = batch.body.iter().skip(start).all(u8::is_ascii_whitespace);
            match blank {
                true => batch.body.truncate(start),
                false => batch.numbers.push(self.line),
            }
        }
        Ok((!batch.numbers.is_empty()).then_some(batch))
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
        let mut together = Batches::open(&path, false).unwrap();
        let batch = together.next_batch().unwrap().unwrap();
        assert_eq!(
            (batch.numbers, batch.body),
            (vec![1, 4], b"{}\n{}".to_vec())
        );
        assert!(together.next_batch().unwrap().is_none());
        let mut alone = Batches::open(&path, true).unwrap();
        assert_eq!(alone.next_batch().unwrap().unwrap().numbers, [1]);
        assert_eq!(alone.next_batch().unwrap().unwrap().numbers, [4]);
    }
}
