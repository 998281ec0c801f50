//! `epicenter import`: history and estates from files, sent through a server's own intake.
//!
//! A stopped server's folder is opened for the time of the import and written
//! through the same intake, so that there is one way in.

mod calendar;
mod estate;
mod post;
mod posted;
mod read;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;
use ingest::import::{Format as EstateFormat, OtlpFile, PostedForm};

use super::serve::runtime;
use super::{SettingFlags, print, progress};
use crate::access::HouseKey;
use crate::serve::Server;
use calendar::{CalendarFlags, Calendars};
use estate::Estate;
use post::Poster;
use read::Batches;
use summary::Summary;

/// Send files through a server's intake.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportFlags {
    /// What the files hold
    format: Format,
    /// The files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The server to send to
    #[arg(
        long,
        value_name = "URL",
        env = "EPICENTER_SERVER",
        default_value = "http://127.0.0.1:8080",
        conflicts_with = "data_dir"
    )]
    server: String,
    /// Write to the folder of a stopped server instead
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// The sender of the configuration as whose files those of an audit, of migrations or of a calendar count
    #[arg(long, value_name = "NAME", default_value = "")]
    sender: String,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    estate: EstateFlags,
    #[command(flatten)]
    calendar: CalendarFlags,
}

/// What is known besides the files of other systems.
#[derive(Debug, clap::Args)]
struct EstateFlags {
    /// As whose word it counts [default: the format's name]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Which part of what the source knows the files hold [default: where files are whole listings, the file's name]
    #[arg(long, value_name = "NAME")]
    scope: Option<String>,
    /// The files say all that the source knows in its scope: what they no longer say has ended
    #[arg(long, conflicts_with = "partial")]
    full: bool,
    /// The files say only a part: nothing ends
    #[arg(long)]
    partial: bool,
    /// Believe a listing that lacks nearly all that was known
    #[arg(long)]
    end_all: bool,
    /// The environment all of it belongs to
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// The Kubernetes cluster
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// The moment of which the files speak [default: when the last of them was written]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Which column or JSON pointer becomes what, as YAML or JSON; for `csv`, and `jsonl` that are no events of ours
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Print what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Our own events, one JSON object a line; with --mapping any objects
    Jsonl,
    /// OTLP traces and logs as the Collector's file exporter writes them: JSON lines or protobuf, packed with gzip or not
    Otlp,
    /// Spans of Zipkin, version 2 as JSON
    Zipkin,
    /// Traces as Jaeger's page and API give them
    Jaeger,
    /// Kubernetes objects and lists as JSON or YAML, as `kubectl get -o json` writes them
    Kubernetes,
    /// Terraform's state, or `terraform show -json` of a state or a plan
    Terraform,
    /// Catalog files of Backstage
    Backstage,
    /// A table with a header, and a mapping
    Csv,
    /// Answers of `BlueKing` CMDB about hosts and the business topology
    BkCmdb,
    /// Hosts of an SSH client's configuration
    SshConfig,
    /// Hosts of an Ansible inventory, INI or YAML
    Ansible,
    /// Files of AWS `CloudTrail`, packed or not
    #[value(name = "cloudtrail")]
    CloudTrail,
    /// Events of Kubernetes' audit, as its log's lines
    KubernetesAudit,
    /// Records of Azure's activity log
    AzureActivity,
    /// Entries of Google Cloud's audit logs
    GcpAudit,
    /// What `flyway info` or `migrate` writes with -outputType=json, or rows of its schema history
    Flyway,
    /// Rows of Liquibase's DATABASECHANGELOG
    Liquibase,
    /// A calendar of freezes or windows
    Ical,
}

impl Format {
    /// The format of an estate; `None` for lines that are sent as they stand.
    fn of_estate(self, is_mapped: bool) -> Option<EstateFormat> {
        match self {
            Self::Jsonl if is_mapped => Some(EstateFormat::JsonLines),
            Self::Jsonl
            | Self::Otlp
            | Self::CloudTrail
            | Self::KubernetesAudit
            | Self::AzureActivity
            | Self::GcpAudit
            | Self::Flyway
            | Self::Liquibase
            | Self::Zipkin
            | Self::Jaeger
            | Self::Ical => None,
            Self::Csv => Some(EstateFormat::Csv),
            Self::BkCmdb => Some(EstateFormat::BkCmdb),
            Self::SshConfig => Some(EstateFormat::SshConfig),
            Self::Ansible => Some(EstateFormat::Ansible),
            Self::Kubernetes => Some(EstateFormat::Kubernetes),
            Self::Terraform => Some(EstateFormat::Terraform),
            Self::Backstage => Some(EstateFormat::Backstage),
        }
    }

    /// The form of what an address of the intake takes as it stands.
    const fn posted(self) -> Option<PostedForm> {
        match self {
            Self::CloudTrail => Some(PostedForm::CloudTrail),
            Self::KubernetesAudit => Some(PostedForm::KubernetesAudit),
            Self::AzureActivity => Some(PostedForm::Azure),
            Self::GcpAudit => Some(PostedForm::Gcp),
            Self::Flyway => Some(PostedForm::Flyway),
            Self::Liquibase => Some(PostedForm::Liquibase),
            Self::Zipkin => Some(PostedForm::Zipkin),
            Self::Jaeger => Some(PostedForm::Jaeger),
            Self::Jsonl
            | Self::Otlp
            | Self::Kubernetes
            | Self::Terraform
            | Self::Backstage
            | Self::Csv
            | Self::BkCmdb
            | Self::SshConfig
            | Self::Ansible
            | Self::Ical => None,
        }
    }
}

/// Imports every file, and fails when any part of one was rejected.
pub(super) fn import(flags: &ImportFlags) -> anyhow::Result<()> {
    let work = Work::of(flags)?;
    let mut summary = Summary::default();
    if let (Work::Estate(estate), true) = (&work, flags.estate.dry_run) {
        estate.tell_rejected(&mut summary);
        estate.show()?;
        return summary.verdict();
    }
    let summary = runtime()?.block_on(async {
        let Some(data_dir) = &flags.data_dir else {
            return work.send(&flags.server, None).await;
        };
        let key = HouseKey::fresh()?;
        let settings = SettingFlags::alone_over(data_dir).settings()?;
        let server = Server::start_alone(settings, key.clone()).await?;
        let url = format!("http://{}", server.addresses.http);
        let sent = work.send(&url, Some(&key)).await;
        server.stop().await;
        sent
    })?;
    print(&if flags.json {
        summary.to_json()
    } else {
        summary.say()
    })?;
    summary.verdict()
}

/// What is to be sent.
enum Work<'f> {
    Lines(Format, &'f [PathBuf]),
    /// What is posted, in whose name, from which files.
    Posted(PostedForm, &'f str, &'f [PathBuf]),
    Estate(Estate),
    Calendars(Calendars<'f>),
}

impl<'f> Work<'f> {
    fn of(flags: &'f ImportFlags) -> anyhow::Result<Self> {
        if flags.format == Format::Ical {
            return Ok(Self::Calendars(Calendars::of(flags)?));
        }
        if let Some(form) = flags.format.posted() {
            let stated = &flags.estate;
            if stated.source.is_some() || stated.environment.is_some() || stated.dry_run {
                bail!(
                    "--source, --environment and --dry-run are for files of an estate; name a table of `[[senders]]` by --sender"
                );
            }
            return Ok(Self::Posted(form, &flags.sender, &flags.files));
        }
        match flags.format.of_estate(flags.estate.mapping.is_some()) {
            Some(format) => Ok(Self::Estate(Estate::read(
                format,
                &flags.files,
                &flags.estate,
            )?)),
            None if flags.estate.dry_run => bail!("--dry-run is for files of other systems"),
            None => Ok(Self::Lines(flags.format, &flags.files)),
        }
    }

    async fn send(&self, server: &str, key: Option<&HouseKey>) -> anyhow::Result<Summary> {
        let poster = Poster::new(server, key)?;
        let mut summary = Summary::default();
        match self {
            Self::Estate(estate) => {
                estate.tell_rejected(&mut summary);
                estate.send(&poster, &mut summary).await?;
            }
            Self::Calendars(calendars) => calendars.send(&poster, &mut summary).await?,
            Self::Posted(form, sender, files) => {
                for file in *files {
                    posted::send(&poster, *form, sender, file, &mut summary)
                        .await
                        .with_context(|| format!("{}", file.display()))?;
                }
            }
            Self::Lines(format, files) => {
                for file in *files {
                    send_lines(&poster, *format, file, &mut summary)
                        .await
                        .with_context(|| format!("{}", file.display()))?;
                }
            }
        }
        Ok(summary)
    }
}

async fn send_lines(
    poster: &Poster,
    format: Format,
    path: &Path,
    summary: &mut Summary,
) -> anyhow::Result<()> {
    let length = std::fs::metadata(path).context("could not be read")?.len();
    summary.next_file();
    let bar = progress::bytes(length, &path.display().to_string());
    match format {
        Format::Otlp => {
            let file = std::fs::File::open(path).context("could not be opened")?;
            let mut file = OtlpFile::open(bar.wrap_read(file))?;
            while let Some(piece) = file.next_piece()? {
                poster.otlp(piece, summary).await?;
            }
        }
        _ => {
            let mut batches = Batches::open(path)?;
            while let Some(batch) = batches.next_batch()? {
                let bytes = batch.body.len() as u64;
                poster.events(batch, summary).await?;
                bar.inc(bytes);
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}
