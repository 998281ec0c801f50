//! Drives a running server with the spans of a fleet, over OTLP by HTTP and by gRPC.
//!
//! It is bounded, talks to loopback only unless told otherwise, waits where the server asks for it,
//! and says what was taken, how often it was told to come again, and how much memory the server holds.

#![expect(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a load generator stamps its spans and prints its result"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use benches::{Exporter, Row};
use clap::Parser;
use testkit::{Fleet, export_request};
use tonic::{Code, Status};

/// Trips of one request: 510 spans.
const TRIPS: u64 = 85;
const SPANS_OF_A_TRIP: u64 = 6;

/// Send the spans of a fleet to a running server.
#[derive(Clone, Debug, Parser)]
struct Flags {
    /// Where OTLP over HTTP listens
    #[arg(long, default_value = "127.0.0.1:4318")]
    http: SocketAddr,
    /// Where OTLP over gRPC listens; half of the connections use it
    #[arg(long)]
    grpc: Option<SocketAddr>,
    /// Services of the fleet
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(3..=10_000))]
    services: u64,
    /// Connections
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=256))]
    connections: u64,
    /// For how long
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Most spans a second of all connections; as many as go with 0
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// Come again at once, whatever the server asks
    #[arg(long)]
    rude: bool,
    /// The server's process, whose memory is told
    #[arg(long)]
    pid: Option<u32>,
    /// Send to other addresses than loopback too
    #[arg(long)]
    anywhere: bool,
}

/// What became of requests.
#[derive(Debug, Default)]
struct Counts {
    taken: AtomicU64,
    told_to_wait: AtomicU64,
    failed: AtomicU64,
}

/// What a server said to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Taken,
    ComeAgain(Duration),
    Failed,
}

#[tokio::main]
async fn main() {
    let flags = Flags::parse();
    let addresses = [Some(flags.http), flags.grpc];
    let elsewhere = |address: &SocketAddr| !address.ip().is_loopback();
    if let Some(address) = addresses.into_iter().flatten().find(elsewhere)
        && !flags.anywhere
    {
        println!("{address} is not on this machine; --anywhere sends there all the same");
        std::process::exit(2);
    }
    let counts = Arc::new(Counts::default());
    let begun = Instant::now();
    let before = flags.pid.map(resident_mib);
    let mut most = before.unwrap_or(0.0);
    let senders: Vec<_> = (0..flags.connections)
        .map(|sender| tokio::spawn(send(sender, flags.clone(), Arc::clone(&counts), begun)))
        .collect();
    for sender in senders {
        while !sender.is_finished() {
            tokio::time::sleep(Duration::from_millis(200)).await;
            most = most.max(flags.pid.map_or(0.0, resident_mib));
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
    let spans = (TRIPS * SPANS_OF_A_TRIP) as f64;
    let offered = of(&counts.taken) + of(&counts.told_to_wait);
    Row::new(
        "spans taken of a fleet, M/s",
        of(&counts.taken) * spans / seconds / 1e6,
    )
    .against("offered", offered * spans / seconds / 1e6)
    .against("services", flags.services as f64)
    .print();
    Row::new("requests told to come again", of(&counts.told_to_wait))
        .against("failed", of(&counts.failed))
        .print();
    if let (Some(pid), Some(before)) = (flags.pid, before) {
        Row::new("memory of the server after, MiB", resident_mib(pid))
            .against("before", before)
            .against("most", most)
            .print();
    }
    std::process::exit(i32::from(0.0 < of(&counts.failed)));
}

async fn send(sender: u64, flags: Flags, counts: Arc<Counts>, begun: Instant) {
    let fleet = Fleet::new(flags.services);
    let over_grpc = flags.grpc.filter(|_| sender.is_multiple_of(2));
    let mut line = Line::to(flags.http, over_grpc);
    let pace = match flags.rate {
        0 => Duration::ZERO,
        rate => Duration::from_secs_f64(
            (TRIPS * SPANS_OF_A_TRIP * flags.connections) as f64 / rate as f64,
        ),
    };
    let mut number = sender * TRIPS;
    let mut due = begun;
    while begun.elapsed() < Duration::from_secs(flags.seconds) {
        let spans: Vec<_> = (number..number + TRIPS)
            .flat_map(|trip| fleet.trip(trip, now_nanos()))
            .collect();
        number += flags.connections * TRIPS;
        let request = export_request(&spans);
        tokio::time::sleep_until(due.into()).await;
        due += pace;
        // A request is given up with the run only.
        while begun.elapsed() < Duration::from_secs(flags.seconds) {
            match line.send(request.clone()).await {
                Said::Taken => {
                    counts.taken.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                Said::ComeAgain(wait) => {
                    counts.told_to_wait.fetch_add(1, Ordering::Relaxed);
                    if !flags.rude {
                        tokio::time::sleep(wait).await;
                    }
                }
                Said::Failed => {
                    counts.failed.fetch_add(1, Ordering::Relaxed);
                    return;
                }
            }
        }
    }
}

/// A connection to a server.
enum Line {
    Http(reqwest::Client, String),
    Grpc(Exporter),
}

impl Line {
    fn to(http: SocketAddr, over_grpc: Option<SocketAddr>) -> Self {
        match over_grpc {
            Some(address) => Self::Grpc(Exporter::to(address, false)),
            None => {
                server::provide_cryptography();
                let builder = reqwest::Client::builder().tls_certs_only([]);
                let client = builder.build().expect("a client");
                Self::Http(client, format!("http://{http}/v1/traces"))
            }
        }
    }

    async fn send(&mut self, request: Vec<u8>) -> Said {
        match self {
            Self::Grpc(exporter) => match exporter.send(request).await {
                Ok(()) => Said::Taken,
                // The details carry `RetryInfo`; without it nobody is asked to come again.
                Err(status) if is_busy(&status) && !status.details().is_empty() => {
                    Said::ComeAgain(Duration::from_secs(1))
                }
                Err(_) => Said::Failed,
            },
            Self::Http(client, url) => {
                let request = client
                    .post(url.as_str())
                    .header("content-type", "application/x-protobuf")
                    .body(request);
                let Ok(response) = request.send().await else {
                    return Said::Failed;
                };
                let header = response.headers().get("retry-after");
                let wait = header.and_then(|value| value.to_str().ok()?.parse().ok());
                match (response.status().as_u16(), wait) {
                    (200, _) => Said::Taken,
                    (429 | 503, Some(seconds)) => Said::ComeAgain(Duration::from_secs(seconds)),
                    _ => Said::Failed,
                }
            }
        }
    }
}

fn is_busy(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::ResourceExhausted)
}

fn now_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}

/// What a process holds in memory, as Linux counts it.
fn resident_mib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}
