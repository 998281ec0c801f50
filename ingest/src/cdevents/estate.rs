//! Environments, repositories and artifacts: what there is.

use model::{Attributes, Event, ItemRetired, ObservedItem};

use super::subject::Statement;

/// An environment that is, and what was done to it.
pub(super) fn environment(statement: &mut Statement, done: &str) -> Vec<Event> {
    let key = Statement::key("environment", &statement.subject_id, None);
    let mut item = ObservedItem::new(key);
    item.display_name = statement.line("name");
    add(&mut item.attributes, "url", statement.either("uri", "url"));
    vec![
        Event::ItemObserved(item),
        environment_change(statement, done),
    ]
}

/// An environment that is no more.
pub(super) fn environment_deleted(statement: &mut Statement) -> Vec<Event> {
    let mut facts = retired(statement, "environment");
    facts.push(environment_change(statement, "deleted"));
    facts
}

fn environment_change(statement: &mut Statement, done: &str) -> Event {
    let name = statement.line("name");
    let name = name.unwrap_or_else(|| statement.subject_id.clone());
    let title = format!("environment {name} {done}");
    let mut change = statement.change_of_its_own("infrastructure", &title);
    let key = Statement::key("environment", &statement.subject_id, None);
    change.targets.push(key);
    change.environment = Some(statement.subject_id.clone());
    Event::ChangeRecorded(Box::new(change))
}

/// A repository that is.
pub(super) fn repository(statement: &mut Statement) -> Vec<Event> {
    let mut item = ObservedItem::new(Statement::key("repository", &statement.subject_id, None));
    item.display_name = statement.line("name");
    item.owner = statement.line("owner");
    add(&mut item.attributes, "url", statement.either("uri", "url"));
    add(&mut item.attributes, "view_url", statement.line("viewUrl"));
    vec![Event::ItemObserved(item)]
}

/// An artifact that is.
pub(super) fn artifact(statement: &mut Statement) -> Vec<Event> {
    let mut item = ObservedItem::new(Statement::key("artifact", &statement.subject_id, None));
    add(&mut item.attributes, "user", statement.line("user"));
    add(&mut item.attributes, "sbom", statement.inner("sbom", "uri"));
    add(
        &mut item.attributes,
        "change",
        statement.inner("change", "id"),
    );
    add(
        &mut item.attributes,
        "signature",
        statement.line("signature"),
    );
    vec![Event::ItemObserved(item)]
}

/// An item that is no more.
pub(super) fn retired(statement: &Statement, kind: &str) -> Vec<Event> {
    vec![Event::ItemRetired(ItemRetired {
        key: Statement::key(kind, &statement.subject_id, None),
        reason: Some(format!("the {kind} was deleted")),
    })]
}

fn add(attributes: &mut Attributes, name: &str, value: Option<String>) {
    if let Some(value) = value {
        attributes.insert(name.to_owned(), value.into());
    }
}
