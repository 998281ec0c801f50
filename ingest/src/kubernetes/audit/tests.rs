use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::kubernetes::meaning::{Became, Meaning};
use crate::mutate::{any_json, put};
use crate::told::testing;

const LIST: &str = include_str!("../../../testdata/kubernetes/audit.from-specification.json");
const WATCH: &str =
    include_str!("../../../testdata/kubernetes/watch.deployments.written-here.jsonl");

fn told(body: &str) -> String {
    testing::told(&ADDRESS, body)
}

/// One event with these fields in place of its own.
fn event(more: &Value) -> String {
    let mut event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": "a1", "stage": "ResponseComplete",
        "verb": "patch", "user": { "username": "alice" },
        "objectRef": { "resource": "deployments", "namespace": "shop", "name": "checkout" },
        "responseStatus": { "code": 200 },
        "requestReceivedTimestamp": "2026-11-20T10:00:00.100000Z", "stageTimestamp": "2026-11-20T10:00:00.200000Z",
    });
    event
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    event.to_string()
}

#[test]
fn a_batch_tells_who_wrote_what_and_passes_over_the_rest() {
    let told = told(LIST);
    testing::golden("kubernetes", "audit.golden", &told);
    assert!(!told.contains("planted"));
}

#[test]
fn a_writing_and_the_difference_that_the_watch_saw_are_one_change() {
    let lines: Vec<Value> = WATCH
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let meaning = |line: usize| Meaning::of(&lines[line]["object"], "Deployment").unwrap();
    let (before, after) = (meaning(0), meaning(1));
    let key = KeyParts::new("deployment", "checkout");
    let source = SourceName::new("kubernetes/eu1");
    let around = crate::import::Surroundings {
        environment: None,
        cluster: None,
        at: model::Timestamp::MIN,
    };
    let became = Became::Differs(&before.decided, &after);
    let now = "2026-11-20T10:00:01Z".parse().unwrap();
    let seen = super::super::meaning::change(&key, &became, &source, &around, now).unwrap();

    let audited = event(&json!({ "responseObject": lines[1]["object"] }));
    let sender = crate::Sender {
        name: "eu1".to_owned(),
        ..crate::Sender::unnamed(FORMAT)
    };
    let delivery = Delivery {
        sender: std::sync::Arc::new(sender),
        ..testing::delivery(FORMAT, &[], &audited)
    };
    let Some(Part::Events(events)) = decode(&delivery).unwrap().pop() else {
        panic!("no events");
    };
    let model::Event::ChangeRecorded(written) = &events[0].event else {
        panic!("another event");
    };
    assert_eq!(written.reference(), seen.reference());
    assert_eq!(
        written.operator.as_ref().unwrap().name.as_deref(),
        Some("alice")
    );
    assert_eq!(seen.operator, None);
}

#[test]
fn a_writing_that_changed_nothing_is_no_change() {
    let version = json!({ "metadata": { "resourceVersion": "7", "generation": 3 } });
    let later = json!({ "metadata": { "resourceVersion": "8", "generation": 3 } });
    let managed = |at: &str| json!({ "metadata": { "uid": "u", "resourceVersion": "8", "managedFields": [{ "manager": "kubectl", "time": at }] } });
    let spec = json!({ "spec": { "replicas": 2 } });
    for (what, fields) in [
        (
            "the same version",
            json!({ "verb": "update", "requestObject": version, "responseObject": version }),
        ),
        (
            "the same generation",
            json!({ "verb": "update", "requestObject": version, "responseObject": later }),
        ),
        (
            "fields nobody touched",
            json!({ "requestObject": spec, "responseObject": managed("2026-11-20T09:00:00Z") }),
        ),
        (
            "marks only",
            json!({ "requestObject": { "metadata": { "annotations": { "a": "b" } } } }),
        ),
        (
            "steps on marks",
            json!({ "requestObject": [{ "op": "add", "path": "/metadata/labels/a", "value": "b" }] }),
        ),
        (
            "for show",
            json!({ "requestURI": "/apis/apps/v1/namespaces/shop/deployments/checkout?dryRun=All" }),
        ),
        ("refused", json!({ "responseStatus": { "code": 403 } })),
        ("its begin", json!({ "stage": "RequestReceived" })),
        (
            "a controller",
            json!({ "user": { "username": "system:serviceaccount:kube-system:deployment-controller" } }),
        ),
        (
            "an autoscaler",
            json!({ "user": { "username": "system:serviceaccount:kube-system:horizontal-pod-autoscaler" } }),
        ),
        (
            "a lease",
            json!({ "objectRef": { "resource": "leases", "name": "x" } }),
        ),
        (
            "a status",
            json!({ "objectRef": { "resource": "pods", "name": "x", "subresource": "status" } }),
        ),
        (
            "a shell",
            json!({ "verb": "create", "objectRef": { "resource": "pods", "name": "x", "subresource": "exec" } }),
        ),
        ("a read", json!({ "verb": "get" })),
    ] {
        let said = told(&event(&fields));
        assert!(said.starts_with("ignored: "), "{what}: {said}");
    }
    let touched =
        json!({ "requestObject": spec, "responseObject": managed("2026-11-20T10:00:00Z") });
    assert!(told(&event(&touched)).contains("\"u@8\""));
}

#[test]
fn machines_and_people_are_told_apart() {
    for (user, kind) in [
        ("alice", ActorKind::Human),
        (
            "system:serviceaccount:argocd:argocd-application-controller",
            ActorKind::Automatic,
        ),
        ("ci@project.iam.gserviceaccount.com", ActorKind::Automatic),
        (
            "arn:aws:sts::1:assumed-role/deploy/session",
            ActorKind::Unknown,
        ),
        ("system:anonymous", ActorKind::Unknown),
    ] {
        let event: Value =
            serde_json::from_str(&event(&json!({ "user": { "username": user } }))).unwrap();
        assert_eq!(operator(&event).kind, kind, "{user}");
    }
    let acting = json!({ "user": { "username": "alice" }, "impersonatedUser": { "username": "system:serviceaccount:ci:deploy" } });
    let acting = operator(&acting);
    assert_eq!(acting.kind, ActorKind::Automatic);
    assert_eq!(
        acting.name.as_deref(),
        Some("system:serviceaccount:ci:deploy (by alice)")
    );
}

#[test]
fn what_is_no_event_goes_to_the_quarantine() {
    assert!(told("{}").starts_with("kept aside: "));
    assert!(decode(&testing::delivery(FORMAT, &[], "{")).is_err());
    assert_eq!(told(r#"{"kind":"EventList","items":[]}"#), "");
}

proptest! {
    #[test]
    fn nothing_makes_it_fall_over(
        bytes in ".{0,200}",
        steps in prop::collection::vec(any::<u8>(), 1..7),
        value in any_json(),
    ) {
        let _refused = decode(&testing::delivery(FORMAT, &[], &bytes));
        let mut list: Value = serde_json::from_str(LIST).unwrap();
        put(&mut list, &steps, value);
        told(&list.to_string());
    }
}
