use model::ActorKind;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::mutate::{any_json, put};
use crate::told::testing;

const RECORDS: &str = include_str!("../../testdata/cloudtrail/records.from-specification.json");

fn told(body: &str) -> String {
    testing::told(&ADDRESS, body)
}

fn record(index: usize) -> Value {
    let records: Value = serde_json::from_str(RECORDS).unwrap();
    records["Records"][index].clone()
}

/// The targets of a call, one a line.
fn targets(service: &str, request: &Value) -> String {
    let record = json!({ "awsRegion": "eu-central-1", "recipientAccountId": "1", "requestParameters": request });
    let targets = target::targets(&record, service);
    let lines: Vec<String> = targets.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn a_file_tells_what_was_written_and_passes_over_the_rest() {
    let told = told(RECORDS);
    testing::golden("cloudtrail", "records.golden", &told);
    assert!(!told.contains("planted"));
}

#[test]
fn the_envelopes_of_eventbridge_and_sns_hold_the_same_record() {
    let bare = told(&record(0).to_string());
    assert!(bare.starts_with("change.recorded"));
    let bridged = json!({ "version": "0", "id": "x", "detail-type": "AWS API Call via CloudTrail", "source": "aws.rds", "detail": record(0) });
    assert_eq!(told(&bridged.to_string()), bare);
    for message in [bridged, record(0)] {
        let notified = json!({ "Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:eu-central-1:1:t", "Message": message.to_string() });
        assert_eq!(told(&notified.to_string()), bare);
    }
    let named = json!({ "Type": "Notification", "Message": "{\"s3Bucket\":\"b\",\"s3ObjectKey\":[\"k\"]}" });
    assert_eq!(
        told(&named.to_string()),
        "ignored: names a file of records and holds none\n"
    );
}

#[test]
fn a_topic_is_shown_to_a_person_only_with_an_address_of_sns() {
    let ask = |url: &str| {
        let body = json!({ "Type": "SubscriptionConfirmation", "TopicArn": "arn:aws:sns:eu-central-1:1:t", "Token": "t", "SubscribeURL": url });
        told(&body.to_string())
    };
    let own = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t";
    assert!(ask(own).starts_with("notice: ") && ask(own).contains(own));
    for other in [
        "http://sns.eu-central-1.amazonaws.com/?a",
        "https://example.org/sns.eu-central-1.amazonaws.com/",
        "https://sns.eu-central-1.amazonaws.com.example.org/",
        "https://sns.a@example.org.amazonaws.com/",
        "https://sns.eu\n-central-1.amazonaws.com/",
        "",
    ] {
        assert!(ask(other).starts_with("ignored: "), "{other}");
    }
}

#[test]
fn who_called_is_told_by_the_identity() {
    let kind = |identity: Value| identity::operator(&json!({ "userIdentity": identity })).kind;
    let role = |principal: &str, more: Value| json!({ "type": "AssumedRole", "principalId": principal, "sessionContext": more });
    assert_eq!(
        kind(json!({ "type": "IAMUser", "userName": "bob" })),
        ActorKind::Human
    );
    assert_eq!(
        kind(json!({ "type": "AWSService", "invokedBy": "ec2.amazonaws.com" })),
        ActorKind::Automatic
    );
    assert_eq!(
        kind(role("A:i-0123", json!({ "ec2RoleDelivery": "2.0" }))),
        ActorKind::Automatic
    );
    assert_eq!(
        kind(role(
            "A:GitHubActions",
            json!({ "webIdFederationData": { "federatedProvider": "x" } })
        )),
        ActorKind::Automatic
    );
    assert_eq!(
        kind(role("A:alice@example.org", json!({}))),
        ActorKind::Human
    );
    assert_eq!(kind(role("A:session", json!({}))), ActorKind::Unknown);
    assert_eq!(kind(json!({})), ActorKind::Unknown);
}

#[test]
fn targets_have_the_names_that_a_state_of_terraform_claims() {
    let shown = [
        targets("lambda", &json!({ "functionName": "resize" })),
        targets("s3", &json!({ "bucketName": "shop" })),
        targets(
            "sqs",
            &json!({ "queueUrl": "https://sqs.eu-central-1.amazonaws.com/1/jobs" }),
        ),
        targets(
            "ecs",
            &json!({ "service": "web", "cluster": "arn:aws:ecs:eu-central-1:1:cluster/main" }),
        ),
        targets(
            "iam",
            &json!({ "roleName": "deploy", "policyArn": "arn:aws:iam::aws:policy/Admin" }),
        ),
        targets(
            "sns",
            &json!({ "topicArn": "arn:aws:sns:eu-central-1:1:t", "roleArn": "arn:aws:iam::1:role/r" }),
        ),
        targets(
            "route53",
            &json!({ "changeBatch": { "changes": [{ "resourceRecordSet": { "name": "Shop.example.org." } }] } }),
        ),
        targets("organizations", &json!({})),
    ];
    insta::assert_snapshot!(shown.join("\n"), @r"
    arn=arn:aws:lambda:eu-central-1:1:function:resize
    arn=arn:aws:s3:::shop
    arn=arn:aws:sqs:eu-central-1:1:jobs
    arn=arn:aws:ecs:eu-central-1:1:service/main/web
    arn=arn:aws:iam::1:role/deploy
    arn=arn:aws:sns:eu-central-1:1:t
    domain:shop.example.org
    cloud_account:1
    ");
}

#[test]
fn bookkeeping_and_what_old_records_read_is_ignored() {
    for (service, name) in [
        ("sts.amazonaws.com", "AssumeRole"),
        ("kms.amazonaws.com", "Decrypt"),
        ("logs.amazonaws.com", "CreateLogStream"),
        ("ec2.amazonaws.com", "DescribeVpcs"),
    ] {
        let body = json!({ "eventSource": service, "eventName": name, "eventID": "e", "eventTime": "2026-11-20T10:00:00Z" });
        assert!(told(&body.to_string()).starts_with("ignored: "), "{name}");
    }
    assert!(told("{}").starts_with("kept aside: "));
    assert!(decode(&testing::delivery(FORMAT, &[], "{")).is_err());
}

proptest! {
    #[test]
    fn nothing_makes_it_fall_over(
        bytes in ".{0,200}",
        steps in prop::collection::vec(any::<u8>(), 1..7),
        value in any_json(),
    ) {
        let _refused = decode(&testing::delivery(FORMAT, &[], &bytes));
        let mut records: Value = serde_json::from_str(RECORDS).unwrap();
        put(&mut records, &steps, value);
        told(&records.to_string());
    }
}
