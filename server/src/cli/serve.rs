//! `epicenter serve`.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context;

use super::{SettingFlags, print};
use crate::config::{Settings, TenantName};
use crate::serve::{Addresses, Server};
use crate::shutdown::Signals;
use crate::telemetry::Telemetry;

/// Runs the server until a signal comes.
pub(super) fn serve(flags: &SettingFlags) -> anyhow::Result<()> {
    let mut settings = flags.settings()?;
    settings.tenants = tenants(&settings)?;
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

/// The tenants that have a file in the folder for them.
fn tenants(settings: &Settings) -> anyhow::Result<BTreeMap<TenantName, Settings>> {
    let folder = &settings.tenants_dir;
    let mut tenants = BTreeMap::new();
    if folder.as_os_str().is_empty() {
        return Ok(tenants);
    }
    let unread = || format!("could not read `tenants_dir` {}", folder.display());
    for entry in fs::read_dir(folder).with_context(unread)? {
        let path = entry.with_context(unread)?.path();
        if path.extension().is_none_or(|ending| ending != "toml") {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let name: TenantName = name.parse()?;
        let text = fs::read_to_string(&path);
        let text = text.with_context(|| format!("could not read {}", path.display()))?;
        let tenant = settings.of_tenant(&name, &path, &text)?;
        tenants.insert(name, tenant);
    }
    Ok(tenants)
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
