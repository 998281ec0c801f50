//! `epicenter demo`: a server with a shop in it, and the answer.

use anyhow::{Context, bail};
use model::Clock;
use serde_json::json;

use super::ask::query;
use super::nearby::{self, DOCUMENT, INCIDENT_DOCUMENT};
use super::serve::{announcement, runtime};
use super::{SettingFlags, print};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::demo;
use crate::serve::{Addresses, Server};
use crate::shutdown::Signals;
use crate::telemetry::Telemetry;

/// Serve a demo estate with an incident, and answer what changed nearby.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoFlags {
    /// End after the answer
    #[arg(long)]
    exit: bool,
    #[command(flatten)]
    settings: SettingFlags,
}

/// Changes in the answer.
const SHOWN: u32 = 3;

/// Serves, sends, asks, prints; then goes on serving unless told to end.
pub(super) fn demo(flags: &DemoFlags) -> anyhow::Result<()> {
    let mut settings = flags.settings.settings()?;
    let temporary = match flags.settings.data_dir {
        Some(_) => None,
        None => Some(tempfile::tempdir().context("could not make a temporary folder")?),
    };
    if let Some(temporary) = &temporary {
        settings.data_dir = temporary.path().to_owned();
    }
    // Nobody wants to wait long for a demo.
    settings.otlp.window_ms = settings.otlp.window_ms.min(1_000);
    settings.otlp.grace_ms = settings.otlp.grace_ms.min(500);
    settings.otlp.pairing_ms = settings.otlp.pairing_ms.min(500);
    if settings.is_locked() {
        bail!("the demo is for this machine only; it knows no tokens");
    }
    settings.tls = Settings::defaults().tls;
    runtime()?.block_on(async {
        let telemetry = Telemetry::start(&settings.telemetry)?;
        let server = Server::start(settings).await?;
        print(&announcement(&server.addresses))?;
        let answered = answer(&server.addresses).await;
        let ended = match (answered, flags.exit) {
            (Ok(text), false) => {
                let signals = Signals::listen()?;
                print(&format!("{text}\nCtrl-C ends the demo.\n"))?;
                server.run(signals).await
            }
            (answered, _) => {
                server.stop().await;
                answered.and_then(|text| print(&text))
            }
        };
        telemetry.stop();
        ended
    })
}

/// Sends the shop's day, asks what changed near its incident, and says it in words.
async fn answer(addresses: &Addresses) -> anyhow::Result<String> {
    let server = format!("http://{}", addresses.http);
    let sent = demo::send(addresses, SystemClock.now()).await?;
    let incident = demo::incident(&server).await?;
    let about = query(&server, INCIDENT_DOCUMENT, &json!({ "incident": incident })).await?;
    let variables = json!({ "incident": incident, "first": SHOWN });
    let nearby = query(&server, DOCUMENT, &variables).await?;
    let about = nearby::render_incident(&serde_json::from_value(about)?);
    let nearby = nearby::render(&serde_json::from_value(nearby)?);
    Ok(format!(
        "\nA web shop sent {} items, {} relations, {} spans, {} changes and one alert.\n\
         What changed near the alert?\n\n\
         {about}{nearby}\n\
         Ask more in a browser at {server}/graphql, or in another terminal:\n  \
         epicenter nearby {incident} --server {server}\n  \
         epicenter blast-radius database:prod/orders-db --server {server}\n",
        sent.items, sent.relations, sent.spans, sent.changes,
    ))
}
