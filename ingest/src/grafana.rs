//! Grafana's alerting webhook. Its alerts are those of Alertmanager and are read there.

#[cfg(test)]
mod tests;

use crate::alertmanager;
use crate::intake::Address;
use crate::proof::{HashFunction, Proof};

const FORMAT: &str = "grafana";

/// Where notifications are taken.
pub(crate) const ADDRESS: Address = Address {
    proof: Proof::AnyOf(&[
        Proof::Hmac {
            header: "x-grafana-alerting-signature",
            prefix: "",
            hash: HashFunction::Sha256,
        },
        Proof::Token,
    ]),
    ..Address::of_json(FORMAT, "/ingest/grafana", |delivery| {
        alertmanager::decode(delivery, FORMAT)
    })
};
