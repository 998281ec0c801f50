use std::fmt::Write as _;
use std::path::Path;

use axum::http::Request;
use serde_json::{Value, json};

use super::*;
use crate::intake::tests::Bench;
use crate::mapping::program::Program;
use crate::webhook::shown::hex_hmac;
use crate::{Proof, Secret, Sender};

/// What a filter makes of a value, or why it makes nothing.
fn made(code: &str, body: &Value) -> String {
    let program = match Program::compile(code) {
        Ok(program) => program,
        Err(broken) => return format!("broken: {broken}"),
    };
    let mapping = Mapping::alone("a", program).within(200_000);
    match mapping.run(body.clone()) {
        Ok(made) => Value::from(made).to_string(),
        Err(reason) => reason,
    }
}

#[test]
fn a_filter_is_one_of_jq() {
    let body =
        json!({"a": [{"n": "x", "v": 1}, {"n": "y", "v": 2.5}], "t": "2026-11-20T09:00:00Z"});
    for (code, makes) in [
        (".a[].n", r#"["x","y"]"#),
        ("[.a[] | {(.n): .v}] | add", r#"[{"x":1,"y":2.5}]"#),
        (".a | map(.v) | add, length", "[3.5,2]"),
        ("def f($x): . + $x; .a[0].v | f(2) * 3", "[9]"),
        (r#".a[] | "\(.n)=\(.v)""#, r#"["x=1","y=2.5"]"#),
        (
            "reduce .a[] as {$n, $v} ({}; .[$n] = $v)",
            r#"[{"x":1,"y":2.5}]"#,
        ),
        (".t | fromdateiso8601", "[1795165200]"),
        (
            r#""a-b-c" | split("-") | map(ascii_upcase) | join("+")"#,
            r#"["A+B+C"]"#,
        ),
        (
            r#""v1.2.3" | capture("v(?<major>[0-9]+)").major | tonumber"#,
            "[1]",
        ),
        (r#""aXbX" | gsub("X"; "-")"#, r#"["a-b-"]"#),
        (r#"try error("no") catch ."#, r#"["no"]"#),
        (".missing // \"none\"", r#"["none"]"#),
        (".a[0] |= (.v *= 3) | .a[0].v", "[3]"),
        ("first(.a[] | select(.v > 1)).n", r#"["y"]"#),
        ("[limit(3; repeat(1))] | length", "[3]"),
        ("[.. | numbers] | length", "[2]"),
        (
            "walk(if type == \"number\" then . + 1 else . end) | .a[0].v",
            "[2]",
        ),
        (
            "{\"a\": {\"b\": 1}} * {\"a\": {\"c\": 2}}",
            r#"[{"a":{"b":1,"c":2}}]"#,
        ),
        ("\"{\\\"k\\\": [1]}\" | fromjson | .k[0]", "[1]"),
        ("[paths] | length", "[8]"),
        ("del(.a) | keys", r#"["t"]"#),
        ("empty", "[]"),
        ("[]", "[]"),
        ("null", "[]"),
        (
            "label $out | foreach .a[] as $x (0; . + 1; ., break $out)",
            "[1]",
        ),
        ("[range(5)] | .[1:3]", "[1,2]"),
        ("\"ab\" * 2", r#"["abab"]"#),
        (".t | test(\"^2026\")", "[true]"),
        ("@base64 \"x\\(.a[0].n)\"", r#"["xeA=="]"#),
        ("[.a[] | .v] | sort | reverse | first", "[2.5]"),
    ] {
        assert_eq!(made(code, &body), makes, "{code}");
    }
}

#[test]
fn a_broken_filter_is_told_with_its_place() {
    let mut told = String::new();
    for code in [
        "{\n  a: .b,\n  c: ]\n}",
        ".a | frobnicate(.)",
        "$unknown",
        "if .a then 1",
        "\"unfinished",
        "",
        "env.PATH",
        "$ENV.PATH",
        "now",
        "input",
        "include \"x\"; .",
        "import \"/etc/passwd\" as $p; $p",
        "halt",
        "debug",
        "`",
    ] {
        writeln!(told, "{code:?} {}", made(code, &Value::Null)).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn no_filter_goes_on_or_grows_without_end() {
    let mut told = String::new();
    for code in [
        "def f: f; f",
        "def f: 1 + f; f",
        "def f: [f]; f",
        "def f: f | f; f",
        "def f: try f catch f; f",
        "[range(1e18)]",
        "last(range(1e18))",
        "reduce range(1e18) as $i (0; . + 1)",
        "[repeat(1)]",
        "until(false; .)",
        "[recurse(. + 1)]",
        "try last(repeat(1)) catch 1",
        "(last(repeat(1)))? // 1",
        "[range(9999999) | \"0123456789\" * 100]",
        "\"a\" * 1e12",
        "reduce range(100) as $i (\"a\"; . + .)",
        "reduce range(100) as $i (\"a\"; \"\\(.)\\(.)\")",
        "reduce range(100) as $i ([1]; . + .)",
        "reduce range(100) as $i ([1]; [., .])",
        "reduce range(100) as $i ({}; {a: ., b: .})",
        "reduce range(100) as $i ([]; .[0:0] = [., .])",
        "reduce range(1000000) as $i (0; [.])",
        "reduce range(1000000) as $i ({}; {a: .})",
        "reduce range(1000000) as $i (null; {} | .a = $i) | reduce range(1000) as $i (.; .a |= [.])",
        "reduce range(100) as $i (10; . * .)",
        "reduce range(100) as $i (\"%\" * 1000; @uri)",
        "reduce range(1e9) as $i (\"a\"; . *= 2)",
        "(1,2,3,4,5,6,7,8) as $a | (1,2,3,4,5,6,7,8) as $b | (1,2,3,4,5,6,7,8) as $c | (1,2,3,4,5,6,7,8) as $d | (1,2,3,4,5,6,7,8) as $e | (1,2,3,4,5,6,7,8) as $f | (1,2,3,4,5,6,7,8) as $g | (1,2,3,4,5,6,7,8) as $h | (1,2,3,4,5,6,7,8) as $i | empty",
        "[range(100)] | .[] as $a | .[] as $b | .[] as $c | .[] as $d | empty",
        "\"[\" * 100000 | fromjson",
        "\"a\" * 100000 | test(\"(a*)*b\")",
        "0 / 0",
        "[range(20000)][]",
        "\"x\" * 9000000, \"x\" * 9000000",
    ] {
        let made = made(code, &Value::Null);
        writeln!(told, "{code} -> {}", crate::fields::shortened(&made, 100)).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_filter_that_nests_without_end_is_refused_and_breaks_nothing() {
    for code in [
        "(".repeat(30_000),
        "[".repeat(30_000),
        "-".repeat(30_000),
        "try ".repeat(7_000),
        "\"\\(".repeat(10_000),
        ".a".repeat(15_000),
        format!("{}.", ".|".repeat(15_000)),
        format!("{}.", ". as $x|".repeat(4_000)),
        format!("{}1", "1+".repeat(15_000)),
        format!("{}1", "def f: ".repeat(4_000)),
        format!("{}1{}", "[".repeat(15_000), "]".repeat(15_000)),
        format!("{}1{}", "(".repeat(15_000), ")".repeat(15_000)),
        format!("{}1", "if ".repeat(10_000)),
        "x".repeat(40_000),
    ] {
        let told = made(&code, &Value::Null);
        assert!(told.len() < 400, "{told}");
    }
}

#[test]
fn the_values_of_a_body_do_not_stand_in_a_reason() {
    let body = json!({"password": "hunter2", "deep": {"token": "hunter2"}});
    for code in [
        ".password | .x",
        ".password + 1",
        ".deep | tonumber",
        ".password | fromjson",
        ".deep | ascii_downcase",
        ".password[0]",
        "path(.password | length)",
    ] {
        let told = made(code, &body);
        assert!(!told.contains("hunter2"), "{code}: {told}");
        assert!(told.len() > 8, "{code}: {told}");
    }
}

/// A folder whose files change under the mapping.
#[test]
fn a_changed_file_counts_from_the_next_delivery_on_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ci.jq");
    let write = |code: &str| std::fs::write(&path, code).unwrap();
    let mappings = Mappings::of(folder.path());
    assert!(mappings.get("ci").is_none());
    let run = || {
        let mapping = mappings.get("ci").unwrap();
        let made = mapping.run(Value::Null);
        let states = mappings.states().unwrap();
        let mut broken = states.into_iter().filter_map(|state| state.broken);
        format!(
            "{made:?}, {}",
            broken.next().unwrap_or_else(|| "none".to_owned())
        )
    };
    let mut told = String::new();
    for code in ["1", "1 +", "1 + 1", "nonsense", "\"three\""] {
        write(code);
        writeln!(told, "{code}: {}", run()).unwrap();
    }
    std::fs::remove_file(&path).unwrap();
    assert!(mappings.get("ci").is_none());
    assert!(mappings.get("../ci").is_none());
    assert!(mappings.get(".ci").is_none());
    insta::assert_snapshot!(told, @r#"
    1: Ok([Number(1)]), none
    1 +: Ok([Number(1)]), line 1, column 4: expected term
    1 + 1: Ok([Number(2)]), none
    nonsense: Ok([Number(2)]), line 1, column 1: the filter nonsense is not defined
    "three": Ok([String("three")]), none
    "#);
}

fn bench(senders: Vec<Sender>) -> Bench {
    let bench = Bench::with_senders(senders);
    std::fs::create_dir(&bench.mappings).unwrap();
    bench
}

async fn post(bench: &Bench, name: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut request = Request::post(format!("/ingest/mapping/{name}"));
    request = request.header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (status, answer) = bench
        .ask(request.body(body.to_owned().into()).unwrap())
        .await;
    format!("{status} {answer}")
}

/// Every event in the log, in a line.
fn logged(bench: &Bench) -> String {
    let mut told = String::new();
    for envelope in bench.events() {
        let mut payload = Vec::new();
        envelope.event.encode_payload(&mut payload);
        let payload = String::from_utf8(payload).unwrap();
        let name = envelope.event.tag().0;
        writeln!(told, "{} {name} {payload}", envelope.id).unwrap();
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_mapping_fails_on_lies_in_the_quarantine_until_it_is_mended() {
    let bench = bench(vec![Sender {
        source: Some(model::SourceName::new("ci")),
        environment: Some("prod".to_owned()),
        ..Sender::new(FORM, "ci")
    }]);
    let write = |code: &str| std::fs::write(bench.mappings.join("ci.jq"), code).unwrap();
    let change = r#"select(.headers["x-ci-event"] == "deploy") | .body.runs[] | {id: "run-\(.n)", type: "change.recorded",
        data: {sourceId: "run-\(.n)", title: .title, targets: ["service:" + .app]}}"#;
    let mut told = String::new();
    let body = r#"{"runs": [{"n": 1, "title": "one", "app": "a"}, {"n": 2, "title": "token=hunter2", "app": 7}]}"#;
    let deploy = [
        ("x-ci-event", "deploy"),
        ("authorization", "Bearer hunter2"),
    ];
    writeln!(told, "no file: {}", post(&bench, "ci", &deploy, body).await).unwrap();
    write(change);
    writeln!(
        told,
        "no such event: {}",
        post(&bench, "ci", &[], body).await
    )
    .unwrap();
    writeln!(told, "fails: {}", post(&bench, "ci", &deploy, body).await).unwrap();
    let good = r#"{"runs": [{"n": 3, "title": "three", "app": "c"}]}"#;
    writeln!(told, "good: {}", post(&bench, "ci", &deploy, good).await).unwrap();
    write(&change.replace("\"service:\" + .app", "\"service:\" + (.app | tostring)"));
    let kept = bench.events().into_iter().find_map(|it| match it.event {
        model::Event::InputQuarantined(input) => Some(input.hash),
        _ => None,
    });
    let again = bench.intake.reprocess(kept.unwrap()).await.unwrap();
    writeln!(told, "mended: {} events", again.events).unwrap();
    told.push_str(&logged(&bench));
    assert!(!told.contains("hunter2"), "{told}");
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_draft_keeps_no_good_one_back() {
    let bench = bench(Vec::new());
    let code = r#"{type: "item.retired", data: {key: "host:a"}}, {type: "item.retired", data: {}}, 3, {type: "item.retyred", data: {}}"#;
    std::fs::write(bench.mappings.join("cmdb.jq"), code).unwrap();
    let mut told = post(&bench, "cmdb", &[], "{}").await;
    told.push('\n');
    told.push_str(&logged(&bench));
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_to_a_mapping_proves_itself_as_the_configuration_says() {
    let sender = |name: &str, proof: &str| Sender {
        secrets: Secret::new(*b"s3cret").into_iter().collect(),
        proof: Some(Proof::named(proof).unwrap()),
        ..Sender::new(FORM, name)
    };
    let bench = bench(vec![
        sender("signed", "hmac-sha256:X-Signature"),
        sender("keyed", "header:x-api-key"),
    ]);
    for name in ["signed", "keyed"] {
        std::fs::write(bench.mappings.join(format!("{name}.jq")), "empty").unwrap();
    }
    let signature = hex_hmac("s3cret", "{}");
    let prefixed = format!("sha256={signature}");
    let mut told = String::new();
    for (name, header, value) in [
        ("signed", "x-signature", signature.as_str()),
        ("signed", "x-signature", prefixed.as_str()),
        ("signed", "x-signature", "sha256=00"),
        ("signed", "x-other", "1"),
        ("keyed", "x-api-key", "s3cret"),
        ("keyed", "x-api-key", "secret"),
    ] {
        let answer = post(&bench, name, &[(header, value)], "{}").await;
        writeln!(told, "{name} {header}: {answer}").unwrap();
    }
    for proof in [
        "",
        "basic",
        "header:",
        "header:a b",
        "hmac-md5:x",
        "token:x",
    ] {
        assert!(Proof::named(proof).is_none(), "{proof}");
    }
    insta::assert_snapshot!(told);
}

/// What the mappings that are shipped make of samples; each has its own in `testdata/mapping`.
#[test]
fn the_shipped_examples_make_events() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let examples = root.join("../docs/mappings");
    let mut names: Vec<_> = std::fs::read_dir(&examples)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "jq"))
        .collect();
    names.sort();
    let shipped = [
        "envoy-access-log",
        "hubble",
        "octopus-deploy",
        "uptime-kuma",
    ];
    assert_eq!(names.len(), shipped.len());
    for (path, name) in names.iter().zip(shipped) {
        assert_eq!(path.file_stem().unwrap(), name);
        let code = std::fs::read_to_string(path).unwrap();
        let samples = root
            .join("testdata/mapping")
            .join(format!("{name}.from-specification.json"));
        let samples: Vec<Value> =
            serde_json::from_str(&std::fs::read_to_string(&samples).unwrap()).unwrap();
        let trial = Trial::of(name, &code).unwrap();
        let trial = trial.from(None, Some("prod".to_owned()));
        let mut told = String::new();
        for sample in samples {
            let headers = sample["headers"].as_object().unwrap().iter();
            let headers: Vec<(String, String)> = headers
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                .collect();
            let body = sample["body"].to_string();
            let tried = trial.run(
                &headers,
                body.as_bytes(),
                "2026-11-20T12:00:00Z".parse().unwrap(),
            );
            writeln!(told, "== {}", sample["why"].as_str().unwrap()).unwrap();
            for event in tried.events {
                writeln!(told, "{}", serde_json::to_string_pretty(&event).unwrap()).unwrap();
            }
            for refused in tried.refused {
                writeln!(told, "refused {refused:?}").unwrap();
            }
        }
        insta::with_settings!({
            snapshot_path => "../../testdata/mapping",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { insta::assert_snapshot!(name, told) });
    }
}
