//! Tokens: one that was taken back never counts again, whatever comes in whichever order.

use graph::{Estate, Projection};
use model::{
    Actor, Event, EventId, NewEvent, Occurred, Scope, Scopes, SourceName, SourceRetracted,
    TokenCreated, TokenHash, TokenId, TokenRevoked,
};
use testkit::{at, envelopes_of, shuffled};

fn event(clock: &str, event: Event) -> NewEvent {
    NewEvent {
        id: EventId {
            source: SourceName::new("epicenter"),
            delivery: format!("{clock} {}", event.tag().0),
        },
        occurred: Occurred::Stated(at(clock)),
        actor: Actor::default(),
        event,
    }
}

fn id(number: u8) -> TokenId {
    TokenId::from_bytes([number; 16])
}

fn hash(number: u8) -> TokenHash {
    TokenHash::from_bytes([number; 32])
}

fn created(clock: &str, number: u8, until: &str) -> NewEvent {
    let token = TokenCreated {
        id: id(number),
        name: format!("token {number}"),
        scopes: Scopes::from(vec![Scope::Operate, Scope::Ingest]),
        hash: hash(number),
        expires_at: at(until),
        created_by: None,
        created_by_name: None,
        quota: None,
        sight: None,
    };
    event(clock, Event::TokenCreated(Box::new(token)))
}

fn revoked(clock: &str, number: u8) -> NewEvent {
    let token = TokenRevoked {
        id: id(number),
        reason: None,
        revoked_by: Some(id(1)),
        revoked_by_name: None,
    };
    event(clock, Event::TokenRevoked(token))
}

/// Which of the tokens 1 to 3 count at ten o'clock, found by the hash of their secret.
fn counting(events: Vec<NewEvent>) -> Vec<u8> {
    let mut estate = Estate::default();
    for envelope in envelopes_of(events) {
        estate.apply(&envelope);
    }
    let restored = Estate::restore(&estate.save()).expect("what was saved");
    let views = [estate.publish(), { restored }.publish()];
    let found = views.map(|view| {
        let counts = |number: &u8| {
            let token = view.tokens().of_hash(&hash(*number));
            token.is_some_and(|token| token.counts_at(at("10:00")))
        };
        (1..=3).filter(counts).collect::<Vec<u8>>()
    });
    assert_eq!(found[0], found[1], "a restart changes nothing");
    found[0].clone()
}

#[test]
fn a_token_counts_until_its_time_is_over_or_somebody_takes_it_back_in_any_order() {
    let events = vec![
        created("09:00", 1, "11:00"),
        created("09:10", 2, "11:00"),
        revoked("09:20", 2),
        created("09:30", 3, "10:00"),
    ];
    for seed in 0..20 {
        assert_eq!(counting(shuffled(events.clone(), seed)), [1]);
    }
}

#[test]
fn who_may_do_what_cannot_be_made_void() {
    let void = SourceRetracted {
        source: SourceName::new("epicenter"),
        until: Some(at("12:00")),
        reason: None,
    };
    let events = vec![
        created("09:00", 1, "11:00"),
        created("09:10", 2, "11:00"),
        revoked("09:20", 2),
        event("09:40", Event::SourceRetracted(void)),
    ];
    assert_eq!(counting(events), [1]);
}
