use std::fmt::Write as _;

use super::*;

fn around() -> Surroundings {
    Surroundings {
        environment: Some("prod".to_owned()),
        cluster: Some("eu1".to_owned()),
        at: "2026-11-20T12:00:00Z".parse().unwrap(),
    }
}

fn read(form: PlanForm, text: &str) -> PlannedWork {
    let file = ImportFile {
        name: "f".to_owned(),
        bytes: text.as_bytes().to_vec(),
    };
    preview(form, &[file], &around(), Some("shop"))
}

fn shown(work: &PlannedWork) -> String {
    let mut told = String::new();
    for target in &work.targets {
        writeln!(
            told,
            "{:?} {} at {}",
            target.action, target.key, target.place
        )
        .unwrap();
        for name in &target.names {
            writeln!(told, "  is {}={}", name.scheme, name.value).unwrap();
        }
        for (name, value) in &target.attributes {
            writeln!(told, "  {name}: {value}").unwrap();
        }
        let side = |side: &Option<Value>| side.as_ref().map_or("?".to_owned(), Value::to_string);
        for value in &target.differences {
            let (before, after) = (side(&value.before), side(&value.after));
            writeln!(told, "  {} {before} -> {after}", value.field).unwrap();
        }
    }
    for part in &work.unread {
        writeln!(
            told,
            "unread {}: {} {}",
            part.place, part.field, part.reason
        )
        .unwrap();
    }
    told
}

fn testdata(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/");
    std::fs::read_to_string(format!("{folder}{name}")).unwrap()
}

#[test]
fn a_plan_says_what_becomes_of_each_resource_and_shows_no_secret() {
    let plan = testdata("terraform/orders.written-here.plan.json");
    let told = shown(&read(PlanForm::Terraform, &plan));
    assert!(!told.contains("planted"), "{told}");
    insta::assert_snapshot!(told, @r#"
    Update database:prod/orders at module.orders.aws_db_instance.this
      module.orders.aws_db_instance.this.instance_class "db.m7g.large" -> "db.m7g.xlarge"
      module.orders.aws_db_instance.this.parameter ? -> ?
    Replace host:prod/i-0fff1234567890def at aws_instance.node[1]
      is host.id=i-0fff1234567890def
      aws_instance.node[1].instance_type ? -> "m7i.large"
    "#);
    assert_eq!(PlanForm::of(plan.as_bytes()), PlanForm::Terraform);
}

#[test]
fn real_plans_are_read_and_their_helpers_are_told() {
    let told = |name: &str| shown(&read(PlanForm::Terraform, &testdata(name)));
    insta::assert_snapshot!(told("terraform/deep_module.plan.json"), @"unread module.foo.module.bar.null_resource.baz: type null_resource is a helper of the configuration and no item");
    assert_eq!(told("terraform/no_changes.plan.json"), "");
}

#[test]
fn an_attribute_that_is_known_later_differs() {
    let plan = r#"{"resource_changes":[{"address":"aws_db_instance.a","mode":"managed","type":"aws_db_instance","name":"a","change":{
        "actions":["update"],"before":{"identifier":"a","engine_version":"16","endpoint":"x"},"after":{"identifier":"a"},
        "after_unknown":{"engine_version":true,"endpoint":true}}},
        {"address":"aws_sqs_queue.b","mode":"managed","type":"aws_sqs_queue","name":"b","change":{"actions":["create"],"before":null,"after":{"name":"b"}}},
        {"address":"aws_sqs_queue.c","mode":"managed","type":"aws_sqs_queue","name":"c","change":{"actions":["forget"],"before":{"name":"c","arn":"arn:aws:sqs:eu-west-1:1:c"},"after":null}}]}"#;
    insta::assert_snapshot!(shown(&read(PlanForm::Terraform, plan)), @r#"
    Update database:prod/a at aws_db_instance.a
      aws_db_instance.a.endpoint ? -> ?
      aws_db_instance.a.engine_version "16" -> ?
    Create queue:prod/b at aws_sqs_queue.b
    Forget queue:prod/c at aws_sqs_queue.c
      is arn=arn:aws:sqs:eu-west-1:1:c
      is cloud.resource_id=arn:aws:sqs:eu-west-1:1:c
    "#);
}

#[test]
fn manifests_are_targets_as_they_would_be_observed() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: checkout\nspec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n      - name: web\n        image: registry.example/checkout:2.0\n        env:\n        - name: TOKEN\n          value: planted-secret\n---\nkind: Secret\nmetadata: {name: keys, namespace: other}\nstringData: {password: planted-secret}\n---\nkind: Widget\nmetadata: {name: w}\n---\nkind: List\nitems:\n- kind: Service\n  metadata: {name: checkout}\n- kind: Service\n  metadata: {}\n---\njust: text\n";
    let told = shown(&read(PlanForm::Kubernetes, text));
    assert!(!told.contains("planted"), "{told}");
    insta::assert_snapshot!(told, @r#"
    Apply deployment:prod/shop/checkout at f line 1
      is k8s=eu1/shop/deployment/checkout
      images: ["registry.example/checkout:2.0"]
      k8s.cluster.name: "eu1"
      k8s.namespace.name: "shop"
      k8s.replicas: 3
    Apply secret:prod/other/keys at f line 15
      is k8s=eu1/other/secret/keys
      entries: 1
      k8s.cluster.name: "eu1"
      k8s.namespace.name: "other"
      k8s.secret.type: "Opaque"
    Apply service:prod/shop/checkout at f line 22, items[0]
      is k8s=eu1/shop/service/checkout
      k8s.cluster.name: "eu1"
      k8s.namespace.name: "shop"
      k8s.service.type: "ClusterIP"
    unread f line 19: kind nothing is known of objects of the kind Widget
    unread f line 22, items[1]: metadata.name is missing
    unread f line 29: kind is missing: this is no Kubernetes object
    "#);
    assert_eq!(PlanForm::of(text.as_bytes()), PlanForm::Kubernetes);
}

#[test]
fn managed_resources_differ_in_what_somebody_decided() {
    let deployment = |image: &str, token: &str, generation: u32| {
        serde_json::json!({
            "kind": "Deployment",
            "metadata": { "name": "checkout", "namespace": "shop", "uid": "u1", "generation": generation },
            "spec": { "replicas": 2, "template": { "spec": { "containers": [
                { "name": "web", "image": image, "env": [{ "name": "TOKEN", "value": token }] }
            ] } } },
        })
        .to_string()
    };
    let item = |kind: &str, name: &str, live: &str, target: &str| serde_json::json!({ "group": "apps", "kind": kind, "namespace": "shop", "name": name, "liveState": live, "targetState": target });
    let live = deployment("checkout:1", "planted-before", 1);
    let answer = serde_json::json!({ "items": [
        item("Deployment", "checkout", &live, &deployment("checkout:2", "planted-after", 1)),
        item("Deployment", "same", &live, &deployment("checkout:1", "planted-before", 7)),
        item("StatefulSet", "new", "null", &live),
        item("DaemonSet", "gone", &live, ""),
        item("Widget", "w", "null", "{}"),
    ] })
    .to_string();
    let told = shown(&read(PlanForm::ArgoCd, &answer));
    assert!(!told.contains("planted") && !told.contains('#'), "{told}");
    insta::assert_snapshot!(told, @r#"
    Update deployment:prod/shop/checkout at f line 1, Deployment shop/checkout
      is k8s=eu1/shop/deployment/checkout
      spec.template.spec.containers[web].env[TOKEN].value ? -> ?
      spec.template.spec.containers[web].image "checkout:1" -> "checkout:2"
    Create statefulset:prod/shop/new at f line 1, StatefulSet shop/new
      is k8s=eu1/shop/statefulset/new
    Delete daemonset:prod/shop/gone at f line 1, DaemonSet shop/gone
      is k8s=eu1/shop/daemonset/gone
    unread f line 1, Widget shop/w: kind nothing is known of objects of the kind Widget
    "#);
    assert_eq!(PlanForm::of(answer.as_bytes()), PlanForm::ArgoCd);
}

#[test]
fn an_application_names_what_is_out_of_sync_and_a_printed_difference_its_objects() {
    let application = r#"{"kind":"Application","metadata":{"name":"shop"},"status":{"resources":[
        {"kind":"Deployment","namespace":"shop","name":"a","status":"OutOfSync","health":{"status":"Healthy"}},
        {"kind":"Service","namespace":"shop","name":"b","status":"Synced"},
        {"kind":"ConfigMap","namespace":"shop","name":"c","status":"OutOfSync","requiresPruning":true},
        {"kind":"Service","namespace":"shop","name":"d","status":"OutOfSync","health":{"status":"Missing"}}]}}"#;
    insta::assert_snapshot!(shown(&read(PlanForm::ArgoCd, application)), @r"
    Update deployment:prod/shop/a at f line 1, Deployment shop/a
      is k8s=eu1/shop/deployment/a
    Delete configmap:prod/shop/c at f line 1, ConfigMap shop/c
      is k8s=eu1/shop/configmap/c
    Create service:prod/shop/d at f line 1, Service shop/d
      is k8s=eu1/shop/service/d
    ");
    let printed = "\n===== apps/Deployment shop/checkout ======\n12c12\n<   password: planted\n---\n>   password: planted\n===== /Service shop/web ======\n===== nonsense ======\n";
    let told = shown(&read(PlanForm::ArgoCd, printed));
    assert!(!told.contains("planted"), "{told}");
    insta::assert_snapshot!(told, @r"
    Update deployment:prod/shop/checkout at f line 2
      is k8s=eu1/shop/deployment/checkout
    Update service:prod/shop/web at f line 7
      is k8s=eu1/shop/service/web
    unread f line 8:  names no object as in apps/Deployment shop/checkout
    ");
    assert_eq!(PlanForm::of(printed.as_bytes()), PlanForm::ArgoCd);
}

#[test]
fn what_is_nothing_of_the_kind_is_told() {
    insta::assert_snapshot!(shown(&read(PlanForm::Terraform, r#"{"a":1}"#)), @"unread f line 1:  is no plan; write it with terraform show -json");
    insta::assert_snapshot!(shown(&read(PlanForm::ArgoCd, r#"{"a":1}"#)), @"unread f line 1:  is no application, no list of its resources and no printed difference");
    insta::assert_snapshot!(shown(&read(PlanForm::Kubernetes, "{\"a\":")), @"unread f line 1:  is not JSON; what follows was not read");
}
