//! Groups: the latest word on a name counts, whichever arrived first.
use graph::{Estate, Projection};
use model::{
    Actor, Event, EventId, GroupDefined, GroupWithdrawn, ItemFilter, NewEvent, Occurred, SourceName,
};
use testkit::{at, envelopes_of, shuffled};

fn event(clock: &str, event: Event) -> NewEvent {
    NewEvent {
        id: EventId {
            source: SourceName::new("ops"),
            delivery: clock.to_owned(),
        },
        occurred: Occurred::Stated(at(clock)),
        actor: Actor::default(),
        event,
    }
}

fn defined(clock: &str, name: &str, kind: &str) -> NewEvent {
    let group = GroupDefined {
        name: name.to_owned(),
        description: None,
        filter: ItemFilter {
            kinds: vec![kind.to_owned()],
            ..ItemFilter::default()
        },
    };
    event(clock, Event::GroupDefined(Box::new(group)))
}

fn withdrawn(clock: &str, name: &str) -> NewEvent {
    let group = GroupWithdrawn {
        name: name.to_owned(),
        reason: None,
    };
    event(clock, Event::GroupWithdrawn(group))
}

#[test]
fn the_latest_word_on_a_group_counts_in_any_order_and_after_a_restart() {
    let events = vec![
        defined("09:00", "a", "host"),
        defined("09:10", "a", "vm"),
        withdrawn("09:20", "b"),
        defined("09:15", "b", "host"),
        withdrawn("09:30", "c"),
        defined("09:40", "c", "pod"),
    ];
    for seed in 0..20 {
        let mut estate = Estate::default();
        for envelope in envelopes_of(shuffled(events.clone(), seed)) {
            estate.apply(&envelope);
        }
        let view = Estate::restore(&estate.save())
            .expect("what was saved")
            .publish();
        let groups: Vec<String> = view
            .groups()
            .map(|group| {
                format!(
                    "{}: {}",
                    group.defined.name,
                    group.defined.filter.kinds.join(" ")
                )
            })
            .collect();
        assert_eq!(groups, ["a: vm", "c: pod"], "seed {seed}");
        assert_eq!(view.state_hash(), estate.publish().state_hash());
    }
}
