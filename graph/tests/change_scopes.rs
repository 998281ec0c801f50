//! What conditions on the items that changes touch are about.

use std::collections::BTreeSet;

use graph::{ChangeScope, Estate, Projection, Towards, items_around, items_inside};
use model::{CiId, SourceKey};

#[test]
fn scopes_go_with_the_arrow_against_it_and_inside() {
    let mut estate = Estate::default();
    for envelope in testkit::envelopes(
        "
        web -> api -> db
        cart -> api
        service:prod/a -runs_on-> host:h1 -located_in-> zone:z1
        ",
    ) {
        estate.apply(&envelope);
    }
    let view = estate.publish();
    let named = |ids: &BTreeSet<CiId>| {
        let mut keys: Vec<String> = ids.iter().map(|id| view.item(*id).unwrap().key()).collect();
        keys.sort();
        keys.join(" ")
    };
    let at = testkit::at("10:00");
    let id = |key: &str| {
        let found = view.resolve(&SourceKey::text(key), None, at);
        found.item().unwrap().id()
    };
    let around = |key: &str, towards, hops| {
        named(&items_around(&view, &[id(key)], towards, hops, at, 100).items)
    };
    let all = u32::MAX;
    assert_eq!(
        around("service:web", Towards::Providers, all),
        "service:api service:db service:web"
    );
    assert_eq!(
        around("service:web", Towards::Providers, 1),
        "service:api service:web"
    );
    assert_eq!(around("service:web", Towards::Both, 0), "service:web");
    assert_eq!(
        around("service:db", Towards::Dependents, all),
        "service:api service:cart service:db service:web"
    );
    let cut = items_around(&view, &[id("service:web")], Towards::Providers, all, at, 2);
    assert!(cut.truncated && cut.items.len() == 2);
    let inside = items_inside(&view, &[id("host:h1")], at);
    assert!(inside.items.contains(&id("host:h1")) && !inside.truncated);
    let kinds = ChangeScope::Kinds(vec!["host".to_owned()]);
    assert_eq!(kinds.items(&view, at), [id("host:h1")]);
}
