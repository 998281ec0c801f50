//! Migrations of databases: what Flyway and Liquibase tell, brought into one form.
//!
//! One that may run again is another change each time; any other is one change from its plan to
//! its end, however often it was tried.

use model::{
    ActorKind, Change, ChangeStatus, Event, EventId, KeyParts, NewEvent, SourceName, Timestamp,
};
use serde_json::Value;

use crate::decoded::{Malformed, Part};
use crate::import::ItemWriter;
use crate::intake::Delivery;
use crate::said::Said;
use crate::split::{Wrapping, split, unfold};
use crate::told::{self, Told, actor, source_of};

/// Which database is spoken of.
pub(crate) struct Database {
    name: String,
    /// Host and port, where somebody said so.
    server: Option<String>,
    environment: Option<String>,
}

/// One migration as a row or a report tells it.
pub(crate) struct Migrated {
    /// Its name within the database; that of one run where it may run again.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) status: ChangeStatus,
    /// When it was through, unless it is planned.
    pub(crate) at: Option<Timestamp>,
    pub(crate) took_ms: Option<u64>,
    pub(crate) by: Option<String>,
    pub(crate) script: Option<String>,
    pub(crate) description: Option<String>,
}

impl Database {
    /// By what a body says beside its rows (`database`, and `url` or `server`), else by the sender's name.
    pub(crate) fn of(body: &Value, delivery: &Delivery) -> Self {
        let url = Said(body)
            .written("/url")
            .map(|url| url.strip_prefix("jdbc:").unwrap_or(url));
        let place = url
            .and_then(|url| url.split_once("://"))
            .map(|(_, place)| place);
        // What stands before an `@` are a user and a password.
        let place = place.map(|place| place.rsplit('@').next().unwrap_or(place));
        let place = place.map(|place| place.split(['?', ';']).next().unwrap_or(place));
        let (server, in_url) = match place.and_then(|place| place.split_once('/')) {
            Some((server, name)) => (Some(server), Some(name)),
            None => (place, None),
        };
        let sender = delivery.sender.name.as_str();
        let name = Said(body)
            .written("/database")
            .or(in_url.filter(|name| !name.is_empty()));
        let name = name.or_else(|| Some(sender).filter(|name| !name.is_empty()));
        let server = Said(body)
            .written("/server")
            .or(server)
            .filter(|server| !server.is_empty());
        Self {
            name: name.unwrap_or("database").to_owned(),
            server: server.map(str::to_lowercase),
            environment: delivery.sender.environment.clone(),
        }
    }

    fn key(&self) -> KeyParts {
        KeyParts::new("database", self.name.clone()).in_environment(self.environment.clone())
    }

    /// The database by the names that spans and a state of Terraform have for it.
    fn item(&self) -> Event {
        let mut item = ItemWriter::new(self.key());
        if let Some(server) = &self.server {
            let named = |name: String| {
                KeyParts::new("database", name).in_environment(self.environment.clone())
            };
            // Spans leave the port of its kind out.
            let host = match server.rsplit_once(':') {
                Some((host, "1433" | "1521" | "3306" | "5432" | "26257")) => host,
                _ => server,
            };
            item.also_called(named(format!("{}@{host}", self.name)));
        }
        Event::ItemObserved(item.done())
    }

    /// The events of migrations, the database itself first.
    pub(crate) fn part(&self, format: &str, all: Vec<Migrated>, delivery: &Delivery) -> Part {
        if all.is_empty() {
            return Part::ignored("there is no migration in it");
        }
        let source = source_of(delivery, format);
        let mut events = Vec::with_capacity(all.len() + 1);
        let mut last: Option<NewEvent> = None;
        for migrated in all {
            let event = self.event(&source, migrated, delivery);
            if last
                .as_ref()
                .is_none_or(|last| last.occurred.at() <= event.occurred.at())
            {
                last = Some(event.clone());
            }
            events.push(event);
        }
        events.extend(last.map(|last| NewEvent {
            id: EventId {
                source: source.clone(),
                delivery: format!("{}#item.observed", last.id.delivery),
            },
            occurred: last.occurred,
            actor: last.actor,
            event: self.item(),
        }));
        Part::Events(events)
    }

    fn event(&self, source: &SourceName, migrated: Migrated, delivery: &Delivery) -> NewEvent {
        let id = format!("{}/{}", self.name, migrated.id);
        let mut change = told::change(source, id, "database");
        change.title = Some(format!("{}: {}", self.name, migrated.title));
        change.status = Some(migrated.status);
        change.domain = Some("database".to_owned());
        change.category = migrated.script;
        change.description = migrated.description;
        change.environment.clone_from(&self.environment);
        change.targets = vec![self.key().into()];
        change.operator = migrated.by.map(|by| {
            // The user of the database: whoever migrates logs in as it.
            actor(ActorKind::Unknown, Some(&by))
        });
        if migrated.status != ChangeStatus::Planned {
            times(&mut change, migrated.at, migrated.took_ms);
        }
        let told = Told {
            delivery: None,
            at: migrated.at,
            change,
        };
        told.seal(delivery.received_at)
    }
}

fn times(change: &mut Change, at: Option<Timestamp>, took_ms: Option<u64>) {
    let took_ms = took_ms
        .and_then(|took| i64::try_from(took).ok())
        .unwrap_or(0);
    change.finished_at = at;
    change.started_at = at.map(|at| at.plus_millis(-took_ms));
}

/// A report, or a line of JSON each.
pub(crate) fn decode(
    delivery: &Delivery,
    read: fn(&Value, &Delivery) -> Part,
) -> Result<Vec<Part>, Malformed> {
    let wrapping = match delivery.media.is_json_lines() {
        true => Wrapping::Lines,
        false => Wrapping::Json,
    };
    let parts = split(&delivery.body, wrapping)?.into_iter();
    Ok(parts
        .map(|part| match unfold(part) {
            Ok(value) => read(&value, delivery).made_of(part),
            Err(refused) => refused,
        })
        .collect())
}

/// A column of a row, in whatever case the database writes its name.
pub(crate) fn field<'v>(row: &'v Value, name: &str) -> Option<&'v Value> {
    let mut columns = row.as_object()?.iter();
    let found = columns.find(|(column, _)| column.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}
