use super::*;

fn around() -> Surroundings {
    Surroundings {
        environment: Some("prod".to_owned()),
        cluster: Some("eu1".to_owned()),
        at: Timestamp::from_unix_nanos(0),
    }
}

/// The change from one object to another, as a line; `-` when there is none.
fn told(kind: &str, before: &Value, after: &Value) -> String {
    let before = Meaning::of(before, kind).unwrap();
    let after = Meaning::of(after, kind).unwrap();
    let key = KeyParts::new(kind.to_lowercase(), "a").in_namespace(Some("shop".to_owned()));
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    let became = Became::Differs(&before.decided, &after);
    let source = SourceName::new("kubernetes/eu1");
    let Some(change) = change(&key, &became, &source, &around(), now) else {
        return "-".to_owned();
    };
    let by = change
        .operator
        .map_or("nobody known".to_owned(), |by| format!("{:?}", by.kind));
    format!(
        "{} {} {} by {by}",
        change.source_id,
        change.kind.unwrap(),
        change.title.unwrap()
    )
}

fn deployment(image: &str, replicas: u64, more: &Value) -> Value {
    let mut object = json!({
        "kind": "Deployment",
        "metadata": { "name": "a", "uid": "u1", "resourceVersion": "7", "generation": 3 },
        "spec": { "replicas": replicas, "template": { "metadata": {}, "spec": { "containers": [
            { "name": "c", "image": image, "env": [{ "name": "TOKEN", "value": "planted" }] },
        ] } } },
        "status": { "readyReplicas": replicas },
    });
    for (pointer, value) in more.as_object().into_iter().flatten() {
        *object.pointer_mut(pointer).unwrap() = value.clone();
    }
    object
}

#[test]
fn another_image_is_a_deployment() {
    let before = deployment("r/c:1.2.3", 2, &json!({}));
    let after = deployment("r/c:1.2.4", 2, &json!({}));
    assert_eq!(
        told("Deployment", &before, &after),
        "u1@7 deployment deployment shop/a: containers[c].image r/c:1.2.3 -> r/c:1.2.4 by nobody known"
    );
}

#[test]
fn what_the_cluster_notes_for_itself_is_no_change() {
    let before = deployment("r/c:1", 2, &json!({}));
    let after = deployment(
        "r/c:1",
        2,
        &json!({
            "/metadata": {
                "name": "a", "uid": "u1", "resourceVersion": "9", "generation": 4,
                "annotations": { "deployment.kubernetes.io/revision": "4", "kubectl.kubernetes.io/last-applied-configuration": "{}" },
                "managedFields": [{ "manager": "kubectl", "time": "2026-11-20T11:00:00Z" }],
            },
            "/status": { "readyReplicas": 1, "conditions": [] },
        }),
    );
    assert_eq!(told("Deployment", &before, &after), "-");
}

#[test]
fn replicas_count_when_a_person_sets_them_and_not_when_an_autoscaler_does() {
    let scaled_by = |manager: &str| {
        let fields = json!([{ "manager": manager, "subresource": "scale", "time": "2026-11-20T11:00:00Z",
            "fieldsV1": { "f:spec": { "f:replicas": {} } } }]);
        let metadata =
            json!({ "name": "a", "uid": "u1", "resourceVersion": "8", "managedFields": fields });
        deployment("r/c:1", 5, &json!({ "/metadata": metadata }))
    };
    let before = deployment("r/c:1", 2, &json!({}));
    assert_eq!(
        told("Deployment", &before, &scaled_by("kubectl")),
        "u1@8 scaling deployment shop/a: replicas 2 -> 5 by nobody known"
    );
    assert_eq!(
        told("Deployment", &before, &scaled_by("kube-controller-manager")),
        "-"
    );
}

#[test]
fn values_of_variables_maps_and_secrets_never_show() {
    let before = deployment("r/c:1", 2, &json!({}));
    let after = deployment(
        "r/c:1",
        2,
        &json!({ "/spec/template/spec/containers/0/env/0/value": "planted2" }),
    );
    let said = told("Deployment", &before, &after);
    assert_eq!(
        said,
        "u1@7 configuration deployment shop/a: containers[c].env[TOKEN].value by nobody known"
    );
    for kind in ["ConfigMap", "Secret"] {
        let object = |value: &str| json!({ "metadata": { "uid": "u", "resourceVersion": "1" }, "data": { "k": value } });
        let said = told(kind, &object("cGxhbnRlZA=="), &object("cGxhbnRlZDI="));
        assert_eq!(
            said,
            format!(
                "u@1 configuration {} shop/a: data.k by nobody known",
                kind.to_lowercase()
            )
        );
        let meaning = Meaning::of(&object("cGxhbnRlZA=="), kind).unwrap();
        assert!(!String::from_utf8_lossy(&meaning.decided).contains("cGxh"));
    }
    let meaning = Meaning::of(&after, "Deployment").unwrap();
    assert!(!String::from_utf8_lossy(&meaning.decided).contains("planted"));
}

#[test]
fn a_restart_a_cordon_and_a_rule_of_an_ingress_are_changes() {
    let before = deployment("r/c:1", 2, &json!({}));
    let restarted = json!({ "annotations": { RESTARTED: "2026-11-20T11:00:00Z", "sidecar.istio.io/status": "x" } });
    let after = deployment("r/c:1", 2, &json!({ "/spec/template/metadata": restarted }));
    assert!(told("Deployment", &before, &after).starts_with("u1@7 restart "));
    let node = |spec: Value| json!({ "metadata": { "uid": "n" }, "spec": spec });
    let cordoned = node(
        json!({ "unschedulable": true, "taints": [{ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" }] }),
    );
    assert_eq!(
        told("Node", &node(json!({})), &cordoned),
        "n@2026-11-20T12:00:00Z configuration node shop/a: unschedulable false -> true by nobody known"
    );
    let unready = node(
        json!({ "taints": [{ "key": "node.kubernetes.io/not-ready", "effect": "NoExecute" }] }),
    );
    assert_eq!(told("Node", &node(json!({})), &unready), "-");
    let rule =
        |host: &str| json!({ "metadata": { "uid": "i" }, "spec": { "rules": [{ "host": host }] } });
    assert!(told("Ingress", &rule("a.example"), &rule("b.example")).contains("rules"));
}

#[test]
fn what_others_control_is_theirs() {
    let owner = json!([{ "kind": "ReplicaSet", "name": "a", "controller": true }]);
    let job = json!({ "metadata": { "name": "a-1", "ownerReferences": owner }, "spec": {} });
    assert_eq!(Meaning::of(&job, "Job"), None);
    assert_eq!(
        Meaning::of(&json!({ "metadata": { "name": "e" } }), "Event"),
        None
    );
}
