//! Files and listings of other systems, to items, relations and planned changes. Pure.
//!
//! Bytes go in and statements come out, in the words of their source: each
//! format has its decoder in `import/`, and all of them speak [`Listing`]. What
//! the statements come to is not decided here; claims and aliases are written
//! so that the same thing meets under one item whoever names it.

mod ansible;
mod backstage;
mod bk_cmdb;
pub mod kubernetes;
mod listing;
mod otlp;
mod posted;
mod preview;
mod read;
mod rows;
#[cfg(test)]
mod shown;
mod ssh_config;
mod terraform;
mod yaml;

pub(crate) use listing::ItemWriter;
pub use listing::{Listing, RejectedPart, Surroundings};
pub use otlp::{OtlpFile, OtlpFileError, OtlpPiece, OtlpRequest};
pub use posted::{PostedBody, PostedError, PostedForm};
pub use preview::{PlanForm, PlannedAction, PlannedTarget, PlannedWork, preview};
pub use rows::{Mapping, MappingError};
pub(crate) use terraform::key as terraform_key;

/// What files hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Kubernetes objects, lists of them, or lines of a watch, as JSON or YAML.
    Kubernetes,
    /// A state of Terraform, or what `terraform show -json` says of a state or a plan.
    Terraform,
    /// Backstage's catalog-info files.
    Backstage,
    /// A table with a mapping.
    Csv,
    /// JSON lines with a mapping.
    JsonLines,
    /// Answers of `BlueKing` CMDB about hosts and the business topology.
    BkCmdb,
    /// An SSH client's configuration.
    SshConfig,
    /// An Ansible inventory.
    Ansible,
}

impl Format {
    /// Its name on the command line, and of its source where nobody names one.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Terraform => "terraform",
            Self::Backstage => "backstage",
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::BkCmdb => "bk-cmdb",
            Self::SshConfig => "ssh-config",
            Self::Ansible => "ansible",
        }
    }

    /// Whether a file of it says all that its source knows, so that what a later one lacks has ended.
    /// Objects of a cluster and entities of a catalog come in parts.
    pub const fn is_whole(self) -> bool {
        match self {
            Self::Terraform
            | Self::Csv
            | Self::JsonLines
            | Self::BkCmdb
            | Self::SshConfig
            | Self::Ansible => true,
            Self::Kubernetes | Self::Backstage => false,
        }
    }
}

/// A file as it was read.
#[derive(Clone, Debug)]
pub struct ImportFile {
    /// What people call it.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Everything the files say together; `None` for a format that needs a mapping.
pub fn decode(format: Format, files: &[ImportFile], around: &Surroundings) -> Option<Listing> {
    let mut listing = match format {
        Format::Kubernetes => kubernetes::decode(files, around),
        Format::Terraform => terraform::decode(files, around),
        Format::Backstage => backstage::decode(files, around),
        Format::BkCmdb => bk_cmdb::decode(files, around),
        Format::SshConfig => ssh_config::decode(files, around),
        Format::Ansible => ansible::decode(files, around),
        Format::Csv | Format::JsonLines => return None,
    };
    listing.settle();
    Some(listing)
}

/// Everything the files say by a mapping; `None` for a format that takes none.
pub fn decode_with(
    mapping: &Mapping,
    format: Format,
    files: &[ImportFile],
    around: &Surroundings,
) -> Option<Listing> {
    let mut listing = match format {
        Format::Csv => rows::decode_csv(files, mapping, around),
        Format::JsonLines => rows::decode_json(files, mapping, around),
        Format::Kubernetes
        | Format::Terraform
        | Format::Backstage
        | Format::BkCmdb
        | Format::SshConfig
        | Format::Ansible => return None,
    };
    listing.settle();
    Some(listing)
}
