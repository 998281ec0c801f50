//! Estates as text, fleets that send spans, and an oracle that is slow and obvious. For tests only.
//!
//! One fact a line, `#` begins a comment:
//!
//! ```text
//! web -> api -> db                  relations of the kind `calls`, since the first moment
//! api -publishes_to-> queue:orders  another kind; a name without a colon is a service
//! item service:prod/api owner=shop alias=key:service:prod/old uid=1
//! item pod:a from=09:00 until=09:10
//! item deployment:shop quorum=2      how many of those that do the same work must be up
//! change deploy-1 api 10:00 kind=deployment env=prod status=succeeded until=10:05 title=new_pricing
//! incident inc-1 web 10:30 env=prod severity=critical until=10:50 declared=yes
//! web -calls!-> api                 stated as strong; with `?` as weak
//! saw web -> api 09:00-09:50        in traces, reported each quarter of an hour
//! end web -> api 11:00
//! deviated api error_rate 0.01 -> 0.3 10:20-10:30
//! deviated web -> api latency_p99_ms 20 -> 90 10:20-10:30
//! judged inc-1 deploy-1 cause
//! belong inc-1 inc-2,inc-3 apart 11:00 another_disk   or `together`, or `withdrawn`; the reason may be missing
//! @cmdb item host:a at=10:00 ip=10.0.0.1   what another source than `test` says, and when
//! merge m1 host:a,host:b 10:00      decisions have ids
//! split s1 host:b from host:a 11:00
//! revert m1 12:00
//! retract cmdb 10:00
//! restore cmdb 11:00
//! ```
//!
//! Times are of 2026-01-01, UTC; `_` in a value stands for a space.

mod envelope;
mod fleet;
mod oracle;
mod read;

pub use envelope::{at, envelopes, envelopes_of, shuffled};
pub use fleet::{
    Fleet, FleetSpan, delayed, export_request, one_trace_in_four, shuffled_and_doubled,
};
pub use oracle::Oracle;
pub use read::events;

/// Says that a test could not look at something, past what captures the output of tests: `tests/run` counts it.
pub fn skip(why: &str) {
    use std::io::Write as _;
    // Whoever reads no errors hears of no skipped test either.
    let _said = writeln!(std::io::stderr(), "\nSKIPPED: {why}");
}

/// With how many cases a property is tried that is dearer or cheaper than most: so many where 256 are usual.
///
/// `PROPTEST_CASES` says another usual number, as it does to properties that go without this.
pub fn cases(where_256_are: u32) -> u32 {
    let usual = std::env::var("PROPTEST_CASES");
    let usual: u32 = usual
        .ok()
        .and_then(|usual| usual.parse().ok())
        .unwrap_or(256);
    (where_256_are.saturating_mul(usual) / 256).max(1)
}
