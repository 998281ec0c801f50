//! Bad input out of good, by numbers that a seed decides. The same seed makes the same input.

use serde_json::{Map, Value, json};

/// Numbers that look random.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn of(seed: u64) -> Self {
        // A state of zero would stay zero.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below another one, which may be zero.
    pub(super) fn below(&mut self, end: usize) -> usize {
        match end {
            0 => 0,
            end => usize::try_from(self.next() % end as u64).unwrap(),
        }
    }

    pub(super) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// A seed with a few things changed; at times another one spliced in.
pub(super) fn mutated(dice: &mut Dice, seed: &[u8], other: &[u8]) -> Vec<u8> {
    let mut input = seed.to_vec();
    if dice.below(2) == 0
        && let Ok(mut value) = serde_json::from_slice::<Value>(&input)
    {
        for _ in 0..=dice.below(4) {
            change_value(dice, &mut value, 0);
        }
        input = serde_json::to_vec(&value).unwrap();
        if dice.below(4) != 0 {
            return input;
        }
    }
    for _ in 0..=dice.below(6) {
        change_bytes(dice, &mut input, other);
    }
    input
}

fn change_bytes(dice: &mut Dice, input: &mut Vec<u8>, other: &[u8]) {
    const WORDS: [&[u8]; 16] = [
        b"null",
        b"-1",
        b"1e999",
        b"18446744073709551616",
        b"\"\"",
        b"{}",
        b"[]",
        b"\\u0000",
        b"\\ud800",
        b"\xff\xfe",
        b"[[[[[[[[[[[[[[[[",
        b"{\"a\":{\"a\":{\"a\":",
        b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
        b"9999-12-31T23:59:60Z",
        b"\r\n\r\n",
        b"//",
    ];
    let at = dice.below(input.len() + 1);
    let until = at + dice.below((input.len() - at).min(64) + 1);
    match dice.below(7) {
        0 if at < input.len() => input[at] ^= 1 << dice.below(8),
        1 if at < input.len() => input[at] = dice.next().to_be_bytes()[0],
        2 => drop(input.drain(at..until)),
        3 => {
            let copied = input[at..until].to_vec();
            input.splice(at..at, copied);
        }
        4 => input.truncate(at),
        5 => {
            let begin = dice.below(other.len());
            let end = begin + dice.below((other.len() - begin).min(256) + 1);
            input.splice(at..until, other[begin..end].iter().copied());
        }
        _ => {
            let word = *dice.one_of(&WORDS);
            input.splice(at..until, word.iter().copied());
        }
    }
}

fn change_value(dice: &mut Dice, value: &mut Value, depth: usize) {
    let goes_deeper = depth < 24 && dice.below(8) != 0;
    match value {
        Value::Object(fields) if goes_deeper && !fields.is_empty() => {
            let name = fields.keys().nth(dice.below(fields.len())).unwrap().clone();
            match dice.below(12) {
                0 => drop(fields.remove(&name)),
                1 => {
                    let moved = fields.remove(&name).unwrap();
                    fields.insert(format!("{name}s"), moved);
                }
                _ => change_value(dice, &mut fields[&name], depth + 1),
            }
        }
        Value::Array(entries) if goes_deeper && !entries.is_empty() => {
            let index = dice.below(entries.len());
            match dice.below(8) {
                0 => drop(entries.remove(index)),
                1 => entries.push(entries[index].clone()),
                _ => change_value(dice, &mut entries[index], depth + 1),
            }
        }
        other => *other = some_value(dice, other),
    }
}

fn some_value(dice: &mut Dice, was: &Value) -> Value {
    let text = was.as_str().unwrap_or("a").to_owned();
    match dice.below(20) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(i64::MIN),
        5 => json!(1e308),
        6 => json!(0.1),
        7 => json!(""),
        8 => json!(" "),
        9 => json!([]),
        10 => json!({}),
        11 => json!([was]),
        12 => json!({ "name": was, "value": was }),
        13 => text.repeat(1 + dice.below(3_000)).into(),
        14 => json!("é\u{0}\u{202e}😀\n\r"),
        15 => json!("2026-11-20T09:00:00+23:59"),
        16 => json!("https://[::1]:99999/%zz?@#"),
        17 => json!("0000-00-00 00:00:00"),
        18 => {
            let mut nested = was.clone();
            for _ in 0..dice.below(60) {
                let mut outer = Map::new();
                outer.insert("a".to_owned(), nested);
                nested = Value::Object(outer);
            }
            nested
        }
        _ => {
            let end = text.floor_char_boundary(dice.below(text.len() + 1));
            text[..end].into()
        }
    }
}
