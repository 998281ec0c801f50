//! One writer thread that gathers what waits: the best form of every peer, and the form of the log itself.

use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::peers::Sink;

type Waiting = (Vec<Vec<u8>>, oneshot::Sender<()>);

/// Groups records and makes them durable through a sink.
pub(crate) struct GroupCommit {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    waiting: Mutex<(Vec<Waiting>, bool)>,
    filled: Condvar,
}

impl GroupCommit {
    pub(crate) fn start(mut sink: Box<dyn Sink>, group_bytes: usize) -> Self {
        let state = Arc::new(State::default());
        let of_thread = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            while let Some(mut taken) = of_thread.take() {
                while !taken.is_empty() {
                    let behind = taken.split_off(group_of(&taken, group_bytes));
                    let records: Vec<&[u8]> = taken
                        .iter()
                        .flat_map(|(records, _)| records)
                        .map(Vec::as_slice)
                        .collect();
                    sink.make_durable(&records);
                    for (_, answer) in taken {
                        answer.send(()).expect("a writer waits");
                    }
                    taken = behind;
                }
            }
        });
        Self {
            state,
            thread: Some(thread),
        }
    }

    pub(crate) async fn append(&self, records: Vec<Vec<u8>>) {
        let (answer, answered) = oneshot::channel();
        self.state
            .waiting
            .lock()
            .expect("no writer panics")
            .0
            .push((records, answer));
        self.state.filled.notify_one();
        answered.await.expect("an acknowledgement");
    }
}

/// How many of those that wait go into one group: at least one.
fn group_of(waiting: &[Waiting], bytes_max: usize) -> usize {
    let mut bytes = 0;
    let fits = waiting.iter().take_while(|(records, _)| {
        bytes += records.iter().map(Vec::len).sum::<usize>();
        bytes <= bytes_max
    });
    fits.count().max(1)
}

impl State {
    fn take(&self) -> Option<Vec<Waiting>> {
        let mut waiting = self.waiting.lock().expect("no writer panics");
        while waiting.0.is_empty() {
            if waiting.1 {
                return None;
            }
            waiting = self.filled.wait(waiting).expect("no writer panics");
        }
        Some(std::mem::take(&mut waiting.0))
    }
}

impl Drop for GroupCommit {
    fn drop(&mut self) {
        self.state.waiting.lock().expect("no writer panics").1 = true;
        self.state.filled.notify_one();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the writer ends");
        }
    }
}
