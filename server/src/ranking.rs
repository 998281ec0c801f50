//! The weights of the ranking that a file holds: `[ranking]`.

use std::path::Path;

use anyhow::{Context, bail};
use graph::RankingModel;

use crate::config::RankingSettings;

/// The weights that the configuration names; those that are built in where it names none.
pub(crate) fn load(settings: &RankingSettings) -> anyhow::Result<RankingModel> {
    if settings.weights.as_os_str().is_empty() {
        return Ok(RankingModel::default());
    }
    read(&settings.weights)
}

fn read(file: &Path) -> anyhow::Result<RankingModel> {
    let shown = file.display();
    let text = std::fs::read_to_string(file);
    let text = text.with_context(|| format!("ranking.weights: {shown} cannot be read"))?;
    let model: RankingModel = toml::from_str(&text)
        .with_context(|| format!("ranking.weights: {shown} holds no weights"))?;
    if let Some((field, reason)) = model.fault() {
        bail!("ranking.weights: {shown}: {field}: {reason}");
    }
    Ok(model)
}

/// Writes weights as a file that [`load`] reads.
pub(crate) fn write(file: &Path, model: &RankingModel) -> anyhow::Result<()> {
    if let Some((field, reason)) = model.fault() {
        bail!("{field}: {reason}");
    }
    let text = toml::to_string_pretty(model).context("weights have no form in TOML")?;
    std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(text: &str) -> Result<RankingModel, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("weights.toml");
        std::fs::write(&file, text).unwrap();
        let loaded = load(&RankingSettings {
            weights: file.clone(),
        });
        let place = file.display().to_string();
        loaded.map_err(|error| format!("{error:#}").replace(&place, "FILE"))
    }

    #[test]
    fn a_file_that_was_written_is_read_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("weights.toml");
        let mut model = RankingModel {
            version: "mine-1".to_owned(),
            ..RankingModel::default()
        };
        model.weights.nearness = 0.55;
        write(&weights, &model).unwrap();
        assert_eq!(load(&RankingSettings { weights }).unwrap(), model);
    }

    #[test]
    fn what_a_file_leaves_out_is_built_in_and_what_cannot_be_is_told() {
        let model = loaded("version = \"mine-2\"\n[weights]\nwords = 0.4\n").unwrap();
        assert_eq!(model.weights.words, 0.4);
        assert_eq!(
            model.weights.recency,
            RankingModel::default().weights.recency
        );
        let refused = loaded("version = \"mine\"\n[weights]\nwalk_stop = 2.0\n").unwrap_err();
        assert_eq!(
            refused,
            "ranking.weights: FILE: weights.walk_stop: must lie between 0 and 1"
        );
        let refused = loaded("version = \"nearby-2\"\n[weights]\nwords = 3.0\n").unwrap_err();
        assert!(
            refused.contains("version: is that of the weights that are built in"),
            "{refused}"
        );
        assert!(loaded("version = \"mine\"\n[weights]\nword = 3.0\n").is_err());
        let nowhere = RankingSettings {
            weights: "/nowhere/weights.toml".into(),
        };
        assert!(load(&nowhere).is_err());
    }
}
