//! Calls that stop, and senders that do.

use super::windows::told_after;
use super::*;

/// A minute in which callers make so many calls each: `web api 30, web log 5`.
async fn minute(bench: &Bench, minute: usize, calls: &str) {
    let mut text = String::new();
    let at = minute * 60_000 + 1;
    for (route, calls) in calls.split(", ").enumerate() {
        let words: Vec<&str> = calls.split(' ').collect();
        let [caller, called, count] = words.as_slice() else {
            panic!("{calls}");
        };
        for call in 0..count.parse().unwrap() {
            let id = 1 + (minute * 10 + route) * 10_000 + call;
            text += &format!("{id} {caller} client @{at} +10 peer.service={called}\n");
        }
    }
    bench.spans(&text).await;
    bench.pass(60_000).await;
}

/// What is told of calls a second, minute by minute: `8 x web api 30, ...; ...`.
async fn rates_told(minutes: &str) -> String {
    let bench = Bench::new();
    let mut number = 0;
    for stretch in minutes.split("; ") {
        let (times, calls) = stretch.split_once(" x ").unwrap();
        for _ in 0..times.parse().unwrap() {
            minute(&bench, number, calls).await;
            number += 1;
        }
    }
    let told = told_after(&bench).await;
    let rates: Vec<&str> = told
        .lines()
        .filter(|line| line.contains("calls_per_second"))
        .collect();
    rates.join("\n")
}

#[tokio::test]
async fn calls_that_stop_while_their_caller_goes_on_deviate() {
    assert_eq!(
        rates_told("8 x web api 30, web log 30; 4 x web log 30").await,
        "service:web -> service:api calls_per_second 0.00 was 0.50\n\
         service:api calls_per_second 0.00 was 0.50"
    );
}

#[tokio::test]
async fn a_stop_is_told_from_its_beginning_and_again_when_it_is_over() {
    let bench = Bench::new();
    for number in 0..20 {
        let calls = match number {
            8..12 => "web log 30",
            _ => "web log 30, web api 30",
        };
        minute(&bench, number, calls).await;
    }
    told_after(&bench).await;
    let stops: Vec<String> = bench
        .events()
        .iter()
        .filter_map(|event| match &event.event {
            Event::RelationDeviated(it) => Some(it.deviation.window),
            _ => None,
        })
        .map(|window| format!("{} {}", window.from(), window.until().unwrap()))
        .collect();
    assert_eq!(
        stops,
        [
            "2026-11-20T12:08:00Z 2026-11-20T12:10:00Z",
            "2026-11-20T12:08:00Z 2026-11-20T12:12:00Z"
        ]
    );
}

#[tokio::test]
async fn one_window_without_calls_is_no_stop() {
    let told = rates_told("8 x web api 30, web log 30; 1 x web log 30; 5 x web api 30, web log 30");
    assert_eq!(told.await, "");
}

#[tokio::test]
async fn a_sender_that_is_silent_itself_makes_no_deviation() {
    let told = rates_told("8 x web api 30, batch log 30; 5 x batch log 30");
    assert_eq!(told.await, "");
    // Nor do the calls of another to the same item, which go on seldom.
    let told = rates_told("8 x web api 30, batch api 1, batch log 30; 5 x batch log 30");
    assert_eq!(told.await, "");
}

#[tokio::test]
async fn a_handful_of_calls_may_stop_unsaid() {
    let told = rates_told("8 x web api 15, web log 30; 5 x web log 30");
    assert_eq!(told.await, "");
}

#[tokio::test]
async fn what_comes_now_and_then_does_not_stop_in_between() {
    let job = "1 x web api 30, web log 30; 2 x web log 30; ".repeat(9);
    assert_eq!(rates_told(&format!("{job}2 x web log 30")).await, "");
    // Far longer than it usually pauses is a stop all the same.
    assert_eq!(
        rates_told(&format!("{job}4 x web log 30")).await,
        "service:web -> service:api calls_per_second 0.00 was 0.50\n\
         service:api calls_per_second 0.00 was 0.50"
    );
}
