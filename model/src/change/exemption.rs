//! What lets a change through where others have to wait.

use serde::{Deserialize, Serialize};

use crate::{ExemptionKind, GREEN_CHANNEL_MS, Timestamp, ValidInterval};

/// An exemption that a change uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exemption {
    /// What sort of exemption.
    pub kind: ExemptionKind,
    /// What it is called where it was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// From when it holds; of a green channel, the time of the statement when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Until when it holds; of a green channel, an hour after its beginning at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Who granted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One thing that is wrong with an exemption: the field and why.
pub type ExemptionFault = (&'static str, &'static str);

/// Reads an exemption, or the one line that stands for it: the kind, then its reference.
pub(super) fn read<'de, D: serde::Deserializer<'de>>(
    reader: D,
) -> Result<Option<Exemption>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Line(String),
        Whole(Exemption),
    }
    match Option::<Form>::deserialize(reader)? {
        None => Ok(None),
        Some(Form::Whole(exemption)) => Ok(Some(exemption)),
        Some(Form::Line(line)) => Exemption::of_line(&line).map(Some).ok_or_else(|| {
            serde::de::Error::custom("an exemption is a green_channel or a white_list")
        }),
    }
}

impl Exemption {
    /// An exemption of which only the kind is known.
    pub fn new(kind: ExemptionKind) -> Self {
        Self {
            kind,
            reference: None,
            from: None,
            until: None,
            approver: None,
            reason: None,
        }
    }

    /// The exemption that a line stands for: its kind, then its reference.
    pub fn of_line(line: &str) -> Option<Self> {
        let (word, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let (_, kind) = ExemptionKind::WRITTEN.into_iter().find(|it| it.0 == word)?;
        let reference = Some(rest.trim()).filter(|rest| !rest.is_empty());
        Some(Self {
            reference: reference.map(str::to_owned),
            ..Self::new(kind)
        })
    }

    /// What is wrong with it.
    pub fn faults(&self) -> Vec<ExemptionFault> {
        let mut faults = Vec::new();
        let span = self.from.zip(self.until);
        if span.is_some_and(|(from, until)| until <= from) {
            faults.push(("until", "does not lie after from"));
        }
        match self.kind {
            ExemptionKind::GreenChannel => {
                let is_long = |(from, until): (Timestamp, Timestamp)| {
                    from.plus_millis(GREEN_CHANNEL_MS) < until
                };
                if span.is_some_and(is_long) {
                    faults.push((
                        "until",
                        "lies more than an hour after from, which is all that a green channel has",
                    ));
                }
            }
            ExemptionKind::WhiteList => {
                if self.until.is_none() {
                    faults.push(("until", "is required: a white list is dated"));
                }
                if self.approver.is_none() {
                    faults.push(("approver", "is required: a white list is approved"));
                }
            }
        }
        faults
    }

    /// When it holds, stated at a moment; `None` where it holds at no moment.
    pub fn valid(&self, stated_at: Timestamp) -> Option<ValidInterval> {
        let from = self.from.unwrap_or(stated_at);
        let until = match self.kind {
            ExemptionKind::GreenChannel => {
                let hour = from.plus_millis(GREEN_CHANNEL_MS);
                Some(self.until.map_or(hour, |until| until.min(hour)))
            }
            // Nobody knows how long one holds that bears no date.
            ExemptionKind::WhiteList => Some(self.until?),
        };
        ValidInterval::new(from, until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_unix_millis(minute * 60_000)
    }

    #[test]
    fn a_green_channel_is_open_for_an_hour_from_the_moment_it_is_stated() {
        let channel = Exemption::new(ExemptionKind::GreenChannel);
        assert!(channel.faults().is_empty());
        assert_eq!(
            channel.valid(at(5)),
            ValidInterval::new(at(5), Some(at(65)))
        );
        let long = Exemption {
            from: Some(at(0)),
            until: Some(at(61)),
            ..channel
        };
        assert_eq!(long.faults().len(), 1);
        assert_eq!(long.valid(at(5)), ValidInterval::new(at(0), Some(at(60))));
    }

    #[test]
    fn a_line_stands_for_an_exemption() {
        let told = Exemption::of_line("green_channel OPS-7").unwrap();
        assert_eq!(told.kind, ExemptionKind::GreenChannel);
        assert_eq!(told.reference.as_deref(), Some("OPS-7"));
        assert_eq!(Exemption::of_line("because"), None);
    }

    #[test]
    fn a_white_list_is_dated_and_approved() {
        let list = Exemption::new(ExemptionKind::WhiteList);
        let fields: Vec<&str> = list.faults().iter().map(|(field, _)| *field).collect();
        assert_eq!(fields, ["until", "approver"]);
        assert_eq!(list.valid(at(5)), None);
        let dated = Exemption {
            until: Some(at(10_000)),
            approver: Some("li.lei".to_owned()),
            ..list
        };
        assert!(dated.faults().is_empty());
        assert_eq!(
            dated.valid(at(5)),
            ValidInterval::new(at(5), Some(at(10_000)))
        );
    }
}
