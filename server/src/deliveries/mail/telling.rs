//! What letters say of changes, incidents, digests and codes. Pure.

use graph::{ChangeRow, IncidentRow, Item, Telling};
use model::SubscriptionDeclared;
use serde_json::json;

use super::letter::Letter;

/// Most items that a letter lists.
const ITEMS_MAX: usize = 50;

/// The letter about what an event tells, with more lines about it.
pub(in crate::deliveries) fn letter_of(
    telling: &Telling<'_>,
    notes: Vec<String>,
    to: &SubscriptionDeclared,
) -> Option<Letter> {
    let letter = match (telling.change(), telling.incident()) {
        (Some(row), _) => of_change(&row),
        (None, Some(row)) => of_incident(&row),
        (None, None) => return None,
    };
    Some(Letter {
        notes,
        reason: reason(to),
        ..letter
    })
}

fn of_change(row: &ChangeRow<'_>) -> Letter {
    let status = word(&json!(row.status()));
    let emergency = row.emergency().filter(|is_one| *is_one);
    let facts = [
        ("Status", Some(status.clone())),
        ("Environment", row.environment().map(str::to_owned)),
        ("Kind", row.kind().map(str::to_owned)),
        ("Level", row.level().map(str::to_owned)),
        ("Emergency", emergency.map(|_| "yes".to_owned())),
        ("By", row.operator().map(str::to_owned)),
        ("Began", Some(row.started_at().to_string())),
        ("Ended", row.finished_at().map(|at| at.to_string())),
        (
            "Source",
            Some(format!("{} {}", row.source(), row.source_id())),
        ),
    ];
    let items = keys(&row.items());
    Letter {
        subject: subject("Change", row.title(), &items, row.environment()),
        about: Some(row.id().to_string()),
        heading: format!("{}: {status}", row.title()),
        facts: given(facts),
        list: listed(items, ITEMS_MAX),
        ..Letter::default()
    }
}

fn of_incident(row: &IncidentRow<'_>) -> Letter {
    let status = word(&json!(row.status()));
    let facts = [
        ("Status", Some(status.clone())),
        ("Severity", row.severity().map(str::to_owned)),
        ("Environment", row.environment().map(str::to_owned)),
        ("Began", Some(row.started_at().to_string())),
        ("Resolved", row.resolved_at().map(|at| at.to_string())),
        (
            "Source",
            Some(format!("{} {}", row.source(), row.source_id())),
        ),
    ];
    let items = keys(&row.items());
    Letter {
        subject: subject("Incident", row.title(), &items, row.environment()),
        about: Some(row.id().to_string()),
        heading: format!("{}: {status}", row.title()),
        facts: given(facts),
        list: listed(items, ITEMS_MAX),
        ..Letter::default()
    }
}

/// The letter of what gathered: a line for each change and incident.
pub(in crate::deliveries) fn of_digest(
    lines: Vec<String>,
    (total, untold): (u64, u64),
    to: &SubscriptionDeclared,
) -> Letter {
    let notices = match total {
        1 => "1 notice".to_owned(),
        more => format!("{more} notices"),
    };
    Letter {
        subject: format!("{notices} for {}", to.name),
        heading: notices,
        list: lines,
        notes: match untold {
            0 => Vec::new(),
            more => vec![format!("and {more} more")],
        },
        reason: reason(to),
        ..Letter::default()
    }
}

/// A letter that says nothing.
pub(in crate::deliveries) fn of_trial(to: &SubscriptionDeclared) -> Letter {
    let line = format!("Epicenter tells {} here what it subscribed to.", to.name);
    Letter {
        subject: format!("A test for {}", to.name),
        heading: line,
        reason: reason(to),
        ..Letter::default()
    }
}

/// The letter that asks whether somebody wants to hear. It holds no word of who subscribed, so that nobody has us
/// carry their words to strangers.
pub(in crate::deliveries) fn of_code(code: &str, subscription: &str) -> Letter {
    Letter {
        subject: "Confirm that you want to hear from Epicenter".to_owned(),
        heading: "Somebody asked that notices of changes and incidents be sent to this address.".to_owned(),
        facts: vec![
            ("Code", code.to_owned()),
            ("Subscription", subscription.to_owned()),
        ],
        notes: vec![
            "If you want them, give the code to whoever asked you, or use it yourself within a week:".to_owned(),
            format!("verifySubscription(id: \"{subscription}\", code: \"{code}\")"),
            "If you do not, do nothing: without the code no notice is sent to you.".to_owned(),
        ],
        reason: "Epicenter sends a code to an address three times a day at most.".to_owned(),
        ..Letter::default()
    }
}

fn reason(to: &SubscriptionDeclared) -> String {
    format!(
        "You hear of this because the subscription {} ({}) names your address; unsubscribe(id:) ends it.",
        to.name, to.id
    )
}

/// What a letter is about, the same however that stands.
fn subject(what: &str, title: &str, items: &[String], environment: Option<&str>) -> String {
    let item = items.first().map(|first| match items.len() - 1 {
        0 => first.clone(),
        more => format!("{first} and {more} more"),
    });
    let place: Vec<String> = item
        .into_iter()
        .chain(environment.map(str::to_owned))
        .collect();
    match place.is_empty() {
        true => format!("{what}: {title}"),
        false => format!("{what}: {title} ({})", place.join(", ")),
    }
}

fn given<const N: usize>(
    facts: [(&'static str, Option<String>); N],
) -> Vec<(&'static str, String)> {
    let facts = facts.into_iter();
    facts
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

fn keys(items: &[Item<'_>]) -> Vec<String> {
    items.iter().map(Item::key).collect()
}

/// As many lines as a letter has, and how many are left out.
fn listed(mut lines: Vec<String>, most: usize) -> Vec<String> {
    let rest = lines.len().saturating_sub(most);
    lines.truncate(most);
    if 0 < rest {
        lines.push(format!("and {rest} more"));
    }
    lines
}

fn word(status: &serde_json::Value) -> String {
    status.as_str().unwrap_or_default().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn a_subject_says_what_it_is_about_and_not_how_that_stands() {
        let items = ["service:prod/shop", "service:prod/pay"].map(str::to_owned);
        let about = |items: &[String], place| subject("Incident", "slow", items, place);
        let expected = "Incident: slow (service:prod/shop and 1 more, prod)";
        assert_eq!(about(&items, Some("prod")), expected);
        assert_eq!(
            about(&items[..1], None),
            "Incident: slow (service:prod/shop)"
        );
        assert_eq!(about(&[], None), "Incident: slow");
    }

    #[test]
    fn a_list_says_how_much_it_leaves_out() {
        let lines = |many: u32| (0..many).map(|it| it.to_string()).collect();
        assert_eq!(listed(lines(3), 2), ["0", "1", "and 1 more"]);
        assert_eq!(listed(lines(2), 2), ["0", "1"]);
    }

    #[test]
    fn a_code_comes_with_what_to_do_and_no_word_of_who_subscribed() {
        assert_snapshot!(of_code("c0de", "sub_1f").text());
    }
}
