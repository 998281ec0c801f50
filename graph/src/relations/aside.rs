//! Laying relations out anew beside the fold, so that nobody waits for it.
//!
//! What is laid out is a clone. When it is done, what was written since is brought over, row by row, and what
//! came since hangs in the lists of the new layout.

use std::sync::Arc;

use super::anew::Renumbering;
use super::layout::Layout;
use super::{Relations, RowIx, Span};
use crate::cow::{CowMap, CowVec};
use crate::identity::Identity;

/// Relations from which on laying them out takes longer than a reader should wait.
const LONG: usize = 100_000;

/// Relations that are to be laid out.
#[derive(Debug)]
pub(crate) struct Aside {
    relations: Relations,
    identity: Identity,
}

/// Relations as they were, laid out.
#[derive(Debug)]
pub(crate) struct LaidOut {
    layout_before: Arc<Layout>,
    number: u64,
    relations: Relations,
    renumbering: Renumbering,
}

impl Aside {
    /// Does the work.
    pub(crate) fn lay_out(mut self) -> LaidOut {
        let layout_before = Arc::clone(&self.relations.layout);
        let number = self.relations.asides;
        let renumbering = self.relations.lay_out(&self.identity);
        LaidOut {
            layout_before,
            number,
            relations: self.relations,
            renumbering,
        }
    }
}

impl Relations {
    /// Whether laying out anew has become worth it, and takes so long that it is to be done aside.
    pub(crate) fn is_due_aside(&self) -> bool {
        LONG <= self.spans.len() && self.is_due()
    }

    /// Begins to lay out aside; what is written from now on is taken note of.
    pub(crate) fn begin_aside(&mut self, identity: &Identity) -> Aside {
        self.asides += 1;
        self.spans.drain_written(|_| {});
        self.grounds.drain_written(|_| {});
        self.spilled.drain_written(|_| {});
        self.more.drain_written(|_| {});
        Aside {
            relations: self.clone(),
            identity: identity.clone(),
        }
    }

    /// Takes what was laid out aside, unless it was begun before another layout took its place.
    pub(crate) fn adopt(&mut self, made: LaidOut, identity: &Identity) -> Option<Renumbering> {
        if !Arc::ptr_eq(&made.layout_before, &self.layout) || made.number != self.asides {
            return None;
        }
        let LaidOut {
            relations: mut anew,
            renumbering,
            ..
        } = made;
        let moved = u32::try_from(anew.spans.len()).expect("a relation's number is a u32");
        for row in self.written_before(moved) {
            self.copy_row(row, &mut anew, &renumbering);
        }
        for row in moved..u32::try_from(self.spans.len()).expect("a relation's number is a u32") {
            let late = *self.late(row);
            anew.spans.push(self.span_in(row, &anew));
            anew.grounds.push(*self.ground(RowIx(row)));
            anew.hang(late.dependent, late.provider);
            self.copy_rare(row, &mut anew, RowIx(row));
        }
        let deviated = self.deviated.iter().map(|(provider, rows)| {
            let rows = rows.iter().map(|row| renumbering.of(*row));
            (provider, rows.collect())
        });
        anew.deviated = deviated.collect();
        anew.asides = self.asides;
        anew.follow(identity);
        *self = anew;
        Some(renumbering)
    }

    /// The relations below a number that were written since the work began.
    fn written_before(&mut self, end: u32) -> Vec<u32> {
        let mut written: Vec<u32> = Vec::new();
        let mut note = |row: usize| written.extend(u32::try_from(row));
        self.spans.drain_written(&mut note);
        self.grounds.drain_written(&mut note);
        self.spilled.drain_written(&mut note);
        self.more.drain_written(&mut note);
        written.retain(|row| *row < end);
        written.sort_unstable();
        written.dedup();
        written
    }

    /// What is said of a relation, to its place in the new layout.
    fn copy_row(&self, row: u32, anew: &mut Self, renumbering: &Renumbering) {
        let to = renumbering.of(RowIx(row));
        let span = self.span_in(row, anew);
        write(&mut anew.spans, to, span);
        write(&mut anew.grounds, to, *self.ground(RowIx(row)));
        self.copy_rare(row, anew, to);
    }

    fn copy_rare(&self, row: u32, anew: &mut Self, to: RowIx) {
        copy(&self.spilled, row, &mut anew.spilled, to);
        copy(&self.more, row, &mut anew.more, to);
    }

    /// The span of a relation, its dependent at its seat in the new layout.
    fn span_in(&self, row: u32, anew: &Self) -> Span {
        let span = *self.span(RowIx(row));
        span.at_seat(anew.seat_of(self.mention_at(span.other)))
    }
}

fn write<T: Clone, const CHUNK: usize>(rows: &mut CowVec<T, CHUNK>, row: RowIx, value: T) {
    let place = rows.get_mut(row.0 as usize);
    *place.expect("every relation that was there is laid out") = value;
}

fn copy<T: Clone>(from: &CowMap<T>, row: u32, into: &mut CowMap<T>, to: RowIx) {
    match from.get(row) {
        Some(kept) => into.insert(to.0, kept.clone()),
        None => drop(into.remove(to.0)),
    }
}
