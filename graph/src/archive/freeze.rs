//! Putting away what is over: it goes on pages, and what stays moves together.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{CiId, ContentHash, EventEnvelope, Timestamp};

use super::frozen::{Bundle, End, FrozenAlias, FrozenName, FrozenRelation, Page};
use super::named;
use super::rests::{Resting, Rests};
use super::run::Run;
use super::{Archive, Looked, Pages, PuttingAway, SealedPage};
use crate::estate::Estate;
use crate::identity::Renamed;
use crate::mention::MentionIx;
use crate::relations::{Ends, RowIx};
use crate::shelves::Shelves;
use crate::view::GraphView;

/// Bundles on one page.
const PAGE: usize = 1_024;
/// What is over is looked for once that part of the horizon has passed,
const LOOKS_PER_HORIZON: i64 = 32;
/// and one event for so many rows in memory.
const ROWS_PER_EVENT: usize = 64;

/// Which bundle and place a name that goes has.
type Places = BTreeMap<MentionIx, (usize, u32)>;

impl Archive {
    /// The moment up to which what ended is put away, when it is time to look for it.
    ///
    /// It depends on the log alone, so that every fold of it puts the same away.
    fn boundary(&self, envelope: &EventEnvelope, rows: usize) -> Option<Timestamp> {
        let when = self.when?;
        let events = envelope.position.number() - self.looked.position.number();
        let enough = u64::try_from(rows / ROWS_PER_EVENT).unwrap_or(u64::MAX);
        if events < enough.max(when.events_min) {
            return None;
        }
        let now = envelope.recorded_at;
        let pause_ms = when.closed_for_ms / LOOKS_PER_HORIZON;
        let is_soon = |looked: Timestamp| now < looked.plus_millis(pause_ms);
        if self.looked.at.is_some_and(is_soon) {
            return None;
        }
        Some(now.plus_millis(-when.closed_for_ms))
    }
}

impl Estate {
    /// From now on it puts away what is closed. Pages it seals are to be kept where `pages` has them.
    pub fn put_away_closed(&mut self, when: PuttingAway, pages: &Arc<dyn Pages>) {
        let view = self.view_mut();
        view.archive.begin(when);
        view.changes.read_from(pages);
    }

    /// When it puts away what is closed, if ever.
    pub fn puts_away(&self) -> Option<PuttingAway> {
        self.view().archive.when()
    }

    /// The pages that anything lies on which was put away.
    pub fn pages(&self) -> impl Iterator<Item = ContentHash> {
        self.view().pages()
    }

    /// Pages to be kept before the state is saved or anything on them is asked for.
    pub fn sealed(&self) -> &[SealedPage] {
        self.view().archive.sealed()
    }

    /// The sealed pages are kept where [`Pages`] finds them.
    pub fn kept(&mut self) {
        self.view_mut().archive.kept();
    }

    /// Puts away what is over, if it is time to look and worth it.
    pub(crate) fn put_away(&mut self, envelope: &EventEnvelope) {
        let rows = self.view().rows_count();
        let archive = &self.view().archive;
        let (Some(boundary), Some(when)) = (archive.boundary(envelope, rows), archive.when())
        else {
            return;
        };
        self.view_mut().archive.looked = Looked {
            position: envelope.position,
            at: Some(envelope.recorded_at),
        };
        let rows = self.view_mut().changes.put_away(boundary);
        self.view_mut().archive.seal(rows);
        let rows = self.view().rows_count();
        let mut resting = Rests::new(self.view(), boundary).all();
        let names: usize = resting.iter().map(|resting| resting.names.len()).sum();
        if names * when.part < rows || resting.is_empty() {
            return;
        }
        resting.sort_by_cached_key(|resting| {
            let first = resting.names.first().copied();
            (resting.from, first.map(|name| self.view().id_of(name)))
        });
        self.freeze(&resting);
    }

    fn freeze(&mut self, resting: &[Resting]) {
        let mut places = Places::new();
        for (bundle, resting) in resting.iter().enumerate() {
            for (place, name) in (0..).zip(&resting.names) {
                places.insert(*name, (bundle, place));
            }
        }
        let view = self.view();
        let first = view.archive.bundles_count;
        let mut pages = Vec::new();
        let mut sealed = Vec::new();
        let mut next = first;
        for (number, chunk) in resting.chunks(PAGE).enumerate() {
            let mut writer = Writer {
                view,
                places: &places,
                page: Page::default(),
                others: BTreeMap::new(),
            };
            for (place, resting) in chunk.iter().enumerate() {
                writer.write(number * PAGE + place, resting);
            }
            let bytes = writer.page.encode();
            let page = ContentHash::of(&bytes);
            pages.push((next, page));
            next += u32::try_from(chunk.len()).expect("a page is short");
            sealed.push(SealedPage {
                page,
                bytes: bytes.into(),
            });
        }
        let mut names = Vec::with_capacity(places.len() * 2);
        for (bundle, resting) in (first..).zip(resting) {
            let named = resting.names.iter().flat_map(|name| {
                let name = &view.identity.mention(*name).name;
                named::of_name(&view.identity, name)
            });
            names.extend(named.map(|fingerprint| (fingerprint, bundle)));
        }
        let hulls = resting.iter().map(Resting::hull).collect();
        let run = Run::new(first, names, hulls, pages);
        let renamed = Renamed::without(view.identity.mentions.len(), |name| {
            places.contains_key(&name)
        });
        let mut staying = view.without(&renamed);
        staying.archive.put(run, sealed);
        *self.view_mut() = staying;
    }
}

impl GraphView {
    /// Names, relations, changes and incidents in memory.
    fn rows_count(&self) -> usize {
        self.identity.mentions.len()
            + self.relations.count()
            + self.changes.rows.here()
            + self.incidents.rows.len()
    }

    pub(super) fn id_of(&self, name: MentionIx) -> CiId {
        let name = &self.identity.mention(name).name;
        CiId::of(&name.to_claim(&self.identity.words))
    }

    /// The same without the names that are gone, and without their relations.
    fn without(&self, renamed: &Renamed) -> Self {
        let identity = self.identity.renamed(renamed);
        let (relations, renumbering) = self.relations.renamed(renamed, &self.identity, &identity);
        let staying = |number: usize| {
            let name = u32::try_from(number).map(MentionIx).ok();
            name.is_some_and(|name| renamed.find(name).is_some())
        };
        let facts = self.facts.iter().enumerate();
        let facts = facts.filter(|(number, _)| staying(*number));
        let lists = self.lists.iter().enumerate();
        let lists = lists.filter(|(number, _)| staying(*number));
        let lists = lists.map(|(_, lists)| {
            let mut lists = lists.clone();
            if let Some(lists) = &mut lists {
                lists.renumber(|row| renumbering.of(row));
            }
            lists
        });
        let numbering = format!("{} {}", self.numbering, self.position);
        let numbering = ContentHash::of(numbering.as_bytes());
        let numbering = numbering.as_bytes().first_chunk();
        Self {
            facts: facts.map(|(_, facts)| facts.clone()).collect(),
            lists: lists.collect(),
            changes: self.changes.renamed(renamed),
            incidents: self.incidents.renamed(renamed, &identity.words),
            relations,
            identity,
            numbering: u64::from_be_bytes(*numbering.expect("a hash has 16 bytes")),
            shelves: Shelves::default(),
            ..self.clone()
        }
    }
}

/// Writes bundles on a page.
struct Writer<'v> {
    view: &'v GraphView,
    places: &'v Places,
    page: Page,
    others: BTreeMap<CiId, u32>,
}

impl Writer<'_> {
    fn write(&mut self, bundle: usize, resting: &Resting) {
        let view = self.view;
        let rows = self.rows_of(bundle, resting);
        let mut relations: Vec<(RowIx, FrozenRelation)> = Vec::with_capacity(rows.len());
        for row in rows {
            let ends = view.relations.ends(row);
            let frozen = FrozenRelation {
                dependent: self.end(bundle, ends.dependent),
                provider: self.end(bundle, ends.provider),
                kind: ends.kind,
                row: view.relations.row(row),
            };
            relations.push((row, frozen));
        }
        let place_of = |row: RowIx| {
            let place = relations.iter().position(|(other, _)| *other == row);
            let place = place.expect("what is listed lies with its list");
            RowIx(u32::try_from(place).expect("a bundle is small"))
        };
        let mut names = Vec::with_capacity(resting.names.len());
        let mut aliases = Vec::new();
        for (place, name) in (0..).zip(&resting.names) {
            let index = name.0 as usize;
            let row = view.identity.mention(*name);
            let linked = row.linked.iter().filter_map(|link| {
                let (_, other) = self.places.get(&link.other)?;
                Some((*other, link.source, link.at))
            });
            let mut lists = view.lists.get(index).cloned().flatten();
            if let Some(lists) = &mut lists {
                lists.renumber(place_of);
            }
            names.push(FrozenName {
                name: row.name.clone(),
                linked: linked.collect(),
                facts: view.facts.get(index).cloned().unwrap_or_default(),
                lists,
            });
            for other in row.names_for_a_time() {
                let held = view.identity.mention(*other).stated_aliases().iter();
                for alias in held.filter(|alias| alias.means == *name) {
                    aliases.push(FrozenAlias {
                        name: self.end(bundle, *other),
                        means: place,
                        source: alias.source,
                        from: alias.from,
                        until: alias.until,
                        seen_until: alias.seen_until,
                        said_at: alias.said_at,
                    });
                }
            }
        }
        let relations = relations.into_iter().map(|(_, frozen)| frozen);
        self.page.bundles.push(Bundle {
            names,
            relations: relations.collect(),
            aliases,
        });
    }

    /// The relations that lie with a bundle: those of its dependents, and those whose dependent stays.
    fn rows_of(&self, bundle: usize, resting: &Resting) -> Vec<RowIx> {
        let relations = &self.view.relations;
        let mut rows: Vec<RowIx> = Vec::new();
        for name in &resting.names {
            let dependents = relations.dependents_of(*name);
            let staying = dependents.filter(|edge| {
                let place = self.places.get(&edge.other);
                place.is_none_or(|(other, _)| *other == bundle)
            });
            let edges = relations.providers_of(*name).chain(staying);
            rows.extend(edges.map(|edge| edge.row));
        }
        rows.sort_by_cached_key(|row| {
            let Ends {
                dependent,
                provider,
                kind,
            } = relations.ends(*row);
            (self.view.id_of(dependent), self.view.id_of(provider), kind)
        });
        rows.dedup();
        rows
    }

    fn end(&mut self, bundle: usize, name: MentionIx) -> End {
        if let Some((_, place)) = self.places.get(&name).filter(|(other, _)| *other == bundle) {
            return End::Own(*place);
        }
        let id = self.view.id_of(name);
        let others = &mut self.page.others;
        let next = u32::try_from(others.len()).expect("a page speaks of few names");
        let other = *self.others.entry(id).or_insert(next);
        if other == next {
            others.push(id);
        }
        End::Other(other)
    }
}
