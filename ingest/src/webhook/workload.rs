//! Workloads of Kubernetes, spelled as the cluster itself is read.

use model::Artifact;

/// Whether it is what runs, and no configuration or network around it.
pub(crate) fn is_workload(kind: &str) -> bool {
    const KINDS: [&str; 6] = [
        "deployment",
        "statefulset",
        "daemonset",
        "rollout",
        "job",
        "cronjob",
    ];
    KINDS.contains(&kind)
}

/// An image as an artifact: `registry/name:version@digest`.
pub(crate) fn image(written: &str) -> Artifact {
    let (rest, digest) = match written.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.to_owned())),
        None => (written, None),
    };
    let after_path = rest.rfind('/').map_or(0, |slash| slash + 1);
    let colon = rest.get(after_path..).and_then(|last| last.find(':'));
    let (name, version) = match colon {
        Some(colon) => {
            let (name, version) = rest.split_at(after_path + colon);
            (name, Some(version.trim_start_matches(':').to_owned()))
        }
        None => (rest, None),
    };
    Artifact {
        name: name.to_owned(),
        version,
        digest,
        url: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_a_name_a_version_and_a_digest() {
        let read = |written: &str| {
            let image = image(written);
            format!("{} {:?} {:?}", image.name, image.version, image.digest)
        };
        assert_eq!(read("nginx"), "nginx None None");
        assert_eq!(read("a.example:5000/x/y"), "a.example:5000/x/y None None");
        assert_eq!(
            read("a.example:5000/x:1@sha256:ab"),
            r#"a.example:5000/x Some("1") Some("sha256:ab")"#
        );
    }
}
