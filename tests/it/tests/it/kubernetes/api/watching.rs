//! One watch: what it is sent, and how it breaks.

use std::io;
use std::sync::Arc;

use futures_util::{Stream, stream};
use serde_json::json;
use tokio::sync::watch;

use super::{Objects, World, gone};

/// One watch.
pub(super) struct Follower {
    plural: String,
    reached: u64,
    /// The breaks and ends before it began.
    breaks: u64,
    ends: u64,
    /// How it goes on after what was sent last.
    then: Then,
    rung: watch::Receiver<u64>,
    world: Arc<World>,
}

#[derive(Clone, Copy, PartialEq)]
enum Then {
    On,
    End,
    Break,
}

impl Follower {
    pub(super) fn new(state: &Objects, world: &Arc<World>, plural: String, from: u64) -> Self {
        Self {
            plural,
            reached: from,
            breaks: state.faults.breaks,
            ends: state.faults.ends,
            then: Then::On,
            rung: world.bell.subscribe(),
            world: Arc::clone(world),
        }
    }

    /// What it is sent; an error tears the connection.
    pub(super) fn lines(self) -> impl Stream<Item = Result<String, io::Error>> {
        stream::unfold(self, |mut follower| async {
            let next = follower.next().await?;
            Some((next, follower))
        })
    }

    async fn next(&mut self) -> Option<Result<String, io::Error>> {
        loop {
            match self.then {
                Then::End => return None,
                Then::Break => return Some(Err(io::Error::other("torn"))),
                Then::On => {}
            }
            self.rung.borrow_and_update();
            let bytes = self.now();
            if !bytes.is_empty() {
                return Some(Ok(bytes));
            }
            if self.then == Then::On {
                self.rung.changed().await.ok()?;
            }
        }
    }

    /// What there is to send, and how it goes on then.
    fn now(&mut self) -> String {
        let world = Arc::clone(&self.world);
        let mut state = world.state.lock().expect("no test panics with it");
        if self.reached < state.oldest {
            state.did.gone_lines += 1;
            self.then = Then::End;
            return json!({ "type": "ERROR", "object": gone().1.0 }).to_string() + "\n";
        }
        let version = state.version;
        let kind = state.kinds.get(&self.plural);
        let news = kind.map_or(&[][..], |kind| kind.since(self.reached));
        let mut lines: Vec<String> = news.iter().map(|(_, line)| line.clone()).collect();
        let is_behind = self.reached < version;
        if is_behind && !state.faults.without_bookmarks {
            let bookmark = json!({ "type": "BOOKMARK",
                "object": { "metadata": { "resourceVersion": version.to_string() } } });
            lines.push(bookmark.to_string() + "\n");
        }
        self.reached = version;
        if state.faults.repeats {
            state.did.repeated_lines += lines.len() as u64;
            lines = lines
                .iter()
                .flat_map(|line| [line.clone(), line.clone()])
                .collect();
        }
        if self.breaks < state.faults.breaks || state.faults.is_down {
            state.did.torn_lines += 1;
            self.then = Then::Break;
            let last = lines.pop().unwrap_or_else(|| "{\"type\":\"MODIF".repeat(2));
            lines.push(last.chars().take(last.chars().count() / 2).collect());
        } else if self.ends < state.faults.ends {
            self.then = Then::End;
        }
        lines.concat()
    }
}
