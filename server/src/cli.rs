//! The command line: what can be typed, and who does it.

mod answer;
pub(crate) mod ask;
mod audit;
mod blast_radius;
mod changes;
pub(crate) mod client;
mod demo;
mod export;
mod forget;
mod import;
mod lists;
mod log;
mod mapping;
mod nearby;
mod preview;
mod progress;
mod quality;
mod refit;
mod replay;
mod serve;
mod text;
mod token;

use std::path::PathBuf;

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{Layers, Settings};

/// Answers one question: what changed nearby?
#[derive(Debug, Parser)]
#[command(name = "epicenter", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server on the embedded store
    Serve(SettingFlags),
    /// Serve a demo estate with an incident, and answer what changed nearby
    Demo(demo::DemoFlags),
    /// What changed near an incident or items?
    Nearby(nearby::NearbyFlags),
    /// Who is hit when an item fails, or when a change goes wrong?
    BlastRadius(blast_radius::BlastRadiusFlags),
    /// What would a plan, manifests or a difference touch, and what stands in the way?
    Preview(preview::PreviewFlags),
    /// Search changes, or count them by sort and time
    Changes(Box<changes::ChangesFlags>),
    /// List the items of the estate
    Items(lists::ItemsFlags),
    /// How good were the answers, by what people judged later?
    Quality(quality::QualityFlags),
    /// Fit the ranking's weights to incidents whose cause is known
    Refit(Box<refit::RefitFlags>),
    /// Send files through a server's intake
    Import(import::ImportFlags),
    /// Write the estate in a form that another system reads
    Export(export::ExportFlags),
    /// Care for the log's files
    #[command(subcommand)]
    Log(log::LogCommand),
    /// Look at mappings of senders that nobody wrote a decoder for
    #[command(subcommand)]
    Mapping(mapping::MappingCommand),
    /// Fold a stopped server's log from the start, and say what it comes to
    Replay(replay::ReplayFlags),
    /// Save the state of a stopped server's log, so that its next start is fast
    Snapshot(SettingFlags),
    /// Care for the log of questions
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Make the name of a person unreadable in a stopped server's log
    Forget(forget::ForgetFlags),
    /// Make, revoke and list tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Print the GraphQL schema
    Schema,
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check flags, environment and file, and print what they come to as TOML
    Check(SettingFlags),
}

/// Flags that set something; each beats its variable, which beats the file.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct SettingFlags {
    /// Where the page, GraphQL and the intake listen; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// Where OTLP over gRPC listens [default: 127.0.0.1:4317]
    #[arg(long, value_name = "ADDR:PORT")]
    otlp_grpc: Option<String>,
    /// Where OTLP over HTTP listens [default: 127.0.0.1:4318]
    #[arg(long, value_name = "ADDR:PORT")]
    otlp_http: Option<String>,
    /// Where everything on disk lies [default: epicenter-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<String>,
    /// Which log holds the truth: `segments:`, `segments:FOLDER` or `memory:` [default: segments:]
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// A TOML file with settings
    #[arg(long, value_name = "FILE", env = "EPICENTER_CONFIG")]
    config: Option<PathBuf>,
}

impl SettingFlags {
    /// Free ports over a folder, for work that nobody else is to see.
    pub(crate) fn alone_over(data_dir: &str) -> Self {
        let free = || Some("127.0.0.1:0".to_owned());
        Self {
            listen: free(),
            otlp_grpc: free(),
            otlp_http: free(),
            data_dir: Some(data_dir.to_owned()),
            ..Self::default()
        }
    }

    /// What flags, environment and file come to.
    pub(crate) fn settings(&self) -> anyhow::Result<Settings> {
        let flags = [
            ("listen", &self.listen),
            ("otlp_grpc", &self.otlp_grpc),
            ("otlp_http", &self.otlp_http),
            ("data_dir", &self.data_dir),
            ("log", &self.log),
        ];
        let file = match &self.config {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("could not read {}", path.display()))?;
                Some((path.clone(), text))
            }
        };
        let layers = Layers {
            flags: flags
                .into_iter()
                .filter_map(|(key, value)| Some((key, value.clone()?)))
                .collect(),
            variables: std::env::vars().collect(),
            file,
        };
        Ok(layers.settings()?)
    }
}

impl Cli {
    /// Does what was typed.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Serve(flags) => serve::serve(&flags),
            Command::Demo(flags) => demo::demo(&flags),
            Command::Import(flags) => import::import(&flags),
            Command::Export(flags) => export::export(&flags),
            Command::Nearby(flags) => nearby::nearby(&flags),
            Command::BlastRadius(flags) => blast_radius::blast_radius(&flags),
            Command::Preview(flags) => preview::preview(&flags),
            Command::Changes(flags) => changes::changes(&flags),
            Command::Items(flags) => lists::items(&flags),
            Command::Log(command) => log::log(&command),
            Command::Mapping(command) => mapping::mapping(&command),
            Command::Quality(flags) => quality::quality(&flags),
            Command::Refit(flags) => refit::refit(&flags),
            Command::Replay(flags) => replay::replay(&flags),
            Command::Snapshot(flags) => replay::snapshot(&flags),
            Command::Audit(command) => audit::audit(&command),
            Command::Forget(flags) => forget::forget(&flags),
            Command::Token(command) => token::token(&command),
            Command::Schema => print(&api::schema_text()),
            Command::Config(ConfigCommand::Check(flags)) => print(&flags.settings()?.to_toml()),
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "epicenter", &mut script);
                print(&String::from_utf8_lossy(&script))
            }
        }
    }
}

/// Writes to standard output. That nobody reads on is no error: `epicenter items | head` is fine.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("could not write to standard output"),
    }
}
