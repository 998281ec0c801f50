//! Objects in, statements out.

use model::{LogPosition, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::known::KnownFuture;
use crate::kubernetes::resources::RESOURCES;
use crate::kubernetes::wire::{self, Line};

/// An estate that knows what a test says it knows.
#[derive(Default)]
struct Before(HashMap<LogPosition, ObservedItem>);

impl Known for Before {
    fn name_of(&self, key: &SourceKey) -> CiId {
        CiId::of(&model::Claim::new("key", key.to_string()))
    }

    fn stated_by<'a>(&'a self, _: &'a SourceName) -> KnownFuture<'a> {
        Box::pin(async { Ok(Stated::default()) })
    }

    fn calendar(&self) -> crate::CalendarFuture<'_> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn observation(&self, position: LogPosition) -> Option<ObservedItem> {
        self.0.get(&position).cloned()
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_millis(second * 1_000)
}

fn cluster() -> Cluster {
    Cluster::new(
        SourceName::new("kubernetes/eu1"),
        wire::surroundings("eu1", Some("prod")),
        Arc::new(Before::default()),
        Scope::all(&[]),
    )
}

fn read(kind: &'static str, object: &Value) -> Seen {
    let text = json!({ "type": "ADDED", "object": object }).to_string();
    let around = wire::surroundings("eu1", Some("prod"));
    match wire::line(text.as_bytes(), kind, &around) {
        Line::Changed(seen, _) => seen,
        other => panic!("{other:?}"),
    }
}

/// Reads every list, the named ones with objects in them.
fn list(cluster: &mut Cluster, objects: &[(&'static str, Value)]) {
    for (number, resource) in RESOURCES.iter().enumerate() {
        cluster.begin_list(number);
        let of_kind = objects.iter().filter(|(kind, _)| *kind == resource.kind);
        cluster.page(
            number,
            of_kind.map(|(kind, object)| read(kind, object)).collect(),
        );
        cluster.end_list(number);
    }
}

fn start(objects: &[(&'static str, Value)], stated: Stated) -> (Cluster, Vec<String>) {
    let mut cluster = cluster();
    list(&mut cluster, objects);
    assert!(cluster.waits_for_stated());
    cluster.start(stated);
    let said = said(&mut cluster, 100);
    (cluster, said)
}

/// What is said of items now: the tag and the key of each event.
fn said(cluster: &mut Cluster, second: i64) -> Vec<String> {
    let events = all(cluster, second);
    let of_items = events
        .iter()
        .filter(|event| !matches!(event.event, Event::ChangeRecorded(_)));
    of_items.map(|event| shown(&event.event)).collect()
}

fn all(cluster: &mut Cluster, second: i64) -> Vec<NewEvent> {
    let mut events = Vec::new();
    loop {
        let more = cluster.events(at(second), 10);
        if more.is_empty() {
            return events;
        }
        events.extend(more);
    }
}

fn shown(event: &Event) -> String {
    let tag = event.tag().0;
    match event {
        Event::ItemObserved(item) => format!("{tag} {}", item.key),
        Event::ItemRetired(retired) => format!("{tag} {}", retired.key),
        Event::SourceListed(listed) => format!("{tag} {}", listed.listed),
        other => format!("{tag} {other:?}"),
    }
}

fn pod(name: &str, node: &str) -> (&'static str, Value) {
    let object = json!({
        "metadata": { "name": name, "namespace": "shop", "uid": format!("uid-{name}"),
            "creationTimestamp": "2026-11-20T10:00:00Z", "resourceVersion": "1" },
        "spec": { "nodeName": node },
    });
    ("Pod", object)
}

fn node(name: &str, machine: &str) -> (&'static str, Value) {
    let object = json!({
        "metadata": { "name": name, "uid": format!("uid-{name}"), "creationTimestamp": "2026-11-20T09:00:00Z" },
        "status": { "nodeInfo": { "machineID": machine } },
    });
    ("Node", object)
}

fn service(name: &str) -> (&'static str, Value) {
    let object = json!({ "metadata": { "name": name, "namespace": "shop" },
        "spec": { "selector": { "app": name } } });
    ("Service", object)
}

fn deployment(name: &str, telemetry: &str) -> (&'static str, Value) {
    let labels = json!({ "app": name });
    let container =
        json!({ "image": "a", "env": [{ "name": "OTEL_SERVICE_NAME", "value": telemetry }] });
    let object = json!({ "metadata": { "name": name, "namespace": "shop" },
        "spec": { "template": { "metadata": { "labels": labels }, "spec": { "containers": [container] } } } });
    ("Deployment", object)
}

fn item_of(events: &[NewEvent], key: &str) -> ObservedItem {
    let mut items = events.iter().rev().filter_map(|event| match &event.event {
        Event::ItemObserved(item) if item.key.to_string() == key => Some(item.clone()),
        _ => None,
    });
    items
        .next()
        .unwrap_or_else(|| panic!("no word about {key}"))
}

#[test]
fn nothing_is_said_before_every_list_was_read() {
    let mut cluster = cluster();
    cluster.begin_list(2);
    cluster.page(2, vec![read("Pod", &pod("a", "n").1)]);
    cluster.end_list(2);
    assert!(!cluster.waits_for_stated());
    assert_eq!(said(&mut cluster, 1), Vec::<String>::new());
}

#[test]
fn a_list_that_is_read_again_says_nothing() {
    let objects = [
        node("n", "m"),
        pod("a", "n"),
        service("web"),
        deployment("web", "web"),
    ];
    let (mut cluster, first) = start(&objects, Stated::default());
    assert!(
        first.contains(&"item.observed pod:prod/shop/a".to_owned()),
        "{first:?}"
    );
    for _ in 0..3 {
        list(&mut cluster, &objects);
        assert_eq!(said(&mut cluster, 200), Vec::<String>::new());
    }
}

#[test]
fn what_is_missing_from_a_list_read_again_is_gone() {
    let (mut cluster, _) = start(&[pod("a", "n"), pod("b", "n")], Stated::default());
    list(&mut cluster, &[pod("b", "n"), pod("c", "n")]);
    assert_eq!(
        said(&mut cluster, 200),
        [
            "item.retired pod:prod/shop/a",
            "item.observed pod:prod/shop/c"
        ]
    );
}

#[test]
fn what_was_stated_before_a_start_is_compared() {
    let (_, first) = start(&[pod("a", "n")], Stated::default());
    assert_eq!(first.len(), 2, "{first:?}");
    let known = Before::default();
    let stated = |name: &str, digest: u64| {
        let key = SourceKey::text(format!("pod:prod/shop/{name}"));
        let item = StatedItem {
            key: key.clone(),
            digest,
            position: LogPosition::new(1),
            is_ended: false,
            is_open: true,
        };
        (known.name_of(&key), item)
    };
    let same = read("Pod", &pod("a", "n").1).items[0].digest();
    let before = Stated {
        listed_at: Some(at(50)),
        items: [stated("a", same), stated("b", 2), stated("c", 3)].into(),
    };
    let (_, said) = start(&[pod("a", "n"), pod("b", "n")], before);
    assert_eq!(
        said,
        [
            "item.observed pod:prod/shop/b",
            "item.retired pod:prod/shop/c",
            "source.listed 2"
        ]
    );
}

#[test]
fn another_cluster_under_the_same_name_ends_nothing() {
    let items = (0..100).map(|number| {
        let key = SourceKey::text(format!("pod:prod/shop/p{number}"));
        let item = StatedItem {
            key: key.clone(),
            digest: number,
            position: LogPosition::new(1),
            is_ended: false,
            is_open: true,
        };
        (Before::default().name_of(&key), item)
    });
    let stated = Stated {
        listed_at: None,
        items: items.collect(),
    };
    let (cluster, said) = start(&[pod("a", "n")], stated);
    assert_eq!(said, ["item.observed pod:prod/shop/a", "source.listed 1"]);
    assert_eq!(cluster.counts.held_back, 100);
}

#[test]
fn a_list_that_may_not_be_read_ends_nothing_of_its_kind() {
    let mut cluster = cluster();
    list(&mut cluster, &[pod("a", "n")]);
    cluster.refuse(12);
    let key = SourceKey::text("secret:prod/shop/db");
    let item = StatedItem {
        key: key.clone(),
        digest: 1,
        position: LogPosition::new(1),
        is_ended: false,
        is_open: true,
    };
    let items = HashMap::from([(cluster.known.name_of(&key), item)]);
    cluster.start(Stated {
        listed_at: None,
        items,
    });
    assert_eq!(
        said(&mut cluster, 1),
        ["item.observed pod:prod/shop/a", "source.listed 1"]
    );
    cluster.begin_list(12);
    cluster.end_list(12);
    assert_eq!(said(&mut cluster, 2), ["item.retired secret:prod/shop/db"]);
}

#[test]
fn what_several_objects_tell_is_one_statement() {
    let objects = [deployment("web", "shop"), deployment("worker", "shop")];
    let (mut cluster, _) = start(&objects, Stated::default());
    cluster.forget(&read("Deployment", &deployment("worker", "shop").1).id);
    let events = all(&mut cluster, 200);
    let shop = item_of(&events, "service:prod/shop");
    assert_eq!(shop.relations.unwrap().relations.len(), 1);
    let gone = events
        .iter()
        .find(|event| matches!(event.event, Event::ItemRetired(_)));
    assert_eq!(
        shown(&gone.unwrap().event),
        "item.retired deployment:prod/shop/worker"
    );
}

#[test]
fn a_service_routes_to_what_it_selects_and_no_longer_does() {
    let (mut cluster, _) = start(&[service("web")], Stated::default());
    let (kind, object) = deployment("web", "w");
    cluster.see(read(kind, &object));
    let events = all(&mut cluster, 200);
    let web = item_of(&events, "service:prod/shop/web");
    let routes = web.relations.unwrap().relations;
    assert_eq!(routes[0].provider.to_string(), "deployment:prod/shop/web");
    cluster.forget(&read(kind, &object).id);
    let events = all(&mut cluster, 201);
    let web = item_of(&events, "service:prod/shop/web");
    assert_eq!(web.relations.unwrap().relations, []);
}

#[test]
fn a_machine_id_of_two_nodes_names_neither_until_one_is_gone() {
    let (mut cluster, _) = start(&[node("n1", "cloned")], Stated::default());
    let claims = |item: ObservedItem| {
        let of_machine = item.claims.iter().filter(|claim| claim.value == "cloned");
        of_machine.count()
    };
    cluster.see(read("Node", &node("n2", "cloned").1));
    let events = all(&mut cluster, 200);
    assert_eq!(claims(item_of(&events, "node:prod/n1")), 0);
    assert_eq!(claims(item_of(&events, "node:prod/n2")), 0);
    let first = item_of(&events, "node:prod/n1");
    let back = first.taken_back.expect("it was said before");
    assert!(back.names.iter().all(|name| name.value == "cloned"));
    cluster.forget(&read("Node", &node("n1", "cloned").1).id);
    let events = all(&mut cluster, 201);
    assert_eq!(claims(item_of(&events, "node:prod/n2")), 2);
}

#[test]
fn what_is_no_longer_said_is_taken_back_even_after_an_end() {
    let (mut cluster, _) = start(&[pod("a", "n")], Stated::default());
    cluster.forget(&read("Pod", &pod("a", "n").1).id);
    assert_eq!(said(&mut cluster, 200), ["item.retired pod:prod/shop/a"]);
    cluster.see(read("Pod", &pod("a", "").1));
    let events = all(&mut cluster, 201);
    let again = item_of(&events, "pod:prod/shop/a");
    assert_eq!(again.attributes["k8s.node.name"], Value::Null);
    assert_eq!(again.relations.unwrap().relations, []);
    // The same word once more is no news.
    cluster.see(read("Pod", &pod("a", "").1));
    assert_eq!(said(&mut cluster, 202), Vec::<String>::new());
}

#[test]
fn events_of_one_moment_and_of_a_clock_set_back_keep_their_order() {
    let (mut cluster, _) = start(
        &[],
        Stated {
            listed_at: Some(at(500)),
            ..Stated::default()
        },
    );
    let mut last = at(500);
    for second in [100, 100, 50] {
        cluster.see(read(
            "Pod",
            &pod(&format!("p{second}"), &format!("n{last}")).1,
        ));
        for event in all(&mut cluster, second) {
            assert!(last < event.occurred.at());
            last = event.occurred.at();
        }
    }
}

#[test]
fn what_somebody_decided_anew_is_a_change_and_a_writing_that_decided_nothing_is_none() {
    let of_version = |version: &str, image: &str| {
        let (kind, mut object) = deployment("a", "a");
        object["metadata"]["resourceVersion"] = version.into();
        object["metadata"]["uid"] = "u1".into();
        object["spec"]["template"]["spec"]["containers"][0]["name"] = "c".into();
        object["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
        (kind, object)
    };
    let mut cluster = cluster();
    list(&mut cluster, &[of_version("1", "r/a:1")]);
    cluster.start(Stated::default());
    let told = |cluster: &mut Cluster| {
        let events = all(cluster, 200).into_iter();
        let changes = events.filter_map(|event| match event.event {
            Event::ChangeRecorded(change) => {
                Some(format!("{} {}", change.source_id, change.title.unwrap()))
            }
            _ => None,
        });
        changes.collect::<Vec<_>>().join("; ")
    };
    assert_eq!(told(&mut cluster), "", "what was there first");
    let (kind, same) = of_version("2", "r/a:1");
    cluster.see(read(kind, &same));
    assert_eq!(told(&mut cluster), "");
    let (kind, other) = of_version("3", "r/a:2");
    cluster.see(read(kind, &other));
    assert_eq!(
        told(&mut cluster),
        "u1@3 deployment shop/a: containers[c].image r/a:1 -> r/a:2"
    );
    let id = read(kind, &other).id;
    cluster.forget(&id);
    assert_eq!(told(&mut cluster), "u1@deleted deployment shop/a deleted");
    cluster.see(read(kind, &other));
    assert_eq!(told(&mut cluster), "u1@3 deployment shop/a created");
}
