//! Tasks with a name and an owner. One that ends or panics unasked is an event, not a silence.

use std::collections::BTreeMap;

use tokio::task::{Id, JoinError, JoinSet};

/// The long-running tasks of a server.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    set: JoinSet<()>,
    names: BTreeMap<Id, &'static str>,
}

/// A task that is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its name.
    pub name: &'static str,
    /// What it panicked with, if it did.
    pub panic: Option<String>,
}

impl Tasks {
    /// Starts a task under a name.
    pub(crate) fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let handle = self.set.spawn(task);
        self.names.insert(handle.id(), name);
    }

    /// Waits for the next task to end; never, when there is none.
    pub(crate) async fn next_end(&mut self) -> Ended {
        match self.set.join_next_with_id().await {
            None => std::future::pending().await,
            Some(Ok((id, ()))) => self.ended(id, None),
            Some(Err(error)) => self.ended(error.id(), panic_message(error)),
        }
    }

    /// Waits for every task to end.
    pub(crate) async fn all_ended(&mut self) {
        while !self.set.is_empty() {
            let ended = self.next_end().await;
            if let Some(message) = ended.panic {
                tracing::error!(task = ended.name, "task {} panicked: {message}", ended.name);
            }
        }
    }

    /// Ends what is left, wherever it stands.
    pub(crate) async fn abort(&mut self) {
        self.set.shutdown().await;
        self.names.clear();
    }

    fn ended(&mut self, id: Id, panic: Option<String>) -> Ended {
        let name = self.names.remove(&id).unwrap_or("unnamed");
        Ended { name, panic }
    }
}

fn panic_message(error: JoinError) -> Option<String> {
    error
        .try_into_panic()
        .ok()
        .map(|panic| message_of(panic.as_ref()))
}

/// What a panic said.
pub(crate) fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        return (*text).to_owned();
    }
    match panic.downcast_ref::<String>() {
        Some(text) => text.clone(),
        None => "without a message".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_names_its_task() {
        let mut tasks = Tasks::default();
        tasks.spawn("quiet", std::future::pending());
        tasks.spawn("loud", async { panic!("no") });
        let ended = tasks.next_end().await;
        assert_eq!(
            ended,
            Ended {
                name: "loud",
                panic: Some("no".to_owned())
            }
        );
        tasks.abort().await;
    }
}
