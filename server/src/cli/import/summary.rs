//! What became of everything that was read, for people and scripts.

use anyhow::bail;
use serde_json::{Value, json};

/// Reasons that are shown one by one.
const REASONS_SHOWN: usize = 20;

/// Counts, and the first reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) read: u64,
    pub(super) accepted: u64,
    pub(super) duplicates: u64,
    pub(super) quarantined: u64,
    /// What became of a listing; missing for single events.
    pub(super) listing: Option<ListingSummary>,
    /// Parts of kinds that say nothing here.
    pub(super) passed_over: u64,
    pub(super) rejected: u64,
    last_rejected: Option<String>,
    reasons: Vec<(String, String)>,
    pub(super) position: Option<String>,
}

/// What became of a listing besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ListingSummary {
    pub(super) unchanged: u64,
    pub(super) ended: u64,
    pub(super) held_back: u64,
    pub(super) complete: bool,
    pub(super) reason: Option<String>,
}

impl ListingSummary {
    fn say(&self, summary: &Summary) -> String {
        let mut text = format!(
            "{} read, {} accepted, {} unchanged, {} ended, {} rejected\n",
            summary.read, summary.accepted, self.unchanged, self.ended, summary.rejected
        );
        if 0 < self.held_back {
            text.push_str(&format!("{} would have ended\n", self.held_back));
        }
        if let Some(reason) = &self.reason {
            text.push_str(&format!("{reason}\n"));
        }
        text
    }
}

impl Summary {
    /// The same places mean other parts from here on.
    pub(super) fn next_file(&mut self) {
        self.last_rejected = None;
    }

    /// How many parts a server said something of.
    pub(super) fn taken(&self) -> u64 {
        self.accepted + self.duplicates + self.quarantined + self.passed_over + self.rejected
    }

    /// Notes a reason; a part with several counts once.
    pub(super) fn reject(&mut self, place: &str, reason: &str) {
        if self.last_rejected.as_deref() != Some(place) {
            self.rejected += 1;
            self.last_rejected = Some(place.to_owned());
        }
        if self.reasons.len() < REASONS_SHOWN {
            self.reasons.push((place.to_owned(), reason.to_owned()));
        }
    }

    /// An error when anything was rejected.
    pub(super) fn verdict(&self) -> anyhow::Result<()> {
        match self.rejected {
            0 => Ok(()),
            rejected => bail!("{rejected} of {} were rejected", self.read),
        }
    }

    /// In words.
    pub(super) fn say(&self) -> String {
        let mut text = match &self.listing {
            Some(listing) => listing.say(self),
            None => format!(
                "{} read, {} accepted, {} duplicates, {} quarantined, {} rejected\n",
                self.read, self.accepted, self.duplicates, self.quarantined, self.rejected
            ),
        };
        if 0 < self.passed_over {
            text.push_str(&format!(
                "{} of kinds that say nothing here\n",
                self.passed_over
            ));
        }
        for (place, reason) in &self.reasons {
            text.push_str(&format!("  {place}: {reason}\n"));
        }
        if self.reasons.len() == REASONS_SHOWN {
            text.push_str("  perhaps more\n");
        }
        if let Some(position) = &self.position {
            text.push_str(&format!("log position {position}\n"));
        }
        text
    }

    /// As one JSON object.
    pub(super) fn to_json(&self) -> String {
        let reasons: Vec<_> = self
            .reasons
            .iter()
            .map(|(place, reason)| json!({ "place": place, "reason": reason }))
            .collect();
        let mut summary = json!({
            "read": self.read,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "quarantined": self.quarantined,
            "passedOver": self.passed_over,
            "rejected": self.rejected,
            "reasons": reasons,
            "position": self.position,
        });
        if let (Some(listing), Value::Object(fields)) = (&self.listing, &mut summary) {
            let more = [
                ("unchanged", json!(listing.unchanged)),
                ("ended", json!(listing.ended)),
                ("heldBack", json!(listing.held_back)),
                ("complete", json!(listing.complete)),
                ("reason", json!(listing.reason)),
            ];
            fields.extend(more.map(|(name, value)| (name.to_owned(), value)));
        }
        format!("{summary}\n")
    }
}
