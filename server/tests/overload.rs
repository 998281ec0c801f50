//! More spans than the binary can take: senders are told to come again, memory stays flat, and
//! who comes again loses nothing.
//!
//! `LOAD_SERVICES` and `LOAD_SECONDS` make it long.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

mod plain;
mod serving;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serving::Serving;
use testkit::{Fleet, export_request};

/// Trips of one request, and the spans of a trip.
const TRIPS: u64 = 300;
const SPANS_OF_A_TRIP: u64 = 6;
/// Senders that do not wait, however often they are told to.
const RUDE: u64 = 40;
/// What memory may differ by while the server is overrun: bodies in flight, connections, and what an allocator keeps.
const SLACK_MIB: u64 = 48;

/// Bounds that a few seconds fill.
const SETTINGS: &str = "
[ingest]
bodies_in_flight_bytes = 2097152
body_bytes = 1048576
[otlp]
decoding_at_once = 1
open_spans_max = 20000
window_ms = 2000
grace_ms = 1000
pairing_ms = 1000
";

fn setting(name: &str, otherwise: u64) -> u64 {
    let stated = std::env::var(name).ok();
    stated.map_or(otherwise, |text| text.parse().unwrap())
}

fn body(fleet: Fleet, batch: u64) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = u64::try_from(now.as_nanos()).unwrap();
    let trips = batch * TRIPS..(batch + 1) * TRIPS;
    let spans: Vec<_> = trips.flat_map(|trip| fleet.trip(trip, now)).collect();
    export_request(&spans)
}

/// What senders met.
#[derive(Default)]
struct Met {
    batches: AtomicU64,
    taken: AtomicU64,
    told_to_wait: AtomicU64,
}

/// Sends one body: whether it was taken, or the seconds after which to come again.
async fn send(client: &reqwest::Client, url: &str, body: Vec<u8>, met: &Met) -> Option<u64> {
    let request = client.post(url).body(body);
    let request = request.header("content-type", "application/x-protobuf");
    let response = request.send().await.unwrap();
    match response.status().as_u16() {
        200 => {
            met.taken.fetch_add(1, Ordering::Relaxed);
            None
        }
        status => {
            assert!(status == 429 || status == 503, "{status}");
            met.told_to_wait.fetch_add(1, Ordering::Relaxed);
            let seconds = response.headers()["retry-after"].to_str().unwrap();
            Some(seconds.parse().unwrap())
        }
    }
}

/// Lets senders send for a while; polite ones wait when they are told to.
async fn drive(url: &str, fleet: Fleet, senders: u64, seconds: u64, met: &Arc<Met>) {
    let until = Instant::now() + Duration::from_secs(seconds);
    let sending = (0..senders).map(|_| {
        let (url, met) = (url.to_owned(), Arc::clone(met));
        tokio::spawn(async move {
            let client = plain::client();
            while Instant::now() < until {
                let batch = met.batches.fetch_add(1, Ordering::Relaxed);
                let body = body(fleet, batch);
                // Rude senders leave no pause.
                while Instant::now() < until
                    && send(&client, &url, body.clone(), &met).await.is_some()
                {}
            }
        })
    });
    for sender in sending.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
}

fn resident_mib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.unwrap().split_whitespace().next().unwrap();
    kib.parse::<u64>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_stays_flat_when_senders_do_not_wait_and_who_waits_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.toml");
    fs::write(&settings, SETTINGS).unwrap();
    let settings = settings.to_str().unwrap();
    let data = folder.path().join("data");
    let mut serving = Serving::with(&data, &["--config", settings]);
    let url = format!("{}/v1/traces", serving.http);
    let fleet = Fleet::new(setting("LOAD_SERVICES", 200));
    let seconds = setting("LOAD_SECONDS", 4);

    // One sender at a time is what can be taken; it fills every table.
    let alone = Arc::new(Met::default());
    drive(&url, fleet, 1, seconds, &alone).await;
    let before = resident_mib(serving.child.id());
    let overrun = Arc::new(Met::default());
    overrun.batches.store(1 << 40, Ordering::Relaxed);
    drive(&url, fleet, RUDE, 2 * seconds, &overrun).await;
    let after = resident_mib(serving.child.id());

    let [alone_taken, taken, refused] = [&alone.taken, &overrun.taken, &overrun.told_to_wait]
        .map(|count| count.load(Ordering::Relaxed));
    println!(
        "{} spans a second alone; overrun: {taken} requests taken, {refused} told to wait; {before} MiB, then {after}",
        alone_taken * TRIPS * SPANS_OF_A_TRIP / seconds
    );
    assert!(0 < refused, "nobody was told to wait");
    assert!(after <= before + SLACK_MIB, "{before} MiB, then {after}");

    // Who comes again when asked to is taken in the end.
    let client = plain::client();
    let last = body(fleet, 1 << 41);
    let polite = Met::default();
    while let Some(wait) = send(&client, &url, last.clone(), &polite).await {
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
    let metrics = format!("{}/metrics", serving.http);
    let metrics = client.get(metrics).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let counted = |name: &str| -> u64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name}in {metrics}"))
            .trim()
            .parse()
            .unwrap()
    };
    // Every request that was answered with success is in the sums, and no other one.
    let requests = alone_taken + taken + 1;
    let spans = requests * TRIPS * SPANS_OF_A_TRIP;
    assert_eq!(counted("otlp_spans_total "), spans);
    assert_eq!(
        counted("otlp_refused_requests_total{reason=\"busy\"} "),
        refused + polite.told_to_wait.load(Ordering::Relaxed)
    );
    // It ends in order, and begins again.
    serving.signal("-TERM");
    assert!(serving.child.wait().unwrap().success());
    drop(Serving::over(&data));
}
