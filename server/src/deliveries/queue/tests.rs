use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_nanos(second * 1_000_000_000)
}

fn place(number: u64) -> LogPosition {
    LogPosition::new(number)
}

/// A queue of `position: items`, everything due.
fn queue(notices: &[(u64, &[u64])]) -> Queue {
    let mut queue = Queue::default();
    for (position, items) in notices {
        queue.add(Waiting::new(place(*position), items.to_vec(), at(0)));
    }
    queue
}

fn ready(queue: &Queue, second: i64, sent: &[u64]) -> Vec<u64> {
    let sent = sent.iter().map(|it| place(*it)).collect();
    let ready = queue.ready(at(second), &sent);
    ready.iter().map(|it| it.number()).collect()
}

#[test]
fn notices_of_one_item_go_one_after_another_and_others_pass_them() {
    let mut queue = queue(&[(1, &[1]), (2, &[1, 2]), (3, &[2]), (4, &[3])]);
    assert_eq!(ready(&queue, 0, &[]), [1, 4]);
    assert_eq!(ready(&queue, 0, &[1]), [4]);
    queue.fail(place(1), at(0), |_| Some(at(60)));
    assert_eq!(
        ready(&queue, 0, &[]),
        [4],
        "what comes after it waits with it"
    );
    assert_eq!(queue.next_due(at(0)), Some(at(60)));
    queue.settle(place(4));
    assert_eq!(ready(&queue, 1, &[]), [0; 0]);
    queue.hasten(at(1));
    assert_eq!(ready(&queue, 1, &[]), [1]);
    queue.settle(place(1));
    assert_eq!(ready(&queue, 1, &[]), [2]);
    queue.settle(place(2));
    assert_eq!(ready(&queue, 1, &[]), [3]);
}

#[test]
fn a_notice_of_very_many_items_is_alone() {
    let many: Vec<u64> = (0..100).collect();
    let mut queue = queue(&[(1, &[1_000]), (2, &many), (3, &[2_000])]);
    assert_eq!(ready(&queue, 0, &[]), [1]);
    queue.settle(place(1));
    assert_eq!(ready(&queue, 0, &[]), [2]);
    assert_eq!(ready(&queue, 0, &[2]), [0; 0]);
    queue.settle(place(2));
    assert_eq!(ready(&queue, 0, &[]), [3]);
}

#[test]
fn what_is_given_up_lets_others_go_and_is_remembered() {
    let mut queue = queue(&[(1, &[1]), (2, &[1])]);
    let once = queue.fail(place(1), at(0), |_| Some(at(5)));
    assert_eq!(once.map(|it| (it.attempts, it.given_up)), Some((1, false)));
    let twice = queue.fail(place(1), at(5), |_| None);
    assert_eq!(twice.map(|it| (it.attempts, it.given_up)), Some((2, true)));
    assert_eq!(ready(&queue, 5, &[]), [2]);
    assert_eq!(queue.dead.len(), 1);
    assert_eq!(queue.failing_since, Some(at(0)));
}

#[test]
fn what_waits_is_due_at_once_when_it_was_declared_anew() {
    let mut queue = queue(&[(1, &[1])]);
    queue.begin(place(1), at(0));
    queue.fail(place(1), at(0), |_| Some(at(60)));
    queue.begin(place(1), at(1));
    assert_eq!(ready(&queue, 1, &[]), [0; 0]);
    assert_eq!(queue.failing_since, Some(at(0)));
    queue.begin(place(9), at(1));
    assert_eq!(ready(&queue, 1, &[]), [1]);
    assert_eq!(queue.failing_since, None);
}

#[test]
fn what_is_urgent_passes_what_is_not_and_keeps_its_own_order() {
    let mut queue = queue(&[(1, &[1]), (4, &[1])]);
    queue.add(Waiting::new(place(2), vec![1], at(0)).at_once());
    queue.add(Waiting::new(place(3), vec![1], at(0)).at_once());
    assert_eq!(ready(&queue, 0, &[]), [1, 2]);
    let mut only = queue.ready(at(0), &BTreeSet::new());
    queue.retain_urgent(&mut only);
    assert_eq!(only, [place(2)]);
    queue.settle(place(1));
    queue.settle(place(2));
    assert_eq!(ready(&queue, 0, &[]), [3], "the last one waits for it");
}

#[test]
fn what_gathers_is_one_notice_when_its_time_has_come() {
    let every = Digest::EveryMs(60_000);
    let mut queue = Queue::default();
    let close = |queue: &mut Queue, second: i64, sent: &[u64]| {
        let sent = sent.iter().map(|it| place(*it)).collect();
        queue.close_digest(Some(&every), &sent, at(second))
    };
    assert_eq!(close(&mut queue, 0, &[]), None);
    queue.gather(place(3), at(10));
    queue.gather(place(5), at(20));
    assert_eq!(close(&mut queue, 69, &[]), Some(at(70)));
    assert_eq!(close(&mut queue, 70, &[5]), Some(at(71)), "5 is under way");
    assert_eq!(close(&mut queue, 71, &[]), None);
    assert_eq!(ready(&queue, 71, &[]), [5]);
    queue.gather(place(6), at(80));
    assert_eq!(queue.close_digest(None, &BTreeSet::new(), at(80)), None);
    assert_eq!(ready(&queue, 80, &[]), [5], "one after another");
    queue.settle(place(5));
    assert_eq!(ready(&queue, 80, &[]), [6]);
    queue.again(place(5), vec![1], at(90));
    let again = queue.find(place(5)).unwrap();
    assert!(again.urgent, "somebody asked for it");
    let listed = again.digest.as_ref().map(|it| it.positions.clone());
    assert_eq!(listed, Some(vec![place(3), place(5)]));
}

#[test]
fn going_back_keeps_of_a_digest_what_is_not_read_again() {
    let mut queue = Queue::default();
    for number in [3, 5, 7] {
        queue.gather(place(number), at(0));
    }
    queue.close_digest(None, &BTreeSet::new(), at(0));
    queue.gather(place(8), at(0));
    queue.urgent_to = Some(place(9));
    queue.rewind(place(5));
    let left = queue.find(place(5)).and_then(|it| it.digest.clone());
    assert_eq!(left.map(|it| it.positions), Some(vec![place(3), place(5)]));
    assert_eq!((queue.waiting.len(), queue.gathering), (1, None));
    assert_eq!(queue.urgent_to, Some(place(5)));
}

#[test]
fn going_back_forgets_what_comes_again() {
    let mut queue = queue(&[(3, &[1]), (7, &[1]), (9, &[2])]);
    queue.read_to = place(10);
    queue.fail(place(7), at(0), |_| None);
    queue.rewind(place(5));
    assert_eq!(queue.read_to, place(5));
    assert_eq!(queue.waiting.len(), 1);
    assert!(queue.dead.is_empty());
    queue.add(Waiting::new(place(3), vec![1], at(0)));
    assert_eq!(queue.waiting.len(), 1, "each once");
}

#[test]
fn whoever_is_late_stands_in_nobodys_way_and_fills_no_queue() {
    let mut queue = queue(&[(1, &[1]), (2, &[1])]);
    let done = |was_taken| Done {
        addresses: vec!["a".to_owned()],
        was_taken,
    };
    queue.done(place(1), done(false));
    queue.fail(place(1), at(0), |_| Some(at(60)));
    assert_eq!(ready(&queue, 0, &[]), [0; 0], "nobody has it");
    assert!(queue.is_full(2));
    queue.done(place(1), done(true));
    assert_eq!(ready(&queue, 0, &[]), [2]);
    assert!(!queue.is_full(2));
    assert_eq!(ready(&queue, 60, &[]), [1, 2]);
    for number in 3..=504 {
        queue.add(Waiting::new(place(number), vec![number], at(0)));
        queue.done(place(number), done(true));
    }
    assert_eq!(queue.waiting.len(), 501, "and the second, which nobody has");
    let dead: Vec<u64> = queue.dead.iter().map(|it| it.position.number()).collect();
    assert_eq!(dead, [1, 3, 4]);
}
