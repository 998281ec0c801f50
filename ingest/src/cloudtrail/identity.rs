//! Who called: a person, a machine, or somebody of whom the record does not tell.

use model::{Actor, ActorKind};
use serde_json::Value;

use crate::said::Said;
use crate::told::actor;

/// The role by which people come in through IAM Identity Center.
const PEOPLE: &str = "AWSReservedSSO_";

pub(super) fn operator(record: &Value) -> Actor {
    let Some(identity) = record.get("userIdentity") else {
        return Actor::default();
    };
    let name = name(identity);
    actor(kind(record, identity), name)
}

/// What the call came through, if the record tells: the console, or a service.
pub(super) fn channel(record: &Value) -> Option<&str> {
    match is_of_console(record) {
        true => Some("console"),
        false => Said(record).written("/userIdentity/invokedBy"),
    }
}

fn is_of_console(record: &Value) -> bool {
    let agent = Said(record).written("/userAgent").unwrap_or_default();
    Said(record).written("/sessionCredentialFromConsole") == Some("true")
        || agent.contains("console.amazonaws.com")
        || agent == "AWS Internal" && Said(record).written("/eventType") == Some("AwsConsoleAction")
}

fn kind(record: &Value, identity: &Value) -> ActorKind {
    let by_service = Said(identity).written("/invokedBy").is_some();
    match Said(identity).written("/type").unwrap_or_default() {
        "AWSService" => ActorKind::Automatic,
        _ if by_service => ActorKind::Automatic,
        "Root" | "IAMUser" | "IdentityCenterUser" | "Directory" | "SAMLUser" | "FederatedUser" => {
            ActorKind::Human
        }
        "AssumedRole" => assumed(record, identity),
        _ => ActorKind::Unknown,
    }
}

/// A role is put on by people and by machines; its session tells which.
fn assumed(record: &Value, identity: &Value) -> ActorKind {
    let issuer = Said(identity)
        .written("/sessionContext/sessionIssuer/arn")
        .unwrap_or_default();
    let session = session(identity).unwrap_or_default();
    let of_machine = identity
        .pointer("/sessionContext/ec2RoleDelivery")
        .is_some()
        || identity
            .pointer("/sessionContext/webIdFederationData/federatedProvider")
            .is_some()
        || issuer.contains(":role/aws-service-role/")
        || session.starts_with("i-");
    if issuer.contains(PEOPLE) || session.contains('@') || is_of_console(record) {
        ActorKind::Human
    } else if of_machine {
        ActorKind::Automatic
    } else {
        ActorKind::Unknown
    }
}

fn name(identity: &Value) -> Option<&str> {
    match Said(identity).written("/type") {
        Some("Root") => Some("root"),
        Some("AssumedRole") => {
            let role = Said(identity).written("/sessionContext/sessionIssuer/userName");
            let session = session(identity);
            // A person's session has the person's name; a machine's says nothing that its role does not.
            match (session, role) {
                (Some(session), _) if session.contains('@') => Some(session),
                (session, role) => role.or(session),
            }
        }
        _ => Said(identity)
            .written("/userName")
            .or_else(|| Said(identity).written("/invokedBy"))
            .or_else(|| Said(identity).written("/arn"))
            .or_else(|| Said(identity).written("/principalId")),
    }
}

/// The name of the session, behind the id of the role.
fn session(identity: &Value) -> Option<&str> {
    let principal = Said(identity).written("/principalId")?;
    principal.split_once(':').map(|(_, session)| session)
}
