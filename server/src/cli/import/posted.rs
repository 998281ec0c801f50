//! Files of audits and migrations, posted to the address that a tool would send to.

use std::path::Path;

use anyhow::Context;
use ingest::import::PostedForm;

use super::estate::read_file;
use super::post::{Poster, Request};
use super::summary::Summary;
use crate::cli::progress;

/// Sends one file.
pub(super) async fn send(
    poster: &Poster,
    form: PostedForm,
    sender: &str,
    path: &Path,
    summary: &mut Summary,
) -> anyhow::Result<()> {
    let file = read_file(path)?;
    summary.next_file();
    let bodies = form.bodies(&file.bytes).context("could not be read")?;
    let address = match sender.is_empty() {
        true => form.path().to_owned(),
        false => format!("{}/{sender}", form.path()),
    };
    let bar = progress::events(
        bodies.iter().map(|body| body.parts as u64).sum(),
        &file.name,
    );
    for posted in bodies {
        let (before, parts) = (posted.before, posted.parts as u64);
        summary.read += parts;
        let request = Request {
            path: &address,
            kind: "application/json",
            body: posted.body,
            header: None,
        };
        let place = |index: usize| format!("part {}", before + index + 1);
        poster.parts(request, place, summary).await?;
        bar.inc(parts);
    }
    bar.finish_and_clear();
    Ok(())
}
