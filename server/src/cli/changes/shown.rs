//! How lists and counts of changes look in a terminal.

use model::{Clock, Timestamp};
use serde::Deserialize;

use super::super::answer::ChangeLine;
use super::super::text::{Table, ago, cut};
use crate::clock::SystemClock;

#[derive(Debug, Deserialize)]
pub(super) struct ListAnswer {
    changes: List,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    total_count: usize,
    bookkeeping_count: usize,
    truncated: bool,
    texts_position: Option<String>,
    position: String,
    page_info: PageInfo,
    edges: Vec<ListEdge>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ListEdge {
    fragments: Vec<FragmentLine>,
    node: ChangeLine,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FragmentLine {
    field: String,
    cut_before: bool,
    cut_behind: bool,
    pieces: Vec<PieceLine>,
}

#[derive(Debug, Deserialize)]
struct PieceLine {
    text: String,
    found: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupsAnswer {
    change_groups: Groups,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    total_count: usize,
    groups_count: usize,
    truncated: bool,
    texts_position: Option<String>,
    position: String,
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    count: usize,
    from: Option<Timestamp>,
    values: Vec<GroupValue>,
}

#[derive(Debug, Deserialize)]
struct GroupValue {
    by: String,
    value: Option<String>,
}

pub(super) fn render_list(answer: &ListAnswer) -> String {
    let now = SystemClock.now();
    let list = &answer.changes;
    let mut table =
        Table::with_head(&["started", "kind", "in", "title", "on", "status", "by", "id"]);
    for edge in &list.edges {
        let change = &edge.node;
        let first = change.targets.first();
        let on = first.map_or("-", |target| {
            target.item.as_ref().map_or(&target.key, |item| &item.key)
        });
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        table.row(vec![
            ago(change.started_at, now),
            or_dash(&change.kind),
            or_dash(&change.environment),
            cut(&change.title, 60),
            cut(on, 40),
            change.status.to_lowercase(),
            or_dash(&change.operator),
            change.id.clone(),
        ]);
    }
    let mut text = format!("{table}\n");
    for edge in &list.edges {
        for fragment in edge.fragments.iter().filter(|it| it.field != "title") {
            text.push_str(&format!("{}  {}\n", edge.node.id, line(fragment)));
        }
    }
    text.push_str(&format!("{} of {}\n", list.edges.len(), list.total_count));
    if let (true, Some(place)) = (list.page_info.has_next_page, &list.page_info.end_cursor) {
        text.push_str(&format!("more: --after {place}\n"));
    }
    if 0 < list.bookkeeping_count && list.bookkeeping_count < list.total_count {
        text.push_str(&format!(
            "in {} of them only bookkeeping differs; --bookkeeping without leaves them out\n",
            list.bookkeeping_count
        ));
    }
    text.push_str(&told_if_cut(
        list.truncated,
        list.texts_position.as_deref(),
        &list.position,
    ));
    text
}

fn line(fragment: &FragmentLine) -> String {
    let pieces = fragment.pieces.iter().map(|piece| {
        let text = piece.text.replace(['\n', '\r'], " ");
        if piece.found {
            format!("[{text}]")
        } else {
            text
        }
    });
    let dots = |cut: bool| if cut { "…" } else { "" };
    let (before, behind) = (dots(fragment.cut_before), dots(fragment.cut_behind));
    let text: String = pieces.collect();
    format!("{}: {before}{text}{behind}", fragment.field)
}

pub(super) fn render_groups(answer: &GroupsAnswer) -> String {
    let groups = &answer.change_groups;
    let Some(first) = groups.groups.first() else {
        return "0 changes\n".to_owned();
    };
    let mut head: Vec<String> = first
        .values
        .iter()
        .map(|value| value.by.to_lowercase().replace('_', " "))
        .collect();
    if first.from.is_some() {
        head.insert(0, "from".to_owned());
    }
    head.push("changes".to_owned());
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let mut table = Table::with_head(&head);
    for group in &groups.groups {
        let from = group.from.iter().map(ToString::to_string);
        let values = group.values.iter();
        let values = values.map(|it| it.value.clone().unwrap_or_else(|| "-".to_owned()));
        let count = std::iter::once(group.count.to_string());
        table.row(from.chain(values).chain(count).collect());
    }
    format!(
        "{table}\n{} of {} groups, {} changes\n{}",
        groups.groups.len(),
        groups.groups_count,
        groups.total_count,
        told_if_cut(
            groups.truncated,
            groups.texts_position.as_deref(),
            &groups.position
        )
    )
}

/// What an answer cannot see.
fn told_if_cut(truncated: bool, texts_position: Option<&str>, position: &str) -> String {
    match texts_position.filter(|texts| *texts != position) {
        _ if !truncated => String::new(),
        Some(texts) => format!("texts were searched up to position {texts} of {position}\n"),
        None => "some items of a scope were left out\n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_are_a_table_with_a_column_for_each_thing() {
        let answer = json!({ "changeGroups": {
            "totalCount": 3, "groupsCount": 4, "truncated": true,
            "textsPosition": "7", "position": "9",
            "groups": [
                { "count": 2, "from": "2026-11-19T16:00:00Z", "to": "2026-11-20T16:00:00Z",
                  "values": [{ "by": "OPERATOR_KIND", "value": "human" }] },
                { "count": 1, "from": "2026-11-20T16:00:00Z", "to": "2026-11-21T16:00:00Z",
                  "values": [{ "by": "OPERATOR_KIND", "value": null }] },
            ],
        } });
        let answer: GroupsAnswer = serde_json::from_value(answer).expect("an answer");
        let text = render_groups(&answer);
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(lines[0], ["FROM", "OPERATOR", "KIND", "CHANGES"]);
        assert_eq!(lines[1], ["2026-11-19T16:00:00Z", "human", "2"]);
        assert_eq!(lines[2], ["2026-11-20T16:00:00Z", "-", "1"]);
        let end = "2 of 4 groups, 3 changes\ntexts were searched up to position 7 of 9\n";
        assert!(text.ends_with(end), "{text}");
    }

    #[test]
    fn what_was_found_stands_in_brackets() {
        let fragment = FragmentLine {
            field: "description".to_owned(),
            cut_before: true,
            cut_behind: false,
            pieces: vec![
                PieceLine {
                    text: "raise\n".to_owned(),
                    found: false,
                },
                PieceLine {
                    text: "limits".to_owned(),
                    found: true,
                },
            ],
        };
        assert_eq!(line(&fragment), "description: …raise [limits]");
    }
}
