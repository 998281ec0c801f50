//! Who sends to an address: where its facts are filed, and the secrets that it proves itself by.
//!
//! The schemes of proof are in `proof.rs`; this is what the configuration says.

use std::fmt;
use std::sync::Arc;

use model::{SourceKey, SourceName};

use crate::CalendarMeaning;
use crate::decoded::Part;
use crate::mapping::Mapping;
use crate::proof::Proof;

/// The header by which a body in the quarantine remembers its sender.
pub(crate) const SENDER_HEADER: &str = "epicenter-sender";

/// A secret shared with a sender. It shows itself to nobody.
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

/// One sender that the configuration names.
#[derive(Clone, Debug)]
pub struct Sender {
    /// Which form it speaks: `github`.
    pub form: String,
    /// The last part of its address, `/ingest/github/NAME`; empty for `/ingest/github`.
    pub name: String,
    /// The source that its facts come from; the form's own when `None`.
    pub source: Option<SourceName>,
    /// The environment of what names none.
    pub environment: Option<String>,
    /// The items of what names none.
    pub items: Vec<SourceKey>,
    /// Any one of them proves a body, so that a secret can be changed with an overlap.
    /// Without any, nothing is proved.
    pub secrets: Vec<Secret>,
    /// Of a feed of the calendar: what its events mean.
    pub calendar: Option<CalendarMeaning>,
    /// How it proves itself; as all of its form do when `None`.
    pub proof: Option<Proof>,
    /// What its bodies mean, where its form leaves that open.
    pub(crate) mapping: Option<Arc<Mapping>>,
}

impl Secret {
    /// A secret of these bytes; `None` if there are none.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Option<Self> {
        let bytes = bytes.into();
        (!bytes.is_empty()).then_some(Self(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Sender {
    /// The sender at `/ingest/FORM` of which the configuration says nothing.
    pub(crate) fn unnamed(form: &str) -> Self {
        Self {
            form: form.to_owned(),
            name: String::new(),
            source: None,
            environment: None,
            items: Vec::new(),
            secrets: Vec::new(),
            calendar: None,
            proof: None,
            mapping: None,
        }
    }

    /// A sender of this form and name of which nothing else is said yet.
    pub fn new(form: &str, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::unnamed(form)
        }
    }

    /// Where its facts are filed: where the configuration says, else under the form's own name.
    pub(crate) fn source_or(&self, own: &str) -> SourceName {
        match &self.source {
            Some(source) => source.clone(),
            None => SourceName::new(own),
        }
    }

    /// The environment as stated, else as configured.
    pub(crate) fn environment_or(&self, stated: Option<String>) -> Option<String> {
        stated.or_else(|| self.environment.clone())
    }

    /// The items as stated, else as configured.
    pub(crate) fn items_or(&self, stated: Vec<SourceKey>) -> Vec<SourceKey> {
        match stated.is_empty() {
            true => self.items.clone(),
            false => stated,
        }
    }

    /// Notes on what nobody understood who sent it, for the day it is read again.
    pub(crate) fn sign(&self, parts: &mut [Part]) {
        for part in parts {
            if let Part::Unknown(unknown) = part
                && !self.name.is_empty()
            {
                let name = (SENDER_HEADER.to_owned(), self.name.clone());
                unknown.headers.push(name);
            }
        }
    }
}
