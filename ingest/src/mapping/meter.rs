//! What a filter may use up: steps, stack, and the size of what it makes.
//!
//! `metered.rs` puts these native filters wherever a filter could go on for ever or grow without
//! end. What they end cannot be caught by a `try`.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use jaq_core::box_iter::box_once;
use jaq_core::data::HasLut;
use jaq_core::native::{Fun, v};
use jaq_core::{DataT, Error, Exn, Lut, Native, ValXs};
use jaq_json::{Num, Val};
use jaq_std::ValT as _;

/// Most steps of one run; a value costs a step for every [`STEP_BYTES`] too.
pub(super) const STEPS_MAX: u64 = 5_000_000;
/// How much of a value is one step.
const STEP_BYTES: usize = 64;
/// The stack that a thread of a run has.
pub(super) const STACK_BYTES: usize = 256 * 1024 * 1024;
/// How much of it a filter may fill; the rest is for what it has made to be printed and dropped.
const STACK_USED_MAX: usize = STACK_BYTES / 4;
/// Largest value, with everything in it.
const VALUE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Deepest value on the way; what comes out has the bound of an event.
const VALUE_DEPTH_MAX: usize = 256;
/// What a value costs without what is in it.
const NODE_BYTES: usize = 16;
/// Most bits of a whole number.
const NUMBER_BITS_MAX: u64 = 1_024;
/// Longest text that a regular expression is tried on.
const MATCHED_BYTES_MAX: usize = 64 * 1024;
/// Longest text that is divided.
const DIVIDED_BYTES_MAX: usize = 1024 * 1024;
/// Deepest nesting of a text that `fromjson` reads.
const PARSED_DEPTH_MAX: usize = 128;

/// Why a run was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spent {
    Steps,
    Stack,
    Size,
    Depth,
    Time,
}

impl Spent {
    const ALL: [Self; 5] = [
        Self::Steps,
        Self::Stack,
        Self::Size,
        Self::Depth,
        Self::Time,
    ];

    /// For people.
    pub(super) fn told(self) -> String {
        match self {
            Self::Steps => "takes too many steps".to_owned(),
            Self::Stack => "calls itself too deeply".to_owned(),
            Self::Size => format!("makes a value of more than {VALUE_BYTES_MAX} bytes"),
            Self::Depth => format!("makes a value that nests deeper than {VALUE_DEPTH_MAX}"),
            Self::Time => "takes too long".to_owned(),
        }
    }

    /// What an exception that nothing catches stands for.
    pub(super) fn of_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|spent| spent.code() == code)
    }

    const fn code(self) -> i32 {
        self as i32 + 1
    }

    fn end<'a>(self) -> Exn<'a, Val> {
        Exn::halt(self.code())
    }
}

/// The values that mappings work on, and what they may use up.
pub(super) struct Bounded;

impl DataT for Bounded {
    type V<'a> = Val;
    type Data<'a> = &'a Run<'a>;
}

/// One run of a filter.
pub(super) struct Run<'a> {
    lut: &'a Lut<Bounded>,
    steps: Cell<u64>,
    steps_max: u64,
    stop: &'a AtomicBool,
    /// Where the stack was when it began.
    began_at: usize,
}

impl<'a> HasLut<'a, Bounded> for &'a Run<'a> {
    fn lut(&self) -> &'a Lut<Bounded> {
        self.lut
    }
}

impl<'a> Run<'a> {
    /// A run that begins here, and ends when somebody says so.
    pub(super) fn new(lut: &'a Lut<Bounded>, steps_max: u64, stop: &'a AtomicBool) -> Self {
        Self {
            lut,
            steps: Cell::new(0),
            steps_max,
            stop,
            began_at: stack_position(),
        }
    }

    /// One more step, and one for every few bytes.
    fn step(&self, bytes: usize) -> Result<(), Spent> {
        let steps = self.steps.get() + 1 + (bytes / STEP_BYTES) as u64;
        self.steps.set(steps);
        if self.steps_max < steps {
            return Err(Spent::Steps);
        }
        if self.stop.load(Ordering::Relaxed) {
            return Err(Spent::Time);
        }
        match self.began_at.abs_diff(stack_position()) <= STACK_USED_MAX {
            true => Ok(()),
            false => Err(Spent::Stack),
        }
    }

    fn weigh(&self, value: &Val) -> Result<(), Spent> {
        let mut left = VALUE_BYTES_MAX;
        weigh(value, 0, &mut left)?;
        self.step(VALUE_BYTES_MAX - left)
    }

    /// The same without what is in it, which was weighed when it was made.
    fn weigh_outside(&self, value: &Val) -> Result<(), Spent> {
        let bytes = outside(value)?;
        match bytes <= VALUE_BYTES_MAX {
            true => self.step(bytes),
            false => Err(Spent::Size),
        }
    }
}

/// Where the stack is now, about.
fn stack_position() -> usize {
    let here = 0_u8;
    std::hint::black_box(&raw const here).addr()
}

fn weigh(value: &Val, depth: usize, left: &mut usize) -> Result<(), Spent> {
    if VALUE_DEPTH_MAX < depth {
        return Err(Spent::Depth);
    }
    *left = left.checked_sub(outside(value)?).ok_or(Spent::Size)?;
    match value {
        Val::Arr(entries) => entries
            .iter()
            .try_for_each(|entry| weigh(entry, depth + 1, left)),
        Val::Obj(fields) => fields.iter().try_for_each(|(name, value)| {
            weigh(name, depth + 1, left)?;
            weigh(value, depth + 1, left)
        }),
        _ => Ok(()),
    }
}

fn outside(value: &Val) -> Result<usize, Spent> {
    let inner = match value {
        Val::TStr(text) | Val::BStr(text) => text.len(),
        Val::Num(Num::BigInt(number)) if NUMBER_BITS_MAX < number.bits() => {
            return Err(Spent::Size);
        }
        Val::Num(Num::Dec(digits)) => digits.len(),
        Val::Arr(entries) => entries.len() * NODE_BYTES,
        Val::Obj(fields) => fields.len() * NODE_BYTES * 2,
        Val::Num(_) | Val::Null | Val::Bool(_) => 0,
    };
    Ok(NODE_BYTES + inner)
}

/// Counts a step.
pub(super) const STEP: &str = "!step";
/// Weighs a value that was made.
pub(super) const WEIGH: &str = "!weigh";
/// The same of one that was put together of two.
pub(super) const GROWN: &str = "!grown";
/// Multiplies, unless too much comes of it.
pub(super) const TIMES: &str = "!times";
/// Lets texts pass that a regular expression may be tried on.
pub(super) const SHORT: &str = "!short";
/// Lets texts pass that may be divided.
pub(super) const MEDIUM: &str = "!medium";
/// Lets texts pass that may be read as JSON.
pub(super) const FLAT: &str = "!flat";

/// A filter that lets values pass as they are, or ends the run: when read, as a path, when written.
macro_rules! passing {
    ($check:expr) => {{
        Native::<Bounded>::new(|cv| {
            let check: fn(&Run<'_>, &Val) -> Result<(), Spent> = $check;
            let checked = check(cv.0.data(), &cv.1);
            box_once(checked.map(|()| cv.1).map_err(Spent::end))
        })
        .with_paths(|cv| {
            let check: fn(&Run<'_>, &Val) -> Result<(), Spent> = $check;
            let checked = check(cv.0.data(), &cv.1.0);
            box_once(checked.map(|()| cv.1).map_err(Spent::end))
        })
        .with_update(|cv, update| {
            let check: fn(&Run<'_>, &Val) -> Result<(), Spent> = $check;
            match check(cv.0.data(), &cv.1) {
                Ok(()) => update(cv.1),
                Err(spent) => box_once(Err(spent.end())),
            }
        })
    }};
}

/// A filter that lets values pass as they are, or is an error.
macro_rules! checking {
    ($check:expr) => {
        Native::<Bounded>::new(|cv| {
            let check: fn(&Val) -> Result<(), String> = $check;
            let checked = check(&cv.1).map_err(Error::str);
            box_once(checked.map(|()| cv.1).map_err(Exn::from))
        })
    };
}

/// The native filters that count. No filter can be written with these names.
pub(super) fn funs() -> [Fun<Bounded>; 7] {
    [
        (STEP, v(0), passing!(|run, _value| run.step(0))),
        (WEIGH, v(0), passing!(|run, value| run.weigh(value))),
        (GROWN, v(0), passing!(|run, value| run.weigh_outside(value))),
        (
            SHORT,
            v(0),
            checking!(|value| within(value, MATCHED_BYTES_MAX)),
        ),
        (
            MEDIUM,
            v(0),
            checking!(|value| within(value, DIVIDED_BYTES_MAX)),
        ),
        (FLAT, v(0), checking!(is_flat)),
        (TIMES, v(2), Native::<Bounded>::new(times)),
    ]
}

fn within(value: &Val, limit: usize) -> Result<(), String> {
    match value.as_bytes() {
        Some(text) if limit < text.len() => {
            let bytes = text.len();
            Err(format!(
                "a text of {bytes} bytes is too long for that, at most {limit} are taken"
            ))
        }
        _ => Ok(()),
    }
}

/// Brackets within texts count too: it is a bound, no parser.
fn is_flat(value: &Val) -> Result<(), String> {
    let mut depth = 0_usize;
    for byte in value.as_bytes().unwrap_or_default() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if PARSED_DEPTH_MAX < depth {
            return Err(format!(
                "a text that nests deeper than {PARSED_DEPTH_MAX} is not read as JSON"
            ));
        }
    }
    Ok(())
}

/// `l * r`: a text so many times, the product of numbers, one object in another.
fn times<'a>(mut cv: jaq_core::Cv<'a, Bounded>) -> ValXs<'a, Val> {
    let right = cv.0.pop_var();
    let left = cv.0.pop_var();
    let bytes = |text: &Val, times: &Val| {
        let length = text.as_bytes()?.len();
        Some(times.as_f64()? * f64::from(u32::try_from(length).unwrap_or(u32::MAX)))
    };
    let repeated = bytes(&left, &right).or_else(|| bytes(&right, &left));
    let limit = f64::from(u32::try_from(VALUE_BYTES_MAX).unwrap_or(u32::MAX));
    if repeated.is_some_and(|bytes| limit < bytes) {
        return box_once(Err(Spent::Size.end()));
    }
    box_once((left * right).map_err(Exn::from))
}
