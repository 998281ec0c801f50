//! When windows close and what they say.

use super::*;

pub(super) async fn traffic(bench: &Bench, minute: i64, calls: u64, failed: u64, length_ms: u64) {
    let mut text = String::new();
    for n in 0..calls {
        let id = 1 + minute as u64 * 100_000 + n;
        let mark = if n < failed { "!" } else { "" };
        let at = minute * 60_000 + 1;
        text += &format!("{id} web client @{at} +{length_ms} {mark} peer.service=api\n");
    }
    bench.spans(&text).await;
    bench.pass(60_000).await;
}

pub(super) async fn told_after(bench: &Bench) -> String {
    bench.pass(30_000).await;
    bench.pass(60_000).await;
    bench.told()
}

#[tokio::test]
async fn a_window_is_told_a_grace_after_its_end() {
    let bench = Bench::new();
    bench.spans("1 web client peer.service=api").await;
    bench.pass(79_999).await;
    assert_eq!(bench.told(), "");
    bench.pass(1).await;
    assert_eq!(bench.told(), "service:web calls service:api x1 OneSided");
}

#[tokio::test]
async fn spans_of_the_past_are_told_as_of_their_time() {
    let bench = Bench::new();
    bench
        .spans("1 web client @-86400000000 peer.service=api")
        .await;
    bench.pass(80_000).await;
    let events = bench.events();
    let Event::CallsObserved(observed) = &events[0].event else {
        panic!("{events:?}");
    };
    assert_eq!(observed.window.from().to_string(), "2024-02-24T12:00:00Z");
    assert_eq!(events[0].occurred_at, observed.window.from());
}

#[tokio::test]
async fn spans_later_than_their_window_make_a_further_part_of_it() {
    let bench = Bench::new();
    bench.spans("1 web client peer.service=api").await;
    bench.pass(80_000).await;
    bench.spans("2 web client peer.service=late").await;
    bench.pass(80_000).await;
    assert_eq!(
        bench.told(),
        "service:web calls service:api x1 OneSided\nservice:web calls service:late x1 OneSided"
    );
    let events = bench.events();
    assert_ne!(events[0].id, events[1].id);
    assert_eq!(events[0].occurred_at, events[1].occurred_at);
}

#[tokio::test]
async fn what_stays_the_same_is_told_once_per_summary() {
    let bench = Bench::new();
    for minute in 0..31 {
        traffic(&bench, minute, 30, 0, 10).await;
    }
    let text = told_after(&bench).await;
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[tokio::test]
async fn what_differs_is_told_at_once_and_as_a_deviation() {
    let bench = Bench::new();
    for minute in 0..8 {
        traffic(&bench, minute, 30, 0, 10).await;
    }
    traffic(&bench, 8, 30, 15, 10).await;
    traffic(&bench, 9, 30, 15, 80).await;
    let text = told_after(&bench).await;
    assert_eq!(
        text,
        "service:web calls service:api x30 OneSided\n\
         service:web calls service:api x30 !15 OneSided\n\
         service:web -> service:api error_rate 0.50 was 0.00\n\
         service:api error_rate 0.50 was 0.00\n\
         service:web calls service:api x30 !15 OneSided\n\
         service:web -> service:api latency_p90_ms 80.00 was 10.00\n\
         service:api latency_p90_ms 80.00 was 10.00"
    );
}

#[tokio::test]
async fn a_start_tells_what_was_not_observed_since_the_last_written_window() {
    let folder = tempfile::tempdir().unwrap();
    let with_cursor = || OtlpConfig {
        cursor: Some(folder.path().join("otlp.cursor")),
        ..config()
    };
    let first = Bench::with(with_cursor());
    let stop = tokio_stop();
    let running = tokio::spawn(first.otlp.clone().run(stop.1));
    first.spans("1 web client peer.service=api").await;
    stop.0.send(()).unwrap();
    running.await.unwrap();
    assert_eq!(first.told(), "service:web calls service:api x1 OneSided");

    let second = Bench::with(with_cursor());
    second.clock.0.fetch_add(3_600_000, Ordering::SeqCst);
    let stop = tokio_stop();
    let running = tokio::spawn(second.otlp.clone().run(stop.1));
    stop.0.send(()).unwrap();
    running.await.unwrap();
    assert_eq!(
        second.told(),
        "nothing from 2026-11-20T12:00:00Z to 2026-11-20T13:00:00Z"
    );
}

fn tokio_stop() -> (
    tokio::sync::oneshot::Sender<()>,
    impl Future<Output = ()> + Send,
) {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    (sender, async {
        let _ = receiver.await;
    })
}
