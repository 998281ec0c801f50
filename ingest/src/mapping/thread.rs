//! Runs a filter on a thread of its own, whose stack is large enough for whatever the bounds allow.

use std::any::Any;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::Builder;
use std::time::Duration;

use jaq_core::{Ctx, Vars};
use serde_json::Value;
use thiserror::Error;

use super::meter::{Bounded, Run, STACK_BYTES, Spent};
use super::program::Program;
use super::value;

/// How long a run may take.
const RUN_TIME_MAX: Duration = Duration::from_secs(2);
/// How much longer it may take to notice that it was stopped.
const GRACE: Duration = Duration::from_secs(1);
/// Most events of one body.
const OUTPUTS_MAX: usize = 10_000;
/// Largest output of one body, as JSON, about.
const OUTPUT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why a run came to nothing.
#[derive(Debug, Error)]
pub(super) enum Fell {
    /// There is no thread for it.
    #[error("there is no thread to run it on")]
    NoThread(#[source] io::Error),
    /// The library has a fault.
    #[error("it fell over: {0}")]
    Panicked(String),
    /// The filter says so itself, or does what cannot be done.
    #[error("{0}")]
    Failed(String),
    /// It took too much.
    #[error("it {}", .0.told())]
    Spent(Spent),
    /// It makes too much.
    #[error(
        "it makes more than {OUTPUTS_MAX} events, or more than {OUTPUT_BYTES_MAX} bytes of them"
    )]
    TooMuch,
    /// It does not end, not even when it is told to.
    #[error("it did not end within {} seconds", (RUN_TIME_MAX + GRACE).as_secs())]
    Endless,
}

/// Does something with a large stack.
pub(super) fn with_stack<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fell> {
    let thread = Builder::new()
        .name("mapping".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(work)
        .map_err(Fell::NoThread)?;
    thread.join().map_err(|panic| panicked(&*panic))
}

/// Everything that a filter makes of an input. It may take seconds.
///
/// `running` is shared with the thread as long as it runs, which may be longer than anybody waits.
pub(super) fn run(
    program: &Arc<Program>,
    input: Value,
    steps_max: u64,
    running: &Arc<()>,
) -> Result<Vec<Value>, Fell> {
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, receiver) = mpsc::sync_channel(1);
    let work = {
        let (program, stop, running) =
            (Arc::clone(program), Arc::clone(&stop), Arc::clone(running));
        move || {
            let outcome = outputs(&program, input, steps_max, &stop);
            // Whoever waits for the outcome may begin the next run at once.
            drop(running);
            // Nobody may be waiting any more.
            drop(sender.send(outcome));
        }
    };
    let thread = Builder::new()
        .name("mapping".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(work)
        .map_err(Fell::NoThread)?;
    let outcome = receiver.recv_timeout(RUN_TIME_MAX).or_else(|error| {
        stop.store(true, Ordering::Relaxed);
        match error {
            RecvTimeoutError::Timeout => receiver.recv_timeout(GRACE),
            RecvTimeoutError::Disconnected => Err(error),
        }
    });
    match outcome {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) => Err(Fell::Endless),
        Err(RecvTimeoutError::Disconnected) => Err(match thread.join() {
            Err(panic) => panicked(&*panic),
            Ok(()) => Fell::Endless,
        }),
    }
}

fn outputs(
    program: &Program,
    input: Value,
    steps_max: u64,
    stop: &AtomicBool,
) -> Result<Vec<Value>, Fell> {
    let run = Run::new(&program.0.lut, steps_max, stop);
    let context = Ctx::<Bounded>::new(&run, Vars::new([]));
    let mut made = Vec::new();
    let mut left = OUTPUT_BYTES_MAX;
    for output in program.0.id.run((context, value::of_json(input))) {
        let output = output.map_err(|exception| match exception.get_err() {
            Ok(error) => Fell::Failed(value::told(&error.into_val())),
            Err(other) => {
                let spent = other.get_halt().ok().and_then(Spent::of_code);
                spent.map_or_else(|| Fell::Failed("it broke off".to_owned()), Fell::Spent)
            }
        })?;
        let output = value::to_json(&output, &mut left).map_err(|reason| match reason {
            value::NoJson::TooMuch => Fell::TooMuch,
            value::NoJson::Other(reason) => Fell::Failed(reason),
        })?;
        match output {
            Value::Null => {}
            // A filter may say `[.[] | ...]` for `.[] | ...`.
            Value::Array(entries) => made.extend(entries),
            other => made.push(other),
        }
        if OUTPUTS_MAX < made.len() {
            return Err(Fell::TooMuch);
        }
    }
    Ok(made)
}

fn panicked(panic: &(dyn Any + Send)) -> Fell {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Fell::Panicked(text.unwrap_or_else(|| "nobody knows why".to_owned()))
}
