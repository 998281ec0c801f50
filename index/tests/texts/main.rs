//! Texts of changes are found by words of any language, and whatever happens to the folder.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![expect(clippy::indexing_slicing, reason = "a test that panics has failed")]

mod told;
mod world;

use std::fs;
use std::path::Path;

use index::{ExactTerm, Index, TextIndex, TextQuestion};
use model::{Change, ChangeId, ChangeStatus};
use store::{EventLog, MemoryLog};
use tempfile::TempDir;

use world::{TEXTS, World, change, ids, looking_for, minute, titled};

#[test]
fn words_of_chinese_and_english_and_parts_of_identifiers_are_found() {
    let mut long = titled("e", "灰度发布");
    long.description = Some("南京市长江大桥节点切换，影响 OrderService 与支付网关".to_owned());
    let mut world = World::of(&[
        titled("a", "升级支付服务到 v2.3.1"),
        titled("b", "數據庫擴容 orders-db"),
        titled("c", "Deploy checkout_v2 to the payment gateway"),
        titled("d", "回滚支付服务"),
        long,
    ]);
    world.commit();
    let expected = [
        ("支付", "a d e"),
        ("支付服务", "a d"),
        ("支付服务 -回滚", "a"),
        ("数据库", "b"),
        ("數據庫 扩容", "b"),
        ("\"市长江\"", "e"),
        ("大桥", "e"),
        ("付网", "e"),
        ("\"付网\"", "e"),
        ("orders", "b"),
        ("order*", "b e"),
        ("orders_db", "b"),
        ("ordersdb", "b"),
        ("orderservice", "e"),
        ("service", "e"),
        ("v2", "a c"),
        ("v2.3", "a"),
        ("v2.3.1", "a"),
        ("2.3.1", ""),
        ("checkout-v2", "c"),
        ("\"payment gateway\"", "c"),
        ("\"gateway payment\"", ""),
        ("pay*", "c"),
        ("gateway OR 回滚", "c d"),
        ("(支付 OR 数据库) -title:回滚", "a b e"),
        ("title:支付", "a d"),
        ("body:支付", "e"),
        ("DEPLOY", "c"),
        ("ｏｒｄｅｒｓ", "b"),
        ("name:ci -支付", "b c"),
        ("-支付", "b c"),
        ("ci OR nothing", "a b c d e"),
        ("支付v2", "a"),
    ];
    for (query, ids) in expected {
        assert_eq!(world.search(query), ids, "{query}");
    }
}

#[test]
fn what_is_found_as_it_is_goes_by_whole_names_and_commits_by_their_beginning() {
    let mut one = titled("a", "one");
    one.category = Some("应用/发布".to_owned());
    one.code_refs = vec![model::CodeRef {
        commit: Some("0A1b2c3d4e5f".to_owned()),
        ..model::CodeRef::default()
    }];
    one.artifacts = vec![model::Artifact {
        name: "shop/web".to_owned(),
        version: Some("1.2".to_owned()),
        ..model::Artifact::default()
    }];
    let mut two = titled("b", "two");
    two.category = Some("应用".to_owned());
    let plan = ChangeId::of(&change("a").reference());
    two.links = vec![model::ChangeLink {
        kind: "part_of".to_owned(),
        change: change("a").reference(),
    }];
    let mut world = World::of(&[one, two]);
    world.commit();
    let exact = |terms: Vec<ExactTerm>| TextQuestion {
        exact: vec![terms],
        ..TextQuestion::default()
    };
    let found = |terms| world.both_ways(&exact(terms)).join(" ");
    assert_eq!(found(vec![ExactTerm::category("应用")]), "b");
    assert_eq!(
        found(vec![
            ExactTerm::category("应用/发布"),
            ExactTerm::category("应用")
        ]),
        "a b"
    );
    assert_eq!(found(vec![ExactTerm::commit("0a1B2")]), "a");
    assert_eq!(found(vec![ExactTerm::commit("a1b2")]), "");
    assert_eq!(found(vec![ExactTerm::artifact("shop/web@1.2")]), "a");
    assert_eq!(found(vec![ExactTerm::artifact("shop/web")]), "a");
    assert_eq!(found(vec![ExactTerm::artifact("shop")]), "");
    assert_eq!(found(vec![ExactTerm::part_of(plan)]), "b");
}

#[test]
fn what_a_change_became_is_found_by_the_span_of_time() {
    let at = |id: &str, status: ChangeStatus| {
        let mut change = change(id);
        change.status = Some(status);
        change
    };
    // Minutes 1 to 5.
    let mut world = World::of(&[
        at("a", ChangeStatus::Running),
        at("b", ChangeStatus::Running),
        at("a", ChangeStatus::Failed),
        at("a", ChangeStatus::Failed),
        at("b", ChangeStatus::Succeeded),
    ]);
    world.commit();
    let became = |statuses: &[ChangeStatus], from: i64, until: i64| {
        let question = TextQuestion {
            became: vec![(statuses.to_vec(), minute(from), minute(until))],
            ..TextQuestion::default()
        };
        world.both_ways(&question).join(" ")
    };
    assert_eq!(became(&[ChangeStatus::Failed], 0, 9), "a");
    assert_eq!(
        became(&[ChangeStatus::Failed], 4, 9),
        "",
        "it was so before"
    );
    assert_eq!(became(&[ChangeStatus::Running], 1, 2), "a");
    assert_eq!(
        became(&[ChangeStatus::Failed, ChangeStatus::Succeeded], 3, 6),
        "a b"
    );
}

#[test]
fn a_change_is_found_by_its_last_words_and_a_view_of_the_past_by_those_it_knew() {
    let mut world = World::of(&[titled("a", "alpha"), titled("b", "beta")]);
    let before = world.log.head();
    world.commit();
    world.say(&[titled("a", "gamma"), titled("c", "alpha")]);
    let found = |world: &World, query: &str, at| world.found(&looking_for(query), at).join(" ");
    let check = |world: &World| {
        assert_eq!(world.search("alpha"), "c");
        assert_eq!(world.search("gamma"), "a");
        assert_eq!(found(world, "alpha", before), "a");
        assert_eq!(found(world, "gamma", before), "");
        assert_eq!(found(world, "beta", before), "b");
    };
    check(&world);
    world.commit();
    check(&world);
}

#[test]
fn scores_of_one_measure_stay_as_they_are_while_others_come() {
    let mut world = World::of(&[
        titled("a", "deploy checkout"),
        titled("b", "checkout checkout"),
        titled("c", "deploy the checkout of the shop in Berlin"),
    ]);
    world.commit();
    let mut question = looking_for("checkout");
    question.scored = true;
    let scores = |world: &World, question: &TextQuestion| {
        let head = world.log.head();
        let view = world.view(head);
        let state = world.texts.reader().state();
        let unseen = world.beside(head, None).into_iter();
        let unseen = unseen.filter(|(_, said)| state.position() < said[0].position);
        let found = state
            .find(question, &view, &unseen.collect::<Vec<_>>())
            .unwrap();
        let mut scores: Vec<(String, f32)> = found
            .scores
            .iter()
            .map(|(number, score)| {
                let change = view.change_numbered(*number);
                (change.source_id().to_owned(), *score)
            })
            .collect();
        scores.sort_by(|one, other| one.0.cmp(&other.0));
        (scores, found.statistics)
    };
    let (first, statistics) = scores(&world, &question);
    assert!(
        first[2].1 < first[0].1 && first[0].1 < first[1].1,
        "{first:?}"
    );
    question.statistics = statistics;
    world.say(&[titled("d", "checkout"), titled("e", "other words")]);
    let (then, _) = scores(&world, &question);
    assert_eq!(first, then[..3]);
    world.commit();
    let (committed, _) = scores(&world, &question);
    assert_eq!(then, committed, "written or not");
    question.statistics = None;
    assert_ne!(scores(&world, &question).0[0], then[0], "by a new measure");
}

/// What a full text over a folder finds once it has caught up, and how many events that took.
fn caught_up(folder: &Path, log: &MemoryLog, index: &Index) -> (TextIndex, u64) {
    let mut texts = TextIndex::new(folder, TEXTS);
    let mut taken = 0;
    loop {
        let step = texts.step(log, &index.reader()).unwrap();
        taken += step.reached.number() - step.from.number();
        if step.head <= step.reached {
            texts.commit().unwrap();
            assert_eq!(texts.reader().position(), log.head());
            return (texts, taken);
        }
    }
}

fn count(texts: &TextIndex, world: &World, query: &str) -> usize {
    let view = world.view(world.log.head());
    ids(&texts.reader(), &looking_for(query), &view, &[]).len()
}

#[test]
fn whatever_happens_to_the_folder_all_is_found_again() {
    let many: Vec<Change> = (0..300)
        .map(|number| titled(&number.to_string(), "deploy checkout"))
        .collect();
    let world = World::of(&many);
    let folder = TempDir::new().unwrap();
    let folder = folder.path().join("texts");
    let (texts, taken) = caught_up(&folder, &world.log, &world.index);
    assert_eq!((taken, count(&texts, &world, "checkout")), (300, 300));
    texts.close().unwrap();

    let (texts, taken) = caught_up(&folder, &world.log, &world.index);
    assert_eq!((taken, count(&texts, &world, "checkout")), (0, 300), "kept");
    drop(texts);
    let (texts, taken) = caught_up(&folder, &world.log, &world.index);
    assert_eq!(
        (taken, count(&texts, &world, "checkout")),
        (0, 300),
        "not closed, but whole"
    );
    drop(texts);

    let largest = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap();
    let mut bytes = fs::read(&largest).unwrap();
    bytes[3] ^= 0x40;
    fs::write(&largest, bytes).unwrap();
    let (texts, taken) = caught_up(&folder, &world.log, &world.index);
    assert_eq!(
        (taken, count(&texts, &world, "checkout")),
        (300, 300),
        "a flipped bit"
    );
    drop(texts);

    fs::write(folder.join("meta.json"), b"{}").unwrap();
    let (texts, taken) = caught_up(&folder, &world.log, &world.index);
    assert_eq!(
        (taken, count(&texts, &world, "checkout")),
        (300, 300),
        "no sense"
    );
    drop(texts);

    fs::remove_dir_all(&folder).unwrap();
    let (texts, taken) = caught_up(&folder, &world.log, &world.index);
    assert_eq!(
        (taken, count(&texts, &world, "checkout")),
        (300, 300),
        "nothing left"
    );
    texts.close().unwrap();

    let other = World::of(&[titled("x", "another log")]);
    let (texts, taken) = caught_up(&folder, &other.log, &other.index);
    assert_eq!(taken, 1, "of another log, and ahead of this one");
    assert_eq!(count(&texts, &other, "checkout"), 0);
    assert_eq!(count(&texts, &other, "another"), 1);
}
