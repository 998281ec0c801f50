//! `epicenter quality`: how good were the answers, by what people judged later?

use std::fmt::{self, Write};

use model::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::ask::{AskFlags, Question, ask};

/// How good were the answers, by what people judged later?
#[derive(Debug, clap::Args)]
pub(crate) struct QualityFlags {
    /// Incidents and changes that began from here on [default: 90 days before the end]
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// and before this [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// How many minutes after its beginning an incident is asked about
    #[arg(long, value_name = "N", default_value_t = 15)]
    minutes: u32,
    /// How many judged incidents are ranked again, the newest
    #[arg(long, value_name = "N", default_value_t = 50)]
    incidents: u32,
    /// Rank by what is known now instead of what was known then
    #[arg(long)]
    as_known_now: bool,
    #[command(flatten)]
    ask: AskFlags,
}

const DOCUMENT: &str = "\
query Quality($from: DateTime, $to: DateTime, $minutes: Int, $incidents: Int, $now: Boolean!) {
  quality(from: $from, to: $to, minutes: $minutes, incidents: $incidents, asKnownNow: $now) {
    from to position
    ranking {
      incidentsAll leftOut unknownThen modelVersion
      whole { ...sums } weeks { key sums { ...sums } } symptoms { key sums { ...sums } }
      sources { key sums { ...sums } } severities { key sums { ...sums } }
      incidents { incident { id title startedAt } hasCause rank }
    }
    risk {
      assessedTruncated scoredTruncated
      calibrations {
        source brier brierOfShare ranksCausesHigher causes { ...share }
        buckets { name meanScore causes { ...share } }
      }
    }
  }
}
fragment share on Estimate { value part whole low high }
fragment sums on RankingSums {
  judged notListed noneOfThese { ...share } first { ...share } firstThree { ...share } firstFive { ...share }
  meanRank { mean count low high }
}";

#[derive(Debug, Deserialize)]
struct Answer {
    quality: Quality,
}

#[derive(Debug, Deserialize)]
struct Quality {
    from: Timestamp,
    to: Timestamp,
    ranking: Ranking,
    risk: Risk,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ranking {
    whole: Sums,
    weeks: Vec<Group>,
    symptoms: Vec<Group>,
    sources: Vec<Group>,
    severities: Vec<Group>,
    incidents_all: usize,
    left_out: usize,
    unknown_then: usize,
    model_version: String,
}

#[derive(Debug, Deserialize)]
struct Group {
    key: String,
    sums: Sums,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sums {
    judged: usize,
    not_listed: usize,
    none_of_these: Share,
    first: Share,
    first_three: Share,
    first_five: Share,
    mean_rank: Option<Mean>,
}

#[derive(Debug, Deserialize)]
struct Share {
    value: Option<f64>,
    part: usize,
    whole: usize,
    low: Option<f64>,
    high: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Mean {
    mean: f64,
    low: f64,
    high: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Risk {
    calibrations: Vec<Calibration>,
    assessed_truncated: bool,
    scored_truncated: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Calibration {
    source: String,
    brier: Option<f64>,
    brier_of_share: Option<f64>,
    ranks_causes_higher: Option<f64>,
    causes: Share,
    buckets: Vec<Bucket>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bucket {
    name: String,
    mean_score: f64,
    causes: Share,
}

/// Asks and prints.
pub(super) fn quality(flags: &QualityFlags) -> anyhow::Result<()> {
    let variables = json!({
        "from": flags.from,
        "to": flags.to,
        "minutes": flags.minutes,
        "incidents": flags.incidents,
        "now": flags.as_known_now,
    });
    ask(
        &flags.ask,
        &Question {
            document: DOCUMENT,
            variables,
            render,
        },
    )
}

fn render(answer: &Answer) -> String {
    let mut text = String::new();
    let quality = &answer.quality;
    let written = writeln!(text, "from {} to {}\n", quality.from, quality.to)
        .and_then(|()| write_ranking(&mut text, &quality.ranking))
        .and_then(|()| write_risk(&mut text, &quality.risk));
    written.expect("writing to a String does not fail");
    text
}

fn write_ranking(text: &mut String, ranking: &Ranking) -> fmt::Result {
    let version = &ranking.model_version;
    writeln!(
        text,
        "The ranking of causes, {version}; with 95 % intervals"
    )?;
    writeln!(
        text,
        "{:28} judged  AC@1               AC@3               AC@5               none of these      mean place",
        ""
    )?;
    write_sums(text, "all", &ranking.whole)?;
    let sorts = [
        ("week of", &ranking.weeks),
        ("symptom", &ranking.symptoms),
        ("source", &ranking.sources),
        ("severity", &ranking.severities),
    ];
    for (sort, groups) in sorts {
        for group in groups {
            write_sums(text, &format!("{sort} {}", group.key), &group.sums)?;
        }
    }
    let all = ranking.incidents_all;
    writeln!(
        text,
        "\n{} of {all} incidents were judged",
        ranking.whole.judged + ranking.left_out
    )?;
    let notes = [
        (
            ranking.left_out,
            "older ones of them were left out; --incidents ranks more",
        ),
        (
            ranking.unknown_then,
            "were not known yet when they are asked about",
        ),
        (
            ranking.whole.not_listed,
            "had a cause that was not among the first 100",
        ),
    ];
    for (count, note) in notes.into_iter().filter(|(count, _)| 0 < *count) {
        writeln!(text, "{count} {note}")?;
    }
    Ok(())
}

fn write_sums(text: &mut String, name: &str, sums: &Sums) -> fmt::Result {
    let mean = sums.mean_rank.as_ref();
    let mean = mean.map_or_else(
        || "-".to_owned(),
        |it| format!("{:.1} ({:.1}-{:.1})", it.mean, it.low, it.high),
    );
    writeln!(
        text,
        "  {name:26} {:6}  {:18} {:18} {:18} {:18} {mean}",
        sums.judged,
        told(&sums.first),
        told(&sums.first_three),
        told(&sums.first_five),
        told(&sums.none_of_these)
    )
}

fn write_risk(text: &mut String, risk: &Risk) -> fmt::Result {
    for found in &risk.calibrations {
        writeln!(
            text,
            "\nRisk by {}: {} of {} changes were judged causes",
            found.source, found.causes.part, found.causes.whole
        )?;
        for bucket in &found.buckets {
            let causes = &bucket.causes;
            let counts = format!("{} of {}", causes.part, causes.whole);
            writeln!(
                text,
                "  {:26} {counts:14} {:18} mean score {:.2}",
                bucket.name,
                told(causes),
                bucket.mean_score
            )?;
        }
        if let Some(higher) = found.ranks_causes_higher {
            writeln!(
                text,
                "  a cause has a higher score than another change {:.0} % of the time",
                higher * 100.0
            )?;
        }
        if let Some((brier, share)) = found.brier.zip(found.brier_of_share) {
            writeln!(
                text,
                "  Brier score {brier:.4}, where the share of causes alone has {share:.4}"
            )?;
        }
    }
    if risk.assessed_truncated || risk.scored_truncated {
        writeln!(text, "\nolder changes were left out of the risks")?;
    }
    Ok(())
}

/// A share with its interval.
fn told(share: &Share) -> String {
    match (share.value, share.low, share.high) {
        (Some(value), Some(low), Some(high)) => format!("{value:.2} ({low:.2}-{high:.2})"),
        _ => "-".to_owned(),
    }
}
