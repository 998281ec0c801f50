//! Every address that takes facts over HTTP. A new source is a module and a row here.

use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use model::CalendarRuleDeclared;

use super::answer::{Answer, Refusal};
use super::{Delivery, MediaType};
use crate::decoded::{Malformed, Part};
use crate::kubernetes::audit;
use crate::proof::Proof;
use crate::{
    alertmanager, altershield, argo_rollouts, argocd, azure, cloudevents, cloudtrail, datadog,
    events, flagger, flags, flux, flyway, gcp, github, gitlab, grafana, helm, ical, jenkins,
    launchdarkly, liquibase, mapping, opsgenie, pagerduty, servicenow, terraform, unleash,
};

/// One address: which bodies it takes, and what they mean.
pub(crate) struct Address {
    /// What the form is called among the counters, in the quarantine and in the configuration.
    pub(crate) form: &'static str,
    /// Where it is; a sender that the configuration names has its name behind it.
    pub(crate) path: &'static str,
    /// Where the tools of its senders look for it besides. These paths name no sender; the proof does.
    pub(crate) also: &'static [&'static str],
    /// Whether it takes this media type.
    pub(crate) takes: fn(&MediaType, &HeaderMap) -> bool,
    /// What it takes, for people.
    pub(crate) expects: &'static str,
    /// How its senders prove themselves, where the configuration holds a secret.
    pub(crate) proof: Proof,
    /// What a body means. A body that lay in the quarantine comes here again.
    pub(crate) decode: fn(&Delivery) -> Result<Vec<Part>, Malformed>,
    /// What is to be written of the parts, where a body says all that its sender declared.
    pub(crate) against: Option<Compare>,
    /// What the answer repeats of a body: the name that an alert got, for the sender to close it by.
    pub(crate) echo: fn(&[Part]) -> Option<String>,
    /// The answer in the words that its senders expect.
    pub(crate) respond: fn(Answer) -> Response,
    /// The same when nothing was taken.
    pub(crate) refuse: fn(Refusal) -> Response,
}

/// The parts of a body against the rules of the calendar that were declared before.
pub(crate) type Compare = fn(&Delivery, Vec<Part>, &[CalendarRuleDeclared]) -> Vec<Part>;

/// All of them.
pub(crate) const ADDRESSES: [&Address; 32] = [
    &events::ADDRESS,
    &cloudevents::ADDRESS,
    &alertmanager::ADDRESS,
    &github::ADDRESS,
    &gitlab::ADDRESS,
    &argocd::ADDRESS,
    &argo_rollouts::ADDRESS,
    &flux::ADDRESS,
    &flagger::ADDRESS,
    &helm::ADDRESS,
    &jenkins::ADDRESS,
    &cloudtrail::ADDRESS,
    &azure::ADDRESS,
    &gcp::ADDRESS,
    &audit::ADDRESS,
    &terraform::ADDRESS,
    &launchdarkly::ADDRESS,
    &unleash::ADDRESS,
    &flags::ADDRESS,
    &flyway::ADDRESS,
    &liquibase::ADDRESS,
    &pagerduty::WEBHOOKS,
    &pagerduty::CHANGES,
    &pagerduty::ALERTS,
    &datadog::V1,
    &datadog::V2,
    &altershield::ADDRESS,
    &servicenow::ADDRESS,
    &grafana::ADDRESS,
    &opsgenie::ADDRESS,
    &ical::ADDRESS,
    &mapping::ADDRESS,
];

impl Address {
    /// An address of JSON bodies under `/ingest`, with a token and the common answer.
    pub(crate) const fn of_json(
        form: &'static str,
        path: &'static str,
        decode: fn(&Delivery) -> Result<Vec<Part>, Malformed>,
    ) -> Self {
        Self {
            form,
            path,
            also: &[],
            takes: |media, _| media.is_json(),
            expects: "application/json",
            proof: Proof::Token,
            decode,
            against: None,
            echo: |_| None,
            respond: Answer::into_response,
            refuse: Refusal::into_response,
        }
    }
}

/// The address that reads bodies of this form.
pub(super) fn of_form(form: &str) -> Option<&'static Address> {
    ADDRESSES.into_iter().find(|address| address.form == form)
}
