//! What sources said in full can be read and searched, all the way from the socket to the answer.

use serde_json::{Value, json};

use crate::running::{Running, event, folder};

async fn titles(server: &Running, text: &str) -> Value {
    let question = format!(
        "{{ changes(filter: {{ text: \"{text}\" }}) {{ totalCount truncated nodes {{ title }} }} }}"
    );
    server.ask(&question).await["changes"].clone()
}

#[tokio::test]
async fn changes_are_found_by_any_text_of_theirs_and_incidents_tell_theirs() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let change = |id: &str, data: Value| {
        let mut change = json!({
            "sourceId": id, "title": format!("deploy {id}"), "targets": ["service:web"],
        });
        let fields = change.as_object_mut().expect("an object");
        fields.extend(data.as_object().expect("an object").clone());
        event(
            "change.recorded",
            &format!("2026-11-20T10:0{id}:00Z"),
            &change,
        )
    };
    server
        .take(&[
            change("1", json!({ "description": "rotates the TLS certificate" })),
            change(
                "2",
                json!({ "rollbackPlan": "restore the old Certificate" }),
            ),
            change("3", json!({ "description": "raises a limit" })),
            event(
                "incident.opened",
                "2026-11-20T10:30:00Z",
                &json!({
                    "sourceId": "i-1", "title": "web is slow", "items": ["service:web"],
                    "description": "p99 is over two seconds", "link": "https://example.org/i-1",
                }),
            ),
        ])
        .await;
    assert_eq!(
        titles(&server, "certificate").await,
        json!({ "totalCount": 2, "truncated": false, "nodes": [{ "title": "deploy 2" }, { "title": "deploy 1" }] })
    );
    assert_eq!(titles(&server, "DEPLOY 3").await["totalCount"], 1);
    assert_eq!(titles(&server, "description").await["totalCount"], 0);
    let ranked = "{ changesNearby(items: [\"service:web\"], at: \"2026-11-20T11:00:00Z\", \
                  filter: { text: \"limit\" }) { changes { change { title } } } }";
    assert_eq!(
        server.ask(ranked).await["changesNearby"]["changes"],
        json!([{ "change": { "title": "deploy 3" } }])
    );
    let incident = "{ incidents { nodes { description link } } }";
    assert_eq!(
        server.ask(incident).await["incidents"]["nodes"],
        json!([{ "description": "p99 is over two seconds", "link": "https://example.org/i-1" }])
    );
    server.stop().await;
}
