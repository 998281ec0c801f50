//! What a fit comes to, in words.

use std::fmt::{self, Write};

use graph::{
    Estimate, FITTED, FITTED_COUNT, Fitted, LeaveOut, OutOfFold, Ranked, RankingModel, RefitCase,
    RefitScore, fitted_of, out_of_fold, paired, reliability,
};

/// What is fitted, from where and how firmly.
pub(super) struct Fitting<'c> {
    pub(super) cases: &'c [RefitCase],
    pub(super) model: &'c RankingModel,
    pub(super) towards: &'c Fitted,
    pub(super) ridge: f64,
    /// The weights of all cases.
    pub(super) fitted: &'c Fitted,
}

impl Fitting<'_> {
    /// Everything there is to say of it.
    pub(super) fn told(&self) -> String {
        let mut text = String::new();
        let written = self.write(&mut text);
        written.expect("writing to a String does not fail");
        text
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        let present = fitted_of(&self.model.weights);
        let as_is: Vec<Ranked> = self
            .cases
            .iter()
            .map(|case| case.ranked(&present))
            .collect();
        let parts = self.left_out(LeaveOut::Parts, None);
        let systems = self.left_out(LeaveOut::Systems, None);
        self.write_cases(text)?;
        writeln!(
            text,
            "\n{:34} AC@1 (95 %)          AC@3 (95 %)          AC@5 (95 %)          MRR",
            ""
        )?;
        write_score(
            text,
            &format!("as they are, {}", self.model.version),
            &as_is,
        )?;
        write_score(
            text,
            &format!("out of fold, {} parts", parts.folds),
            &parts.ranked,
        )?;
        write_score(
            text,
            &format!("out of fold, {} systems", systems.folds),
            &systems.ranked,
        )?;
        writeln!(
            text,
            "\ndifference of AC@1 to the weights as they are, paired (95 %)"
        )?;
        for (name, found) in [("parts", &parts), ("systems", &systems)] {
            if let Some(it) = paired(&found.ranked, &as_is) {
                writeln!(
                    text,
                    "  {name:32} {:+.3} ({:+.3} to {:+.3})",
                    it.mean, it.low, it.high
                )?;
            }
        }
        self.write_by_system(text, &as_is, &parts, &systems)?;
        self.write_weights(text, &present, &parts)?;
        write_reliability(text, &parts.ranked)?;
        self.write_ablation(text, &parts.ranked)
    }

    fn left_out(&self, folds: LeaveOut, off: Option<usize>) -> OutOfFold {
        out_of_fold(self.cases, folds, (self.towards, self.ridge), off)
    }

    fn write_cases(&self, text: &mut String) -> fmt::Result {
        let found = self
            .cases
            .iter()
            .filter(|case| case.candidates.iter().any(|it| it.is_cause));
        let mut counts: Vec<usize> = self
            .cases
            .iter()
            .map(|case| case.candidates.len())
            .collect();
        counts.sort_unstable();
        let median = counts.get(counts.len() / 2).copied().unwrap_or(0);
        writeln!(
            text,
            "{} cases, {} with a cause among their candidates, {median} candidates in the median",
            self.cases.len(),
            found.count()
        )
    }

    fn write_by_system(
        &self,
        text: &mut String,
        as_is: &[Ranked],
        parts: &OutOfFold,
        systems: &OutOfFold,
    ) -> fmt::Result {
        let mut names: Vec<&str> = self.cases.iter().map(|case| case.system.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        writeln!(
            text,
            "\nAC@1 by system{:20} cases  as they are  parts  system left out",
            ""
        )?;
        for name in names {
            let of = |ranked: &[Ranked]| {
                let own = self
                    .cases
                    .iter()
                    .zip(ranked)
                    .filter(|(case, _)| case.system == name);
                let own: Vec<Ranked> = own.map(|(_, ranked)| *ranked).collect();
                RefitScore::of(&own).first
            };
            let value = |it: Estimate| it.share.value().unwrap_or(0.0);
            writeln!(
                text,
                "  {name:32} {:5}  {:11.3}  {:5.3}  {:15.3}",
                of(as_is).share.whole,
                value(of(as_is)),
                value(of(&parts.ranked)),
                value(of(&systems.ranked))
            )?;
        }
        Ok(())
    }

    fn write_weights(&self, text: &mut String, present: &Fitted, parts: &OutOfFold) -> fmt::Result {
        writeln!(text, "\nweight{:28} as it is  fitted  over the parts", "")?;
        let all = FITTED
            .iter()
            .zip(present)
            .zip(self.fitted)
            .zip(&parts.spread);
        for (((one, present), fitted), (least, most)) in all {
            let name = one.signal;
            writeln!(
                text,
                "  {name:32} {present:8.2}  {fitted:6.2}  {least:.2} to {most:.2}"
            )?;
        }
        Ok(())
    }

    fn write_ablation(&self, text: &mut String, whole: &[Ranked]) -> fmt::Result {
        writeln!(
            text,
            "\nout of fold by parts, each signal off in turn, the others fitted again"
        )?;
        writeln!(
            text,
            "{:34} AC@1   AC@3   AC@5   MRR    difference of AC@1 (95 %)",
            "  without"
        )?;
        write_ablated(text, "nothing", whole, whole)?;
        for off in 0..FITTED_COUNT {
            let name = FITTED.get(off).map_or("", |one| one.signal);
            let without = self.left_out(LeaveOut::Parts, Some(off));
            write_ablated(text, name, &without.ranked, whole)?;
        }
        Ok(())
    }
}

fn share(estimate: Estimate) -> String {
    let ends = estimate.low.zip(estimate.high);
    let value = estimate.share.value().unwrap_or(0.0);
    let (low, high) = ends.unwrap_or((0.0, 1.0));
    format!("{value:.3} ({low:.3}-{high:.3})")
}

fn write_score(text: &mut String, name: &str, ranked: &[Ranked]) -> fmt::Result {
    let score = RefitScore::of(ranked);
    let reciprocal = score.reciprocal.map_or(0.0, |it| it.mean);
    writeln!(
        text,
        "  {name:32} {:20} {:20} {:20} {reciprocal:.3}",
        share(score.first),
        share(score.first_three),
        share(score.first_five)
    )
}

fn write_ablated(
    text: &mut String,
    name: &str,
    ranked: &[Ranked],
    whole: &[Ranked],
) -> fmt::Result {
    let score = RefitScore::of(ranked);
    let value = |it: Estimate| it.share.value().unwrap_or(0.0);
    let reciprocal = score.reciprocal.map_or(0.0, |it| it.mean);
    let difference = paired(ranked, whole).map_or_else(String::new, |it| {
        format!("{:+.3} ({:+.3} to {:+.3})", it.mean, it.low, it.high)
    });
    writeln!(
        text,
        "  {name:32} {:.3}  {:.3}  {:.3}  {reciprocal:.3}  {difference}",
        value(score.first),
        value(score.first_three),
        value(score.first_five)
    )
}

fn write_reliability(text: &mut String, ranked: &[Ranked]) -> fmt::Result {
    writeln!(text, "\nconfidence in the first, out of fold by parts")?;
    writeln!(text, "{:34} cases  said   was (95 %)", "  from, to")?;
    for row in reliability(ranked) {
        let span = format!("{:.1} to {:.1}", row.from, row.until);
        let cases = row.was.share.whole;
        writeln!(
            text,
            "  {span:32} {cases:5}  {:.3}  {}",
            row.said,
            share(row.was)
        )?;
    }
    Ok(())
}
