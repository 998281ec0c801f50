//! Config maps, secrets and claims of volumes: that they are there, and whether they changed.
//!
//! Of contents only a fingerprint leaves, short enough that nobody can test a guess with it.

use model::ContentHash;
use serde_json::Value;

use super::object::Object;
use super::{Listing, item};

/// Hex digits of the fingerprint of a config map.
const CONFIG_DIGITS: usize = 12;
/// Hex digits of the fingerprint of a secret: one wrong guess in 65,536 has the same,
/// so that it shows a change and proves no guess.
const SECRET_DIGITS: usize = 4;

/// Secrets that come with every account or release and that nobody reads by name.
const PASSED_OVER: [&str; 2] = ["kubernetes.io/service-account-token", "helm.sh/release.v1"];

/// A config map.
pub(super) fn config_map(object: &Object<'_>, listing: &mut Listing) {
    let Some(mut map) = item(object) else { return };
    map.attribute("entries", entries(object));
    map.attribute("fingerprint", fingerprint(object, CONFIG_DIGITS));
    listing.items.push(map.done());
}

/// A secret; `false` if it is one that comes with every account or release.
pub(super) fn secret(object: &Object<'_>, listing: &mut Listing) -> bool {
    let kind = object.text("/type").unwrap_or("Opaque");
    if PASSED_OVER.contains(&kind) {
        return false;
    }
    let Some(mut secret) = item(object) else {
        return false;
    };
    secret.attribute("k8s.secret.type", kind);
    secret.attribute("entries", entries(object));
    secret.attribute("fingerprint", fingerprint(object, SECRET_DIGITS));
    listing.items.push(secret.done());
    true
}

/// A claim of a volume.
pub(super) fn volume_claim(object: &Object<'_>, listing: &mut Listing) {
    let Some(mut claim) = item(object) else {
        return;
    };
    for (attribute, pointer) in [
        ("k8s.storage.class", "/spec/storageClassName"),
        ("k8s.volume.name", "/spec/volumeName"),
        ("k8s.volume.phase", "/status/phase"),
        ("size", "/spec/resources/requests/storage"),
    ] {
        claim.attribute(attribute, object.text(pointer).unwrap_or_default());
    }
    listing.items.push(claim.done());
}

const CONTENTS: [&str; 3] = ["/data", "/binaryData", "/stringData"];

fn entries(object: &Object<'_>) -> usize {
    let maps = CONTENTS
        .iter()
        .filter_map(|pointer| object.at(pointer)?.as_object());
    maps.map(serde_json::Map::len).sum()
}

/// A part of the hash of all contents, mixed with the object's own id so that equal contents do not show.
fn fingerprint(object: &Object<'_>, digits: usize) -> String {
    let mut said = object.text("/metadata/uid").unwrap_or_default().to_owned();
    for pointer in CONTENTS {
        let content = object.at(pointer).unwrap_or(&Value::Null);
        said.push('\n');
        said.push_str(&content.to_string());
    }
    let hash = ContentHash::of(said.as_bytes()).to_string();
    let hex = hash.rsplit('_').next().unwrap_or_default();
    hex.chars().take(digits).collect()
}
