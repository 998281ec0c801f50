//! `epicenter audit`: care for the log of questions.

use std::io::{BufWriter, Write};

use anyhow::{Context, bail};
use api::AuditPlace;
use model::AuditedQuestion;
use serde_json::json;

use super::{SettingFlags, print};
use crate::audit::{Shelf, each};
use crate::data_dir::audit_folder;

/// Care for the log of questions.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum AuditCommand {
    /// Read every byte of every book and check it; fail when anything is not as it was written
    Verify(SettingFlags),
    /// Write out what was asked and by whom, one JSON object a line, the oldest first
    Export(SettingFlags),
}

/// Does what was typed. The books may be written by a server meanwhile.
pub(super) fn audit(command: &AuditCommand) -> anyhow::Result<()> {
    match command {
        AuditCommand::Verify(flags) => verify(&shelf(flags)?),
        AuditCommand::Export(flags) => export(&shelf(flags)?),
    }
}

fn shelf(flags: &SettingFlags) -> anyhow::Result<Shelf> {
    let folder = audit_folder(&flags.settings()?.data_dir);
    Ok(Shelf::new(folder))
}

fn verify(shelf: &Shelf) -> anyhow::Result<()> {
    let sound = shelf.verify()?;
    print(&format!(
        "{} entries in {} books\n",
        sound.entries, sound.books
    ))?;
    for damage in &sound.damages {
        print(&format!("  {damage}\n"))?;
    }
    match sound.damages.len() {
        0 => Ok(()),
        places => bail!("the log of questions is damaged in {places} places"),
    }
}

fn export(shelf: &Shelf) -> anyhow::Result<()> {
    let mut output = BufWriter::new(std::io::stdout().lock());
    for book in shelf.books()? {
        let (mut failed, mut lost) = (None, 0);
        let mut write = |place: AuditPlace, question: AuditedQuestion| {
            let line = json!({
                "book": place.book, "entry": place.entry, "question": question,
            });
            if let Err(error) = writeln!(output, "{line}") {
                failed.get_or_insert(error);
            }
        };
        each(&shelf.path(book), book, &mut write, &mut lost)?;
        if let Some(error) = failed {
            return Err(error).context("could not write to standard output");
        }
        if 0 < lost {
            writeln!(output, "{}", json!({ "book": book, "lost": lost }))?;
        }
    }
    output.flush().context("could not write to standard output")
}
