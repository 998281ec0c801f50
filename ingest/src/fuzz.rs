//! Feeds everything that decodes what others send with samples gone bad. None of it may fall over.
//!
//! The addresses are taken from their table, so no decoder can be forgotten. It is decided by
//! `FUZZ_SEED` (1 when not set) which inputs there are, and by `FUZZ_INPUTS` how
//! many there are of each target. An input that makes one fall over is printed and written to a file.

mod mutation;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use model::{ContentHash, Event, SourceName, Timestamp, bounds};
use serde_json::{Value, json};

use crate::decoded::Part;
use crate::import::{self, Format, ImportFile, OtlpFile, PostedForm, Surroundings};
use crate::intake::{ADDRESSES, Address, Delivery, MediaType};
use crate::otlp::decode::{jaeger, jaeger_thrift, json as otlp_json, logs, protobuf, zipkin};
use crate::{Mappings, Quarantine, Sender, Trial};
use mutation::{Dice, mutated};

/// How many inputs each target gets when nobody says.
const INPUTS: usize = 500;
/// Larger samples make slow tests and no other input.
const SEED_BYTES_MAX: u64 = 64 * 1024;

type Feed = Box<dyn Fn(&[u8], &mut Dice)>;

/// Something that takes bytes.
struct Target {
    name: String,
    /// Good input of its own; that of all others is tried on it too.
    seeds: Vec<Vec<u8>>,
    feed: Feed,
}

#[test]
fn no_address_falls_over_whatever_is_sent_to_it() {
    let targets = ADDRESSES.iter().map(|address| of_address(address));
    feed_all(targets.collect());
}

#[test]
fn no_decoder_of_spans_files_and_mappings_falls_over() {
    let mut targets = of_otlp();
    targets.extend(of_files());
    targets.push(of_quarantine());
    targets.extend(of_mappings());
    feed_all(targets);
}

fn feed_all(targets: Vec<Target>) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed: u64 = number("FUZZ_SEED").unwrap_or(1);
    let inputs =
        number("FUZZ_INPUTS").map_or(INPUTS, |count| usize::try_from(count).unwrap_or(usize::MAX));
    let all = samples("");
    assert!(50 < all.len());
    for target in targets {
        let mut dice = Dice::of(seed);
        let began_at = Instant::now();
        for _ in 0..inputs {
            let is_own = !target.seeds.is_empty() && dice.below(8) != 0;
            let (sample, other) = (dice.next(), dice.one_of(&all).clone());
            let pool = if is_own { &target.seeds } else { &all };
            let sample = &pool[usize::try_from(sample % pool.len() as u64).unwrap()];
            let input = mutated(&mut dice, sample, &other);
            let fed = catch_unwind(AssertUnwindSafe(|| (target.feed)(&input, &mut dice)));
            if fed.is_err() {
                tell(&target.name, seed, &input);
            }
        }
        let seconds = began_at.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a measure")]
        let rate = inputs as f64 / seconds;
        println!(
            "{}: {inputs} inputs, {rate:.0} a second, seed {seed}",
            target.name
        );
    }
}

/// Ends the test with what is needed to do it again.
fn tell(name: &str, seed: u64, input: &[u8]) -> ! {
    let file =
        std::env::temp_dir().join(format!("epicenter-fuzz-{name}-{}", ContentHash::of(input)));
    let written = std::fs::File::create(&file).and_then(|mut file| file.write_all(input));
    panic!(
        "{name} fell over with seed {seed} ({}; written: {}): {}",
        file.display(),
        written.is_ok(),
        input.escape_ascii()
    );
}

/// The test data under a folder, or all of it.
fn samples(folder: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(folder);
    let mut folders = vec![root];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let entry = entry.unwrap();
            let path = entry.path();
            let is_golden = path
                .extension()
                .is_some_and(|end| end == "snap" || end == "txt");
            if path.is_dir() {
                folders.push(path);
            } else if !is_golden && entry.metadata().unwrap().len() <= SEED_BYTES_MAX {
                files.push(path);
            }
        }
    }
    // A folder has no order of its own, and a seed should mean the same everywhere.
    files.sort();
    let mut seeds = Vec::new();
    for file in files {
        let is_lines = file.extension().is_some_and(|end| end == "jsonl");
        let bytes = std::fs::read(file).unwrap();
        // Many files of samples are lists of bodies, with their headers or without.
        if let Ok(Value::Array(entries)) = serde_json::from_slice(&bytes) {
            let bodies = entries
                .iter()
                .map(|entry| entry.get("body").unwrap_or(entry));
            seeds.extend(bodies.map(|body| body.to_string().into_bytes()));
        }
        if is_lines {
            let lines = bytes.split(|byte| *byte == b'\n');
            seeds.extend(lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec));
        }
        seeds.push(bytes);
    }
    seeds
}

fn of_address(address: &'static Address) -> Target {
    let folder = address.form.split('-').next().unwrap();
    let seeds = match address.form {
        // Its mapping passes on what is our own form already.
        "mapping" => vec![samples("events")],
        form => vec![
            samples(form),
            samples(folder),
            samples(&form.replace('_', "-")),
        ],
    };
    let sender = match address.form {
        "mapping" => Trial::of("a", ".body").unwrap().sender(),
        form => Sender::unnamed(form),
    };
    let sender = Arc::new(sender);
    Target {
        name: address.form.to_owned(),
        seeds: seeds.into_iter().max_by_key(Vec::len).unwrap_or_default(),
        feed: Box::new(move |input, dice| {
            let delivery = delivery(&sender, input, dice);
            let parts = (address.decode)(&delivery).unwrap_or_default();
            parts.into_iter().for_each(check);
        }),
    }
}

/// Headers that decide what a body means, and media types that decide how it is cut.
const HEADERS: [(&str, &[&str]); 6] = [
    (
        "x-github-event",
        &[
            "push",
            "deployment",
            "deployment_status",
            "pull_request",
            "release",
            "workflow_run",
            "ping",
        ],
    ),
    (
        "x-gitlab-event",
        &[
            "Push Hook",
            "Deployment Hook",
            "Pipeline Hook",
            "Tag Push Hook",
            "Merge Request Hook",
            "Release Hook",
            "Feature Flag Hook",
        ],
    ),
    (
        "ce-type",
        &[
            "dev.cdevents.service.deployed.0.2.0",
            "change.recorded",
            "x",
        ],
    ),
    ("ce-source", &["/ci", ""]),
    ("ce-id", &["1", "é"]),
    ("ce-specversion", &["1.0", "9"]),
];
const MEDIA: [&str; 6] = [
    "application/json",
    "application/json",
    "application/x-ndjson",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "text/plain; charset=\"x",
];

fn delivery(sender: &Arc<Sender>, input: &[u8], dice: &mut Dice) -> Delivery {
    let mut headers = HeaderMap::new();
    for (name, values) in HEADERS {
        if dice.below(3) != 0 {
            let value = HeaderValue::from_str(dice.one_of::<&str>(values)).unwrap();
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    Delivery {
        headers,
        media: MediaType::parse(dice.one_of::<&str>(&MEDIA)),
        body: input.to_vec(),
        received_at: now(),
        sender: Arc::clone(sender),
    }
}

/// What a decoder says is within the bounds, and can be read again.
fn check(part: Part) {
    let Part::Events(events) = part else {
        return;
    };
    for event in events {
        let mut payload = Vec::new();
        event.event.encode_payload(&mut payload);
        let name = event.event.tag().0;
        assert!(Event::decode_payload(name, &payload).is_ok(), "{name}");
        assert!(event.id.delivery.len() <= 2 * bounds::SOURCE_ID_BYTES);
    }
}

fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn target(name: &str, folder: &str, feed: impl Fn(&[u8]) + 'static) -> Target {
    Target {
        name: name.to_owned(),
        seeds: samples(folder),
        feed: Box::new(move |input, _| feed(input)),
    }
}

fn of_otlp() -> Vec<Target> {
    let spans = |name, read: fn(&[u8])| target(name, "otlp", read);
    vec![
        spans("otlp-protobuf-traces", |input| {
            drop(protobuf::decode_traces(input));
        }),
        spans("otlp-json-traces", |input| {
            if let Ok(traces) = otlp_json::parse_traces(input) {
                let _spans = traces.spans();
            }
        }),
        target("zipkin-spans", "zipkin", |input| {
            if let Ok(parsed) = zipkin::parse(input) {
                let _spans = parsed.spans();
            }
        }),
        target("jaeger-traces", "jaeger", |input| {
            if let Ok(parsed) = jaeger::parse(input) {
                let _spans = parsed.spans();
            }
        }),
        target("jaeger-batches", "jaeger_thrift", |input| {
            drop(jaeger_thrift::decode(input));
        }),
        spans("otlp-files", |input| {
            let file = std::io::Cursor::new(input.to_vec());
            if let Ok(mut file) = OtlpFile::open(file) {
                while let Ok(Some(_)) = file.next_piece() {}
            }
        }),
        spans("otlp-protobuf-logs", |input| {
            drop(logs::decode_protobuf(input));
        }),
        spans("otlp-json-logs", |input| {
            drop(logs::decode_json(input));
        }),
    ]
}

fn of_files() -> Vec<Target> {
    const FORMATS: [(Format, &str); 6] = [
        (Format::Kubernetes, "kubernetes"),
        (Format::Terraform, "terraform"),
        (Format::Backstage, "backstage"),
        (Format::BkCmdb, "bk-cmdb"),
        (Format::SshConfig, "ansible"),
        (Format::Ansible, "ansible"),
    ];
    const POSTED: [(PostedForm, &str); 6] = [
        (PostedForm::CloudTrail, "cloudtrail"),
        (PostedForm::KubernetesAudit, "kubernetes"),
        (PostedForm::Azure, "azure"),
        (PostedForm::Gcp, "gcp"),
        (PostedForm::Flyway, "flyway"),
        (PostedForm::Liquibase, "liquibase"),
    ];
    let around = || Surroundings {
        at: now(),
        environment: Some("prod".to_owned()),
        cluster: Some("eu1".to_owned()),
    };
    let file = |input: &[u8]| ImportFile {
        name: "file".to_owned(),
        bytes: input.to_vec(),
    };
    let mut targets = Vec::new();
    for (format, folder) in FORMATS {
        let name = format!("import-{}", format.name());
        targets.push(target(&name, folder, move |input| {
            let listing = import::decode(format, &[file(input)], &around()).unwrap();
            assert!(listing.events().count() < 1_000_000);
        }));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/rows");
    let mapping = std::fs::read_to_string(folder.join("hosts.mapping.yaml")).unwrap();
    let mapping = import::Mapping::read(&mapping).unwrap();
    targets.push(target("import-csv", "rows", move |input| {
        drop(import::decode_with(
            &mapping,
            Format::Csv,
            &[file(input)],
            &around(),
        ));
    }));
    targets.push(target("import-row-mapping", "rows", |input| {
        drop(import::Mapping::read(&String::from_utf8_lossy(input)));
    }));
    for (form, folder) in POSTED {
        targets.push(target(&format!("import-{form:?}"), folder, move |input| {
            drop(form.bodies(input));
        }));
    }
    targets
}

fn of_quarantine() -> Target {
    let folder = tempfile::tempdir().unwrap();
    let hash = ContentHash::of(b"{}");
    let name = format!("8000000000000000-{hash}.body");
    let header = json!({
        "hash": hash, "bodyBytes": 2, "source": SourceName::new("a"), "format": "mapping",
        "contentType": null, "headers": [["epicenter-sender", "a"]], "reason": "r",
    });
    let header = header.to_string();
    let mut whole = b"EPICQUA1".to_vec();
    whole.extend_from_slice(&u32::try_from(header.len()).unwrap().to_be_bytes());
    whole.extend_from_slice(ContentHash::of(header.as_bytes()).as_bytes());
    whole.extend_from_slice(header.as_bytes());
    whole.extend_from_slice(b"{}");
    std::fs::write(folder.path().join(&name), &whole).unwrap();
    let mut found = 0;
    Quarantine::look_through(folder.path(), |_, _, body| {
        found += usize::from(body.is_of_mapping("a"));
    })
    .unwrap();
    assert_eq!(found, 1, "the seed has to be a good one");
    Target {
        name: "quarantine".to_owned(),
        seeds: vec![whole],
        feed: Box::new(move |input, _| {
            std::fs::write(folder.path().join(&name), input).unwrap();
            Quarantine::look_through(folder.path(), |_, _, body| {
                assert_eq!(body.body, b"{}");
            })
            .unwrap();
        }),
    }
}

/// Bodies for the mappings that are shipped, and mappings that are none.
fn of_mappings() -> Vec<Target> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/mappings");
    let mut targets = Vec::new();
    let mut codes = Vec::new();
    for state in Mappings::of(&folder).states().unwrap() {
        assert_eq!(state.broken, None, "{}", state.name);
        let code = std::fs::read_to_string(folder.join(format!("{}.jq", state.name))).unwrap();
        let trial = Trial::of(&state.name, &code).unwrap();
        codes.push(code.into_bytes());
        targets.push(target(
            &format!("mapping-{}", state.name),
            "mapping",
            move |input| {
                let tried = trial.run(&[], input, now());
                assert!(
                    tried
                        .refused
                        .iter()
                        .all(|it| !it.reason.contains("fell over"))
                );
            },
        ));
    }
    targets.push(Target {
        name: "mapping-code".to_owned(),
        seeds: codes,
        feed: Box::new(|input, _| {
            let code = String::from_utf8_lossy(input);
            if let Ok(trial) = Trial::of("a", &code) {
                trial.run(&[], br#"{"a": [1, "b", null]}"#, now());
            }
        }),
    });
    targets
}
