//! JSON as filters have it, and back.

use jaq_json::{Num, Val};
use serde_json::{Map, Number, Value};

use crate::fields::shortened;

/// Longest reason that a filter may give.
const REASON_BYTES: usize = 256;

/// Why a value of a filter is no JSON.
pub(super) enum NoJson {
    /// There is too much of it.
    TooMuch,
    /// It is something else.
    Other(String),
}

pub(super) fn of_json(value: Value) -> Val {
    match value {
        Value::Null => Val::Null,
        Value::Bool(truth) => Val::Bool(truth),
        Value::Number(number) => Val::Num(of_number(&number)),
        Value::String(text) => Val::utf8_str(text),
        Value::Array(entries) => entries.into_iter().map(of_json).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            Val::obj(
                fields
                    .map(|(name, value)| (Val::utf8_str(name), of_json(value)))
                    .collect(),
            )
        }
    }
}

fn of_number(number: &Number) -> Num {
    match (number.as_i64(), number.as_u64()) {
        (Some(whole), _) => Num::from_integral(whole),
        (None, Some(whole)) => Num::from_integral(whole),
        (None, None) => Num::Float(number.as_f64().unwrap_or(0.0)),
    }
}

/// The value as JSON, as long as there is room for it.
pub(super) fn to_json(value: &Val, left: &mut usize) -> Result<Value, NoJson> {
    let bytes = match value {
        Val::TStr(text) | Val::BStr(text) => text.len() + 2,
        _ => 4,
    };
    *left = left.checked_sub(bytes).ok_or(NoJson::TooMuch)?;
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(truth) => Value::Bool(*truth),
        Val::Num(number) => to_number(number)?,
        Val::TStr(text) | Val::BStr(text) => Value::String(text_of(text)?),
        Val::Arr(entries) => {
            let entries = entries.iter().map(|entry| to_json(entry, left));
            Value::Array(entries.collect::<Result<_, _>>()?)
        }
        Val::Obj(fields) => {
            let mut object = Map::new();
            for (name, value) in fields.iter() {
                let (Val::TStr(name) | Val::BStr(name)) = name else {
                    let reason = format!("the name of a field is a text, not {name}");
                    return Err(NoJson::Other(shortened(&reason, REASON_BYTES)));
                };
                object.insert(text_of(name)?, to_json(value, left)?);
            }
            Value::Object(object)
        }
    })
}

fn to_number(number: &Num) -> Result<Value, NoJson> {
    let found = match number {
        Num::Int(whole) => Some(Number::from(*whole)),
        Num::BigInt(whole) => u64::try_from(&**whole).ok().map(Number::from),
        Num::Float(float) => Number::from_f64(*float),
        Num::Dec(digits) => digits.parse().ok().and_then(Number::from_f64),
    };
    let none = || NoJson::Other("a number is too large, or none, as 0 / 0 is".to_owned());
    found.map(Value::Number).ok_or_else(none)
}

fn text_of(bytes: &[u8]) -> Result<String, NoJson> {
    let text = std::str::from_utf8(bytes).map(str::to_owned);
    text.map_err(|_| NoJson::Other("a text is not UTF-8".to_owned()))
}

/// An error in words.
pub(super) fn told(error: &Val) -> String {
    let text = match error {
        Val::TStr(text) => String::from_utf8_lossy(text).into_owned(),
        other => {
            let mut left = 4 * REASON_BYTES;
            match to_json(other, &mut left) {
                Ok(value) => value.to_string(),
                Err(_) => "it says so itself".to_owned(),
            }
        }
    };
    shortened(&without_values(&text), REASON_BYTES)
}

/// The library prints the values that something failed with; a body may hold secrets.
fn without_values(text: &str) -> String {
    const BEGINNINGS: [(&str, &str); 5] = [
        ("cannot use ", " as "),
        ("cannot index ", " with "),
        ("cannot parse ", " as "),
        ("cannot calculate ", ""),
        ("invalid path expression with input ", ""),
    ];
    let found = BEGINNINGS.iter().find_map(|(beginning, middle)| {
        let value = text.strip_prefix(beginning)?;
        let kind = match value.bytes().next()? {
            b'"' => "a text",
            b'{' => "an object",
            b'[' => "a list",
            b'n' => "null",
            b't' | b'f' => "a truth value",
            _ => "a number",
        };
        let rest = match middle.is_empty() {
            true => "",
            false => value.rsplit_once(middle).map_or("", |(_, rest)| rest),
        };
        // What a value is used as is a word of the library; all else may be a value too.
        let is_word = rest.len() < 32
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphabetic() || b" ()".contains(&byte));
        Some(match is_word && !rest.is_empty() {
            true => format!("{beginning}{kind}{middle}{rest}"),
            false => format!("{beginning}{kind}"),
        })
    });
    found.unwrap_or_else(|| text.to_owned())
}
