//! `epicenter refit`: fits the ranking's weights to incidents whose cause is known.

mod report;
mod yardstick;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::bail;
use graph::{
    FITTED, Fitted, JudgedIncidents, Judgements, NearbyLimits, NearbyQuestion, Projection,
    RankingModel, RefitCase, changes_nearby, fit, fitted_of, plain, with_fitted,
};
use model::{ChangeId, Lookback, Timestamp};

use super::replay::Stopped;
use super::{SettingFlags, print};
use crate::config::Settings;
use crate::ranking;
use report::Fitting;

/// How long after its beginning an incident is asked about.
const ASKED_AFTER_MILLIS: i64 = 15 * 60_000;

/// Fit the ranking's weights to incidents whose cause is known, and say how good they are on those left out.
#[derive(Debug, clap::Args)]
pub(crate) struct RefitFlags {
    /// A folder of cases in the neutral form: cases.jsonl, truth.jsonl, topology-NAME.jsonl
    #[arg(long, value_name = "DIR")]
    yardstick: Option<PathBuf>,
    /// Take the judged incidents of a stopped server's log (`--data-dir`) as well
    #[arg(long)]
    judged: bool,
    /// Where the weights are held: `present` ones, or `plain` ones that have seen no case
    #[arg(long, value_enum, default_value_t = Towards::Present)]
    towards: Towards,
    /// How firmly they are held there
    #[arg(long, value_name = "NUMBER", default_value_t = 1.0)]
    ridge: f64,
    /// Write the fitted weights to this file, under the version that `--version-name` gives
    #[arg(long, value_name = "FILE", requires = "version_name")]
    write: Option<PathBuf>,
    /// The name under which answers show the written weights
    #[arg(long, value_name = "NAME")]
    version_name: Option<String>,
    #[command(flatten)]
    settings: SettingFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Towards {
    Present,
    Plain,
}

/// Fits, reports and, when asked to, writes.
pub(super) fn refit(flags: &RefitFlags) -> anyhow::Result<()> {
    if flags.yardstick.is_none() && !flags.judged {
        bail!("say what to fit to: --yardstick DIR, --judged, or both");
    }
    if !(flags.ridge.is_finite() && 0.0 < flags.ridge) {
        bail!("--ridge must be more than 0: without it a signal that few cases have runs away");
    }
    let settings = flags.settings.settings()?;
    let model = ranking::load(&settings.ranking)?;
    let cases = cases(flags, &settings, &model)?;
    if cases.is_empty() {
        bail!("there is no case: nobody judged the cause of an incident");
    }
    let towards: Fitted = match flags.towards {
        Towards::Present => fitted_of(&model.weights),
        Towards::Plain => plain(),
    };
    let all: Vec<&RefitCase> = cases.iter().collect();
    let fitted = fit(&all, &towards, flags.ridge, None).map(|it| (it * 100.0).round() / 100.0);
    let told = Fitting {
        cases: &cases,
        model: &model,
        towards: &towards,
        ridge: flags.ridge,
        fitted: &fitted,
    };
    print(&told.told())?;
    match (&flags.write, &flags.version_name) {
        (Some(file), Some(version)) => {
            let written = RankingModel {
                version: version.clone(),
                weights: with_fitted(&model.weights, &fitted),
            };
            ranking::write(file, &written)?;
            print(&format!(
                "\nwrote {} to {}; `ranking.weights` in the configuration makes a server use it\n",
                written.version,
                file.display()
            ))
        }
        _ => Ok(()),
    }
}

fn cases(
    flags: &RefitFlags,
    settings: &Settings,
    model: &RankingModel,
) -> anyhow::Result<Vec<RefitCase>> {
    let zero = FITTED.iter().find(|one| (one.get)(&model.weights) == 0.0);
    if let Some(zero) = zero {
        bail!(
            "the weight {} is 0, so answers do not show what its signal measures; start from weights that are not",
            zero.signal
        );
    }
    let limits = NearbyLimits {
        first: usize::MAX,
        considered_max: settings.graphql.nearby_considered_max,
        looked_at_max: settings.graphql.nearby_looked_at_max,
        visited_max: settings.graphql.nearby_visited_max,
    };
    let mut cases = Vec::new();
    if let Some(folder) = &flags.yardstick {
        cases.extend(yardstick::cases(folder, model, limits)?);
    }
    if flags.judged {
        cases.extend(judged(flags, model, limits)?);
    }
    Ok(cases)
}

/// The judged incidents of a stopped server's log, each as it is known now, without what was judged of it.
fn judged(
    flags: &RefitFlags,
    model: &RankingModel,
    limits: NearbyLimits,
) -> anyhow::Result<Vec<RefitCase>> {
    let stopped = Stopped::open(&flags.settings)?;
    let estate = stopped.restored();
    let mut estate = stopped.advance(estate, "folding")?;
    let view = estate.publish();
    let found = JudgedIncidents::of(&view, Timestamp::MIN, Timestamp::MAX, usize::MAX);
    let caused = found
        .incidents
        .into_iter()
        .filter(|it| !it.causes.is_empty());
    let cases = caused.map(|incident| {
        let question = NearbyQuestion {
            items: Vec::new(),
            incidents: vec![incident.id],
            unknown_items: Vec::new(),
            at: incident.started_at.plus_millis(ASKED_AFTER_MILLIS),
            lookback: Lookback::hours(72),
            judgements: Judgements::LeftOut,
            model: model.clone(),
        };
        let admits = |change: &graph::ChangeRow<'_>| !change.is_bookkeeping();
        let answer = changes_nearby(&view, &question, &admits, limits);
        let causes: BTreeSet<ChangeId> = incident.causes.iter().copied().collect();
        let month: String = incident.started_at.to_string().chars().take(7).collect();
        let named = (incident.id.to_string(), "log".to_owned(), month);
        RefitCase::read(named, &answer, &model.weights, &causes)
    });
    Ok(cases.collect())
}
