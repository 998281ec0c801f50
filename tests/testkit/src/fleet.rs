//! Fleets of services that send spans: what a load generator sends, and which relations it must come to.
//!
//! A trip is what one call from outside causes: a service calls another, which queries its database
//! and hands a message to its queue; a third takes it later, in a trace of its own that is linked to
//! the first. Everything follows from the number of the trip, so senders agree without talking.

use std::collections::{BTreeMap, BTreeSet};

/// Services that call each other by a fixed plan.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    services: u64,
}

/// A span of a fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetSpan {
    /// Which service it is of.
    pub service: u64,
    /// Its trace.
    pub trace: u128,
    id: u64,
    cause: u64,
    /// The number that OTLP has for its kind.
    kind: u64,
    started_at: u64,
    link: Option<(u128, u64)>,
    attributes: Vec<(&'static str, String)>,
    trace_state: &'static str,
}

const SERVER: u64 = 2;
const CLIENT: u64 = 3;
const PRODUCER: u64 = 4;
const CONSUMER: u64 = 5;
/// How many others a service calls.
const CALLEES: u64 = 3;
/// Services that share a database, and those that share a queue.
const SHARE: u64 = 10;

impl Fleet {
    /// A fleet of so many services, at least three.
    pub const fn new(services: u64) -> Self {
        let services = if services < 3 { 3 } else { services };
        Self { services }
    }

    /// After so many trips every relation of the plan was shown.
    pub const fn round(self) -> u64 {
        self.services * CALLEES
    }

    /// The spans of a trip that began at this Unix nanosecond.
    pub fn trip(self, number: u64, began_at: u64) -> Vec<FleetSpan> {
        let (caller, callee) = self.ends(number);
        let id = |place: u64| mixed_up(number * 16 + place) | 1;
        let trace = u128::from(id(8)) << 64 | u128::from(id(9));
        let later = u128::from(id(10)) << 64 | u128::from(id(11));
        let span = |place: u64, cause: u64, service: u64, kind: u64, attributes| FleetSpan {
            service,
            trace,
            id: id(place),
            cause: if cause == 0 { 0 } else { id(cause) },
            kind,
            started_at: began_at + place * 1_000_000,
            link: None,
            attributes,
            trace_state: "",
        };
        let route = || {
            vec![
                ("http.request.method", "GET".to_owned()),
                ("http.route", "/".to_owned()),
            ]
        };
        let address = vec![("server.address", service_name(callee))];
        let database = vec![
            ("db.system.name", "postgresql".to_owned()),
            ("db.namespace", format!("db-{}", callee / SHARE)),
            ("server.address", format!("pg-{}", callee / SHARE)),
        ];
        let queue = vec![(
            "messaging.destination.name",
            format!("queue-{}", callee / SHARE),
        )];
        let taker = (callee + 1) % self.services;
        let taken = FleetSpan {
            trace: later,
            link: Some((trace, id(5))),
            ..span(6, 0, taker, CONSUMER, Vec::new())
        };
        vec![
            span(1, 0, caller, SERVER, route()),
            span(2, 1, caller, CLIENT, address),
            span(3, 2, callee, SERVER, route()),
            span(4, 3, callee, CLIENT, database),
            span(5, 3, callee, PRODUCER, queue),
            taken,
        ]
    }

    /// The relations that these trips show, and by how many calls each. Interfaces are not among them.
    pub fn shown(self, trips: std::ops::Range<u64>) -> BTreeMap<String, u64> {
        let mut shown = BTreeMap::new();
        for number in trips {
            let (caller, callee) = self.ends(number);
            let (one, other) = (service_name(caller), service_name(callee));
            let taker = service_name((callee + 1) % self.services);
            let of = callee / SHARE;
            for relation in [
                format!("service:{one} calls service:{other}"),
                format!("service:{other} queries database:db-{of}@pg-{of}"),
                format!("service:{other} publishes_to queue:queue-{of}"),
                format!("service:{taker} consumes_from queue:queue-{of}"),
            ] {
                *shown.entry(relation).or_insert(0) += 1;
            }
        }
        shown
    }

    fn ends(self, number: u64) -> (u64, u64) {
        let caller = number % self.services;
        let step = 1 + (number / self.services) % CALLEES;
        (caller, (caller + step * step) % self.services)
    }
}

fn service_name(service: u64) -> String {
    format!("svc-{service}")
}

/// A number that looks like chance, the same for the same one.
fn mixed_up(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Spans in another order, and one in `one_in` of them twice.
pub fn shuffled_and_doubled(spans: Vec<FleetSpan>, one_in: u64, seed: u64) -> Vec<FleetSpan> {
    let mut again = spans.clone();
    again.retain(|span| mixed_up(span.id ^ seed).is_multiple_of(one_in));
    let mut all = spans;
    all.extend(again);
    let mut keyed: Vec<(u64, FleetSpan)> = all
        .into_iter()
        .enumerate()
        .map(|(place, span)| (mixed_up(seed ^ (place as u64) << 1), span))
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, span)| span).collect()
}

/// The spans of one trace in four, as a consistent sampler keeps them, and says so.
pub fn one_trace_in_four(mut spans: Vec<FleetSpan>) -> Vec<FleetSpan> {
    let threshold = 0xc0_0000_0000_0000;
    spans.retain(|span| threshold <= (span.trace & 0xff_ffff_ffff_ffff));
    for span in &mut spans {
        span.trace_state = "ot=th:c";
    }
    spans
}

/// The spans that come at once and those that come later: one in `one_in`.
pub fn delayed(spans: Vec<FleetSpan>, one_in: u64, seed: u64) -> (Vec<FleetSpan>, Vec<FleetSpan>) {
    let is_early = |span: &FleetSpan| !mixed_up(span.id ^ seed).is_multiple_of(one_in);
    spans.into_iter().partition(is_early)
}

/// An `ExportTraceServiceRequest` in protobuf, each service's spans together as its SDK exports them.
pub fn export_request(spans: &[FleetSpan]) -> Vec<u8> {
    let services: BTreeSet<u64> = spans.iter().map(|span| span.service).collect();
    let mut request = Vec::new();
    for service in services {
        let mut scope = Vec::new();
        for span in spans.iter().filter(|span| span.service == service) {
            bytes(&mut scope, 2, &span.encoded());
        }
        let mut resource = Vec::new();
        bytes(
            &mut resource,
            1,
            &attribute("service.name", &service_name(service)),
        );
        let mut of_resource = Vec::new();
        bytes(&mut of_resource, 1, &resource);
        bytes(&mut of_resource, 2, &scope);
        bytes(&mut request, 1, &of_resource);
    }
    request
}

impl FleetSpan {
    fn encoded(&self) -> Vec<u8> {
        let mut span = Vec::with_capacity(192);
        bytes(&mut span, 1, &self.trace.to_be_bytes());
        bytes(&mut span, 2, &self.id.to_be_bytes());
        if !self.trace_state.is_empty() {
            bytes(&mut span, 3, self.trace_state.as_bytes());
        }
        if self.cause != 0 {
            bytes(&mut span, 4, &self.cause.to_be_bytes());
        }
        bytes(&mut span, 5, b"GET /");
        varint(&mut span, 6 << 3);
        varint(&mut span, self.kind);
        fixed64(&mut span, 7, self.started_at);
        fixed64(&mut span, 8, self.started_at + 5_000_000);
        for (name, value) in &self.attributes {
            bytes(&mut span, 9, &attribute(name, value));
        }
        if let Some((trace, id)) = self.link {
            let mut link = Vec::new();
            bytes(&mut link, 1, &trace.to_be_bytes());
            bytes(&mut link, 2, &id.to_be_bytes());
            bytes(&mut span, 13, &link);
        }
        span
    }
}

fn attribute(name: &str, value: &str) -> Vec<u8> {
    let (mut any, mut pair) = (Vec::new(), Vec::new());
    bytes(&mut any, 1, value.as_bytes());
    bytes(&mut pair, 1, name.as_bytes());
    bytes(&mut pair, 2, &any);
    pair
}

fn bytes(message: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(message, field << 3 | 2);
    varint(message, value.len() as u64);
    message.extend_from_slice(value);
}

fn fixed64(message: &mut Vec<u8>, field: u64, value: u64) {
    varint(message, field << 3 | 1);
    message.extend_from_slice(&value.to_le_bytes());
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "seven bits fit into a byte"
)]
fn varint(message: &mut Vec<u8>, mut number: u64) {
    while 0x7f < number {
        message.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}
