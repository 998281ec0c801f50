//! The addresses that take facts over HTTP: read within bounds, decode, append, answer.
//!
//! It knows no source's form; each address brings its decoder.

mod address;
pub(crate) mod answer;
pub(crate) mod body;
mod counters;
mod direct;
mod listing;
pub(crate) mod media;
mod passed_over;
mod patient;
mod reprocess;
mod settle;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path as PathPart, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use model::{Caller, Clock, Scope, SourceName, Timestamp};

use crate::decoded::Part;
use crate::events;
use crate::fields::{Path, Problems};
use crate::mapping::{self, Mappings};
use crate::proof::Claimed;
use crate::room::Room;
use crate::suppressed::Suppressions;
use crate::{Known, Quarantine, Recorder, Sender};
pub(crate) use address::{ADDRESSES, Address};
use answer::Refusal;
pub use answer::Said;
use counters::Counters;
pub use counters::IntakeCounters;
pub use direct::DirectError;
pub(crate) use media::MediaType;
pub use reprocess::{ReprocessError, Reprocessed};

/// What an intake may hold at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntakeLimits {
    /// Largest body, before and after decompression.
    pub body_bytes: usize,
    /// Bodies held at once, all together, after decompression.
    pub bodies_in_flight_bytes: usize,
    /// How long a sender may take to send its body.
    pub body_timeout: Duration,
}

/// Takes what sources send.
pub struct Intake {
    recorder: Recorder,
    quarantine: Arc<Quarantine>,
    clock: Arc<dyn Clock>,
    limits: IntakeLimits,
    bodies: Room,
    /// One for each address, in their order.
    counters: Vec<Counters>,
    senders: Vec<Arc<Sender>>,
    mappings: Option<Arc<Mappings>>,
    /// What listings come to.
    listing: Counters,
    known: Option<Arc<dyn Known>>,
    listings: listing::Running,
    suppressions: Suppressions,
}

/// A body as a decoder gets it.
pub(crate) struct Delivery {
    /// The headers of the request.
    pub(crate) headers: HeaderMap,
    /// What it says the body is.
    pub(crate) media: MediaType,
    /// The body, unpacked.
    pub(crate) body: Vec<u8>,
    /// When it came.
    pub(crate) received_at: Timestamp,
    /// Who sent it.
    pub(crate) sender: Arc<Sender>,
}

/// How a request says who sends it.
enum Calling {
    /// By the last part of its path, which may be empty.
    Path(String),
    /// By the secret that it proves itself with.
    Proof,
}

impl Intake {
    /// An intake that writes through `recorder` and keeps what is not understood in `quarantine`.
    pub fn new(
        recorder: Recorder,
        quarantine: Arc<Quarantine>,
        clock: Arc<dyn Clock>,
        limits: IntakeLimits,
    ) -> Self {
        Self {
            recorder,
            quarantine,
            suppressions: Suppressions::new(clock.now()),
            clock,
            bodies: Room::new(limits.bodies_in_flight_bytes),
            limits,
            counters: ADDRESSES.map(|_| Counters::default()).into(),
            senders: Vec::new(),
            mappings: None,
            listing: Counters::default(),
            known: None,
            listings: listing::Running::default(),
        }
    }

    /// The same, which compares listings with what their sources stated before.
    #[must_use]
    pub fn comparing_with(mut self, known: Arc<dyn Known>) -> Self {
        self.known = Some(known);
        self
    }

    /// The same, which knows these senders.
    #[must_use]
    pub fn with_senders(mut self, senders: Vec<Sender>) -> Self {
        self.senders = senders.into_iter().map(Arc::new).collect();
        self
    }

    /// The same, with mappings for senders that nobody wrote a decoder for.
    #[must_use]
    pub fn with_mappings(mut self, mappings: Arc<Mappings>) -> Self {
        self.mappings = Some(mappings);
        self
    }

    /// What came to each address and what became of it.
    pub fn counters(&self) -> Vec<IntakeCounters> {
        let read = |(counters, address): (&Counters, &Address)| counters.read(address.form);
        let counters = self.counters.iter().zip(ADDRESSES).map(read);
        counters.chain([self.listing.read("listing")]).collect()
    }

    /// Every form that an address of the intake takes.
    pub fn forms() -> impl Iterator<Item = &'static str> {
        ADDRESSES.into_iter().map(|address| address.form)
    }
}

/// Every address of the intake.
pub fn routes(intake: Arc<Intake>) -> Router {
    let mut routes = Router::new()
        .route("/ingest/events/schema.json", get(show_schema))
        .route("/ingest/listing", post(listing::take_listing));
    for (index, address) in ADDRESSES.into_iter().enumerate() {
        let unnamed = post(
            move |State(intake): State<Arc<Intake>>, request: Request| async move {
                intake
                    .take(index, address, Calling::Path(String::new()), request)
                    .await
            },
        );
        let named = post(
            move |State(intake): State<Arc<Intake>>,
                  PathPart(name): PathPart<String>,
                  request: Request| async move {
                intake
                    .take(index, address, Calling::Path(name), request)
                    .await
            },
        );
        routes = routes
            .route(address.path, unnamed)
            .route(&format!("{}/{{sender}}", address.path), named);
        for path in address.also {
            let proved = post(
                move |State(intake): State<Arc<Intake>>, request: Request| async move {
                    intake.take(index, address, Calling::Proof, request).await
                },
            );
            routes = routes.route(path, proved);
        }
    }
    routes.layer(DefaultBodyLimit::disable()).with_state(intake)
}

async fn show_schema() -> Response {
    let kind = [(header::CONTENT_TYPE, "application/schema+json")];
    (kind, events::SCHEMA).into_response()
}

impl Intake {
    async fn take(
        self: Arc<Self>,
        index: usize,
        address: &'static Address,
        calling: Calling,
        request: Request,
    ) -> Response {
        let counters = self.counters.get(index);
        let counters = counters.expect("there are counters for each address");
        match self.try_take(address, calling, request).await {
            Ok(answer) => {
                counters.answered(&answer);
                let said = Said::of(&answer);
                let mut response = (address.respond)(answer);
                response.extensions_mut().insert(said);
                response
            }
            Err(refusal) => {
                counters.refused(&refusal);
                (address.refuse)(refusal)
            }
        }
    }

    async fn try_take(
        self: &Arc<Self>,
        address: &'static Address,
        calling: Calling,
        request: Request,
    ) -> Result<answer::Answer, Refusal> {
        let caller = request.extensions().get::<Caller>().cloned();
        let caller = caller.unwrap_or_default();
        let candidates = self.admitted(address.form, &calling, &caller)?;
        let _turn = match (address.against, candidates.first()) {
            (Some(_), Some(first)) => Some(self.turn_of(first)?),
            _ => None,
        };
        let media = MediaType::of(request.headers());
        if !(address.takes)(&media, request.headers()) {
            return Err(Refusal::MediaType {
                found: media.to_string(),
                expects: address.expects,
            });
        }
        let admitted = body::admit(&self.bodies, &self.limits, request).await?;
        let declared = match (address.against, &self.known) {
            (Some(_), Some(known)) => known.calendar().await.map_err(Refusal::NotKnown)?,
            _ => Vec::new(),
        };
        let received_at = self.clock.now();
        let intake = Arc::clone(self);
        let work = move || -> Result<_, Refusal> {
            let unpacked = admitted.unpack(&intake.limits)?;
            // The room is held until the events are with the log, which has room of its own.
            let _room = unpacked.room;
            let claimed = Claimed {
                headers: &unpacked.headers,
                body: &unpacked.body,
                received_at,
            };
            let sender = proved(address, &claimed, candidates)?;
            let delivery = Delivery {
                headers: unpacked.headers,
                media,
                body: unpacked.body,
                received_at,
                sender,
            };
            let mut parts = (address.decode)(&delivery).map_err(Refusal::Malformed)?;
            if let Some(against) = address.against {
                parts = against(&delivery, parts, &declared);
            }
            let is_feed = address.against.is_some() && !delivery.sender.secrets.is_empty();
            if !is_feed {
                within(&caller, &mut parts);
            }
            delivery.sender.sign(&mut parts);
            intake.note_silent(address.form, &delivery, &parts);
            let echo = (address.echo)(&parts);
            let sorted = settle::sort(&intake.quarantine, intake.recorder.rules(), parts)?;
            Ok((settle::submit(&intake.recorder, sorted)?, echo))
        };
        let (pending, echo) = tokio::task::spawn_blocking(work)
            .await
            .map_err(Refusal::Stopped)??;
        let answer = settle::settle(pending).await?;
        Ok(answer::Answer { echo, ..answer })
    }

    /// One body of a feed at a time: of two at once each would withdraw what the other declares.
    fn turn_of(&self, sender: &Sender) -> Result<listing::Turn<'_>, Refusal> {
        let feed = SourceName::new(format!("{}/{}", sender.form, sender.name));
        listing::Turn::take(&self.listings, feed).ok_or(Refusal::Busy)
    }

    /// Who may be the sender of a request. Who shares a secret with us proves to be one of them by it; anybody
    /// else needs a token, and learns no names of senders without.
    fn admitted(
        &self,
        form: &str,
        calling: &Calling,
        caller: &Caller,
    ) -> Result<Vec<Arc<Sender>>, Refusal> {
        let candidates = self.candidates(form, calling);
        let prove = |found: &Vec<Arc<Sender>>| found.iter().all(|it| !it.secrets.is_empty());
        if !candidates.as_ref().is_ok_and(prove) {
            caller.may(Scope::Ingest).map_err(Refusal::Barred)?;
        }
        candidates
    }

    /// Who may be the sender of a request: never nobody.
    fn candidates(&self, form: &str, calling: &Calling) -> Result<Vec<Arc<Sender>>, Refusal> {
        let name = match calling {
            Calling::Path(name) => return Ok(vec![self.sender(form, name)?]),
            Calling::Proof => "",
        };
        let with_secrets =
            |sender: &&Arc<Sender>| sender.form == form && !sender.secrets.is_empty();
        let known: Vec<_> = self.senders.iter().filter(with_secrets).cloned().collect();
        match known.is_empty() {
            true => Ok(vec![self.sender(form, name)?]),
            false => Ok(known),
        }
    }

    /// Who sends to an address. One without a name needs no entry in the configuration.
    fn sender(&self, form: &str, name: &str) -> Result<Arc<Sender>, Refusal> {
        let mut senders = self.senders.iter();
        let found = senders.find(|sender| sender.form == form && sender.name == name);
        if form == mapping::FORM && !name.is_empty() {
            return self.mapped(name, found.map(Arc::as_ref));
        }
        match found {
            Some(sender) => Ok(Arc::clone(sender)),
            None if name.is_empty() => Ok(Arc::new(Sender::unnamed(form))),
            None => Err(Refusal::UnknownSender(name.to_owned())),
        }
    }
}

impl Intake {
    /// Whoever sends to a mapping, which needs no entry in the configuration but a file.
    fn mapped(&self, name: &str, known: Option<&Sender>) -> Result<Arc<Sender>, Refusal> {
        let mappings = self.mappings.as_ref();
        let mapping = mappings.and_then(|mappings| mappings.get(name));
        let mapping = mapping.ok_or_else(|| Refusal::UnknownSender(name.to_owned()))?;
        let sender = known.cloned();
        Ok(Arc::new(Sender {
            mapping: Some(mapping),
            ..sender.unwrap_or_else(|| Sender::new(mapping::FORM, name))
        }))
    }
}

/// Refuses what the caller may not say. A feed that proves itself declares what whoever configured it lets it.
fn within(caller: &Caller, parts: &mut [Part]) {
    for part in parts {
        let Part::Events(events) = part else { continue };
        let barred = events.iter().find_map(|it| match it.event.scope() {
            // That they may send at all is settled.
            Scope::Ingest => None,
            wanted => caller.may(wanted).err().map(|_| wanted),
        });
        if let Some(wanted) = barred {
            let mut problems = Problems::default();
            let reason = format!("needs the scope `{wanted}`, which the sender does not have");
            problems.add(&Path::Field(&Path::Root, "type"), reason);
            *part = Part::Rejected(problems);
        }
    }
}

/// Every path that facts are taken at: each asks its own senders who they are.
pub fn paths() -> impl Iterator<Item = String> {
    ADDRESSES.into_iter().flat_map(|address| {
        let named = format!("{}/{{sender}}", address.path);
        let also = address.also.iter().map(|path| (*path).to_owned());
        [address.path.to_owned(), named].into_iter().chain(also)
    })
}

/// The first who proves to be the sender.
fn proved(
    address: &Address,
    claimed: &Claimed<'_>,
    candidates: Vec<Arc<Sender>>,
) -> Result<Arc<Sender>, Refusal> {
    let mut unproven = None;
    for sender in candidates {
        let proof = sender.proof.unwrap_or(address.proof);
        match proof.check(claimed, &sender.secrets) {
            Ok(()) => return Ok(sender),
            Err(reason) => unproven = Some(reason),
        }
    }
    Err(Refusal::Unproven(
        unproven.expect("there is always a candidate"),
    ))
}
