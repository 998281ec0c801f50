//! Random lives of pods, told late and in every way, for the properties of the archive.

use model::{
    Actor, Alias, Change, Claim, Deviation, Event, EventEnvelope, EventId, Evidence,
    IdentityReverted, ItemDeviated, ItemRetired, ItemsMerged, ListedRelation, ListedRelations,
    LogPosition, ObservedCall, ObservedCalls, ObservedItem, ObservedRelation, RelationEnded,
    RelationKind, SourceKey, SourceName, Timestamp, ValidInterval,
};

/// A fact with the minute it speaks of and the minute it is recorded.
pub(super) struct Fact {
    pub(super) minute: i64,
    pub(super) recorded: i64,
    pub(super) source: &'static str,
    pub(super) event: Event,
}

pub(super) fn minute(minute: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_760_000_000_000 + minute * 60_000)
}

pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).expect("31 bits") % sides
    }
}

#[derive(Default)]
struct Story {
    facts: Vec<Fact>,
}

impl Story {
    fn tell(&mut self, minute: i64, event: Event) {
        self.late(minute, 0, event);
    }

    fn late(&mut self, minute: i64, by: i64, event: Event) {
        let recorded = minute + by;
        let source = "kubernetes";
        self.facts.push(Fact {
            minute,
            recorded,
            source,
            event,
        });
    }
}

fn needs(dependent: &str, provider: &str, kind: &str, held: Option<(i64, i64)>) -> Event {
    Event::RelationObserved(ObservedRelation {
        dependent: SourceKey::text(dependent),
        provider: SourceKey::text(provider),
        kind: RelationKind::new(kind),
        strength: None,
        valid_from: held.map(|(from, _)| minute(from)),
        valid_until: held.map(|(_, until)| minute(until)),
        report_interval_ms: None,
    })
}

fn retired(key: &str) -> Event {
    let key = SourceKey::text(key);
    Event::ItemRetired(ItemRetired { key, reason: None })
}

fn item(key: &str) -> ObservedItem {
    ObservedItem::new(SourceKey::text(key))
}

fn claim(scheme: &str, value: impl Into<String>) -> Claim {
    Claim::new(scheme, value.into())
}

fn window(from: i64, until: i64) -> ValidInterval {
    ValidInterval::new(minute(from), Some(minute(until))).expect("it ends after it begins")
}

/// A pod that is told of, with the host it runs on and what it is part of.
struct Life {
    key: String,
    born: i64,
    died: i64,
    host: String,
    workload: String,
    ip: String,
    observed: ObservedItem,
}

/// The life of one pod, in one of the ways in which sources tell of it.
fn life(story: &mut Story, dice: &mut Dice, key: &str, number: i64) {
    let born = dice.roll(400);
    let mut observed = item(key);
    observed
        .claims
        .push(claim("k8s.uid", format!("{number}-{born}")));
    let life = Life {
        key: key.to_owned(),
        born,
        died: born + 5 + dice.roll(40),
        host: format!("host:h{}", dice.roll(3)),
        workload: format!("workload:prod/w{}", dice.roll(3)),
        ip: format!("10.0.0.{}", dice.roll(5)),
        observed,
    };
    match dice.roll(5) {
        0 => declared(story, life),
        1 => standing(story, life),
        2 => listing(story, dice, life),
        3 => called(story, life),
        _ => listed(story, life),
    }
}

fn declared(story: &mut Story, mut life: Life) {
    let (born, died, key) = (life.born, life.died, &life.key);
    life.observed.valid_from = Some(minute(born));
    life.observed.aliases.push(Alias {
        scheme: "ip".to_owned(),
        value: life.ip,
        valid_from: Some(minute(born)),
        valid_until: Some(minute(died)),
    });
    let held = Some((born, died));
    story.tell(born, Event::ItemObserved(life.observed));
    story.tell(born, needs(key, &life.host, "runs_on", held));
    story.tell(born, needs(key, &life.workload, "part_of", held));
    story.tell(died, retired(key));
}

fn standing(story: &mut Story, mut life: Life) {
    let key = &life.key;
    life.observed.claims.push(claim("ip", life.ip));
    life.observed.owner = Some("shop".to_owned());
    story.tell(life.born, Event::ItemObserved(life.observed));
    story.tell(life.born, needs(key, &life.host, "runs_on", None));
    let ended = RelationEnded {
        dependent: SourceKey::text(&**key),
        provider: SourceKey::text(life.host),
        kind: RelationKind::new("runs_on"),
        reason: None,
    };
    story.tell(life.died, Event::RelationEnded(ended));
    story.tell(life.died, retired(key));
}

/// A pod that lists what it depends on, first two things and then one.
fn listing(story: &mut Story, dice: &mut Dice, mut life: Life) {
    let (born, key) = (life.born, &life.key);
    life.observed.report_interval_ms = Some(60_000);
    let (host, workload) = (&life.host, &life.workload);
    for (at, listed) in [(born, vec![host, workload]), (born + 3, vec![host])] {
        let relations = listed.into_iter().map(|provider| ListedRelation {
            dependent: SourceKey::text(&**key),
            provider: SourceKey::text(&**provider),
            kind: RelationKind::new("depends_on"),
            strength: None,
        });
        let mut listing = life.observed.clone();
        listing.relations = Some(ListedRelations {
            of: SourceKey::text(&**key),
            by: None,
            relations: relations.collect(),
        });
        story.tell(at, Event::ItemObserved(listing));
    }
    // The host goes early, which cuts what the pod lists; sometimes that is heard very late.
    if dice.roll(4) == 0 {
        story.late(born + 4, dice.roll(300), retired(host));
    }
    if dice.roll(2) == 0 {
        story.tell(life.died, retired(key));
    }
}

/// A pod that is known from its calls only, and fades.
fn called(story: &mut Story, life: Life) {
    let call = ObservedCall {
        dependent: SourceKey::text(life.key),
        provider: SourceKey::text(life.workload),
        kind: RelationKind::new("calls"),
        evidence: Evidence::Paired,
        calls: 7,
        errors: 1,
        duration_p50_ms: None,
        duration_p99_ms: None,
        first_seen_at: minute(life.born),
        last_seen_at: minute(life.died),
    };
    let calls = ObservedCalls {
        window: window(life.born, life.died),
        report_interval_ms: 60_000,
        items: vec![life.observed],
        calls: vec![call],
    };
    story.tell(life.died, Event::CallsObserved(calls));
}

/// A workload that lists its pods, which then go with it or not at all.
fn listed(story: &mut Story, mut life: Life) {
    life.observed.valid_from = Some(minute(life.born));
    story.tell(life.born, Event::ItemObserved(life.observed));
    let mut owner = item(&life.workload);
    owner.relations = Some(ListedRelations {
        of: owner.key.clone(),
        by: Some("owner".to_owned()),
        relations: vec![ListedRelation {
            dependent: SourceKey::text(&*life.key),
            provider: owner.key.clone(),
            kind: RelationKind::new("part_of"),
            strength: None,
        }],
    });
    story.tell(life.born, Event::ItemObserved(owner));
    story.tell(life.died, retired(&life.key));
}

/// What comes late, or speaks of several, or touches what is gone.
fn aftermath(story: &mut Story, dice: &mut Dice, keys: &[String]) {
    let any = |dice: &mut Dice| {
        let sides = i64::try_from(keys.len()).expect("a few keys");
        let place = usize::try_from(dice.roll(sides)).expect("a die shows no less than 0");
        keys.get(place).cloned().expect("a die has as many sides")
    };
    for number in 0..6 {
        let (at, by) = (dice.roll(450), 60 + dice.roll(300));
        let (one, other) = (any(dice), any(dice));
        match dice.roll(8) {
            0 => {
                let mut named = item(&one);
                named.owner = Some(format!("team-{number}"));
                named.valid_from = Some(minute(at));
                named.valid_until = Some(minute(at + 3));
                story.late(at, by, Event::ItemObserved(named));
            }
            1 => story.late(at, by, needs(&one, &other, "calls", Some((at, at + 9)))),
            2 => {
                let items = vec![SourceKey::text(one), SourceKey::text(other)];
                story.late(
                    at,
                    by,
                    Event::ItemsMerged(ItemsMerged {
                        items,
                        reason: None,
                    }),
                );
            }
            3 => {
                let change: Change = serde_json::from_value(serde_json::json!({
                    "source": "ci",
                    "sourceId": format!("deploy-{number}"),
                    "targets": ["pod:p1"],
                    "environment": "prod",
                }))
                .expect("a change");
                story.late(at, by, Event::ChangeRecorded(Box::new(change)));
            }
            4 => {
                // A key with unknown parts: which one it means depends on what else there is.
                story.late(
                    at,
                    by,
                    needs(&format!("pod:p{number}"), "host:h9", "runs_on", None),
                );
            }
            5 => {
                let deviation = Deviation {
                    metric: "error_rate".to_owned(),
                    baseline: 0.1,
                    value: 0.5,
                    window: window(at, at + 5),
                    samples: None,
                };
                let key = SourceKey::text(one);
                story.late(at, by, Event::ItemDeviated(ItemDeviated { key, deviation }));
            }
            6 => {
                let mut same = item(&one);
                same.claims
                    .push(claim("container.id", format!("c{}", dice.roll(3))));
                same.valid_from = Some(minute(at));
                same.valid_until = Some(minute(at + 1));
                story.late(at, by, Event::ItemObserved(same));
            }
            _ => story.late(at, by, retired(&format!("host:h{}", dice.roll(3)))),
        }
    }
}

pub(super) fn story(seed: u64) -> (Vec<Fact>, Vec<String>) {
    let mut dice = Dice(seed);
    let mut story = Story::default();
    for host in 0..3 {
        story.tell(0, Event::ItemObserved(item(&format!("host:h{host}"))));
        story.tell(
            0,
            Event::ItemObserved(item(&format!("workload:prod/w{host}"))),
        );
    }
    let mut keys = Vec::new();
    for number in 0..14 {
        let key = match dice.roll(3) {
            0 => format!("pod:prod/p{}", number % 7),
            1 => format!("pod:prod/shop/p{}", number % 7),
            _ => format!("pod:staging/p{number}"),
        };
        life(&mut story, &mut dice, &key, number);
        keys.push(key);
    }
    aftermath(&mut story, &mut dice, &keys);
    // Time goes on.
    for step in 0..40 {
        let mut calm = item("service:prod/shop");
        calm.report_interval_ms = Some(60_000 * 30);
        story.tell(450 + step * 20, Event::ItemObserved(calm));
    }
    for key in [
        "pod:p0",
        "pod:p1",
        "pod:shop/p2",
        "ip=10.0.0.1",
        "ip=10.0.0.2",
    ] {
        keys.push(key.to_owned());
    }
    story.facts.sort_by_key(|fact| fact.recorded);
    let mut merges = 0;
    let merged = |fact: &Fact| matches!(fact.event, Event::ItemsMerged(_));
    let told = story.facts.iter().enumerate();
    let decisions: Vec<usize> = told
        .filter(|(_, it)| merged(it))
        .map(|(it, _)| it)
        .collect();
    for place in decisions {
        if dice.roll(2) == 0 {
            merges += 1;
            let decision = id(place);
            let reverted = IdentityReverted {
                decision,
                reason: None,
            };
            story.late(440 + merges, 300, Event::IdentityReverted(reverted));
        }
    }
    (story.facts, keys)
}

fn id(place: usize) -> EventId {
    EventId {
        source: SourceName::new("kubernetes"),
        delivery: place.to_string(),
    }
}

/// The facts as a log holds them, in the order of the given places.
pub(super) fn log(facts: &[Fact], order: &[usize]) -> Vec<EventEnvelope> {
    let mut recorded = 0;
    let placed = order.iter().enumerate();
    placed
        .map(|(position, place)| {
            let fact = facts.get(*place).expect("an order of the facts");
            recorded = recorded.max(fact.recorded);
            EventEnvelope {
                position: LogPosition::new(position as u64 + 1),
                recorded_at: minute(recorded),
                id: EventId {
                    source: SourceName::new(fact.source),
                    delivery: place.to_string(),
                },
                occurred_at: minute(fact.minute),
                actor: Actor::default(),
                event: fact.event.clone(),
            }
        })
        .collect()
}
