//! A listing as text, for tests: one line a statement.

use super::Listing;

/// Items with their other names, relations as sentences, and what was rejected.
pub(super) fn shown(listing: &Listing) -> String {
    let mut lines = Vec::new();
    for item in &listing.items {
        lines.push(format!("{}", item.key));
        for claim in &item.claims {
            lines.push(format!("  is {}={}", claim.scheme, claim.value));
        }
        for alias in &item.aliases {
            let moment = |at: Option<model::Timestamp>, word: &str| {
                at.map_or_else(String::new, |at| format!(" {word} {at}"))
            };
            let from = moment(alias.valid_from, "from");
            let until = moment(alias.valid_until, "until");
            lines.push(format!(
                "  also {}={}{from}{until}",
                alias.scheme, alias.value
            ));
        }
        let people = [
            ("owner", &item.owner),
            ("criticality", &item.criticality),
            ("called", &item.display_name),
        ];
        for (name, value) in people {
            lines.extend(value.iter().map(|value| format!("  {name} {value}")));
        }
        if let Some(from) = item.valid_from {
            let until = item
                .valid_until
                .map_or_else(String::new, |until| until.to_string());
            lines.push(format!("  {from}..{until}"));
        }
        for (name, value) in &item.attributes {
            lines.push(format!("  {name}: {value}"));
        }
    }
    for relation in &listing.relations {
        let strength = relation.strength.map_or("", |_| " weakly");
        lines.push(format!(
            "{} {}{strength} {}",
            relation.dependent, relation.kind, relation.provider
        ));
    }
    lines.extend(
        listing
            .retired
            .iter()
            .map(|retired| format!("gone {}", retired.key)),
    );
    for part in &listing.rejected {
        lines.push(format!(
            "rejected {}: {} {}",
            part.place, part.field, part.reason
        ));
    }
    if 0 < listing.passed_over {
        lines.push(format!("passed over {}", listing.passed_over));
    }
    lines.join("\n") + "\n"
}

/// Compares with a golden file in `testdata`; `EPICENTER_GOLDEN=write` writes it anew.
pub(super) fn assert_golden(listing: &Listing, name: &str) {
    let found = shown(listing);
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name);
    if std::env::var("EPICENTER_GOLDEN").as_deref() == Ok("write") {
        std::fs::write(&path, &found).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(found, golden, "{}", path.display());
}
