//! Files whose parts an address of the intake takes as they stand: cut into bodies that a request can carry.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use serde_json::value::RawValue;
use thiserror::Error;

/// Most parts and bytes of one body; a larger part goes alone.
const PARTS_MAX: usize = 1_000;
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// The largest file, unpacked.
const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// What such a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostedForm {
    /// Records of AWS `CloudTrail`, packed or not.
    CloudTrail,
    /// Events of Kubernetes' audit: the log's lines, or lists.
    KubernetesAudit,
    /// Records of Azure's activity log.
    Azure,
    /// Entries of Google Cloud's audit logs.
    Gcp,
    /// Reports of Flyway, or rows of its schema history.
    Flyway,
    /// Rows of `DATABASECHANGELOG`.
    Liquibase,
    /// Spans of Zipkin.
    Zipkin,
    /// Traces of Jaeger.
    Jaeger,
}

/// Some parts of a file, as one body.
#[derive(Debug, PartialEq, Eq)]
pub struct PostedBody {
    /// The body.
    pub body: Vec<u8>,
    /// How many parts of the file come before it.
    pub before: usize,
    /// How many parts it holds.
    pub parts: usize,
}

/// Why a file cannot be read.
#[derive(Debug, Error)]
pub enum PostedError {
    /// The packed bytes are damaged.
    #[error("the file is not gzip")]
    Gzip(#[source] std::io::Error),
    /// It unpacks to more than a file may have.
    #[error("the file has more than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    /// It is no JSON, and no lines of it.
    #[error("the file is not JSON")]
    Json(#[source] serde_json::Error),
}

impl PostedForm {
    /// The address that takes it.
    pub const fn path(self) -> &'static str {
        match self {
            Self::CloudTrail => "/ingest/cloudtrail",
            Self::KubernetesAudit => "/ingest/kubernetes",
            Self::Azure => "/ingest/azure",
            Self::Gcp => "/ingest/gcp",
            Self::Flyway => "/ingest/flyway",
            Self::Liquibase => "/ingest/liquibase",
            Self::Zipkin => "/api/v2/spans",
            Self::Jaeger => "/ingest/jaeger",
        }
    }

    /// The list in which a value of a file holds its parts; reports are not cut.
    const fn list(self) -> Option<&'static str> {
        match self {
            Self::CloudTrail => Some("Records"),
            Self::KubernetesAudit => Some("items"),
            Self::Azure => Some("records"),
            Self::Jaeger => Some("data"),
            Self::Gcp | Self::Flyway | Self::Liquibase | Self::Zipkin => None,
        }
    }

    /// The bodies of a file: its parts as a list, a report as it is.
    pub fn bodies(self, file: &[u8]) -> Result<Vec<PostedBody>, PostedError> {
        let unpacked = match file.starts_with(&[0x1f, 0x8b]) {
            true => Some(unpack(file)?),
            false => None,
        };
        let bytes = unpacked.as_deref().unwrap_or(file);
        let mut parts: Vec<Box<RawValue>> = Vec::new();
        for value in serde_json::Deserializer::from_slice(bytes).into_iter::<Box<RawValue>>() {
            self.take(value.map_err(PostedError::Json)?, &mut parts)?;
        }
        let is_whole = matches!(self, Self::Flyway | Self::Liquibase);
        let parts_max = if is_whole { 1 } else { PARTS_MAX };
        let mut bodies = Vec::new();
        let mut at = 0;
        while at < parts.len() {
            let mut bytes = 0;
            let fits = |part: &&str| {
                let first = bytes == 0;
                bytes += part.len();
                first || bytes <= BYTES_MAX
            };
            let rest = parts.iter().skip(at).take(parts_max);
            let taken: Vec<&str> = rest.map(|part| part.get()).take_while(fits).collect();
            bodies.push(PostedBody {
                body: self.body(&taken, is_whole),
                before: at,
                parts: taken.len(),
            });
            at += taken.len();
        }
        Ok(bodies)
    }

    fn take(self, value: Box<RawValue>, parts: &mut Vec<Box<RawValue>>) -> Result<(), PostedError> {
        if value.get().starts_with('[') {
            let entries: Vec<Box<RawValue>> =
                serde_json::from_str(value.get()).map_err(PostedError::Json)?;
            parts.extend(entries);
            return Ok(());
        }
        let listed = self.list().and_then(|name| {
            let mut fields: std::collections::BTreeMap<String, Box<RawValue>> =
                serde_json::from_str(value.get()).ok()?;
            let list = fields.remove(name)?;
            serde_json::from_str::<Vec<Box<RawValue>>>(list.get()).ok()
        });
        match listed {
            Some(entries) => parts.extend(entries),
            None => parts.push(value),
        }
        Ok(())
    }

    fn body(self, parts: &[&str], is_whole: bool) -> Vec<u8> {
        let listed = parts.join(",");
        match self.list() {
            Some(name) => format!("{{\"{name}\":[{listed}]}}"),
            None if is_whole => listed,
            None => format!("[{listed}]"),
        }
        .into_bytes()
    }
}

fn unpack(file: &[u8]) -> Result<Vec<u8>, PostedError> {
    let mut bytes = Vec::new();
    let read = MultiGzDecoder::new(file)
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes);
    read.map_err(PostedError::Gzip)?;
    match bytes.len() as u64 <= FILE_BYTES_MAX {
        true => Ok(bytes),
        false => Err(PostedError::TooLarge),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(form: PostedForm, file: &[u8]) -> String {
        let bodies = form.bodies(file).unwrap().into_iter();
        let shown = bodies.map(|body| {
            let text = String::from_utf8(body.body).unwrap();
            format!("{}+{} {text}", body.before, body.parts)
        });
        shown.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_packed_file_and_lines_come_to_the_same_bodies() {
        let file = br#"{"Records":[{"a":1},{"a":2}]}"#;
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(file).unwrap();
        let packed = packed.finish().unwrap();
        let expected = r#"0+2 {"Records":[{"a":1},{"a":2}]}"#;
        assert_eq!(read(PostedForm::CloudTrail, file), expected);
        assert_eq!(read(PostedForm::CloudTrail, &packed), expected);
        assert_eq!(
            read(PostedForm::CloudTrail, b"{\"a\":1}\n{\"a\":2}\n"),
            expected
        );
        assert!(PostedForm::CloudTrail.bodies(&packed[..10]).is_err());
    }

    #[test]
    fn a_report_stays_whole_and_entries_go_in_a_list() {
        assert_eq!(
            read(PostedForm::Flyway, br#"{"migrations":[1]}"#),
            r#"0+1 {"migrations":[1]}"#
        );
        assert_eq!(read(PostedForm::Gcp, b"[1,2]"), "0+2 [1,2]");
        assert_eq!(
            read(
                PostedForm::KubernetesAudit,
                b"{\"items\":[1]}{\"verb\":\"get\"}"
            ),
            r#"0+2 {"items":[1,{"verb":"get"}]}"#
        );
        assert!(PostedForm::Gcp.bodies(b"{").is_err());
    }

    #[test]
    fn many_parts_go_in_several_bodies() {
        let lines = "1\n".repeat(PARTS_MAX + 1);
        let bodies = PostedForm::Gcp.bodies(lines.as_bytes()).unwrap();
        let counts: Vec<(usize, usize)> = bodies
            .iter()
            .map(|body| (body.before, body.parts))
            .collect();
        assert_eq!(counts, [(0, PARTS_MAX), (PARTS_MAX, 1)]);
    }
}
