//! `epicenter serve`.

use anyhow::Context;

use super::{SettingFlags, print};
use crate::serve::{Addresses, Server};
use crate::shutdown::Signals;
use crate::telemetry::Telemetry;

/// Runs the server until a signal comes.
pub(super) fn serve(flags: &SettingFlags) -> anyhow::Result<()> {
    let settings = flags.settings()?;
    runtime()?.block_on(async {
        let telemetry = Telemetry::start(&settings.telemetry)?;
        let signals = Signals::listen()?;
        let server = Server::start(settings).await?;
        print(&announcement(&server.addresses))?;
        let ended = server.run(signals).await;
        telemetry.stop();
        ended
    })
}

/// The runtime everything asynchronous runs on.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_name("epicenter")
        .enable_all()
        .build()
        .context("could not start the runtime")
}

/// What scripts and people read to find the server.
pub(crate) fn announcement(addresses: &Addresses) -> String {
    let scheme = match addresses.are_secured {
        true => "https",
        false => "http",
    };
    format!(
        "http      {scheme}://{}\notlp-http {scheme}://{}\notlp-grpc {scheme}://{}\nready\n",
        addresses.http, addresses.otlp_http, addresses.otlp_grpc
    )
}
