//! Bringing back what was put away, as it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{ContentHash, EventEnvelope};

use super::frozen::{Bundle, End, Page};
use super::named::{Asked, fingerprint};
use super::{BundleIx, PageError, Pages};
use crate::estate::Estate;
use crate::intern::WordIx;
use crate::mention::{Link, MentionIx, TimedAlias};
use crate::projection::Projection;
use crate::relations::RowIx;
use crate::view::GraphView;

/// A bundle that was read, and the names its page speaks of.
struct Found {
    page: Arc<Page>,
    place: usize,
}

impl Found {
    fn bundle(&self) -> Option<&Bundle> {
        self.page.bundles.get(self.place)
    }
}

impl Estate {
    /// Takes the next event, after bringing back what it may speak of.
    ///
    /// Without a page nothing has happened: the log is to be folded anew. Where a page of rows of changes is
    /// lost, the event is taken and [`Self::lost`] says so: then, too.
    pub fn take(&mut self, envelope: &EventEnvelope, pages: &dyn Pages) -> Result<(), PageError> {
        let view = self.view();
        let met = view.archive.met_by(&envelope.event, &view.identity);
        if !met.is_empty() {
            self.bring_back(met, pages)?;
        }
        self.apply(envelope);
        Ok(())
    }

    fn bring_back(&mut self, bundles: Vec<BundleIx>, pages: &dyn Pages) -> Result<(), PageError> {
        let found = self.view().read(bundles, pages)?;
        let mut names: Vec<Vec<MentionIx>> = Vec::with_capacity(found.len());
        for bundle in found.values().filter_map(Found::bundle) {
            names.push(self.names_back(bundle));
        }
        let bundles = found.values().filter(|found| found.bundle().is_some());
        let mut listed: Vec<(RowIx, WordIx)> = Vec::new();
        for (found, names) in bundles.zip(&names) {
            self.rest_back(found, names, &mut listed);
        }
        // Only now are the lists of both ends there. The other end may also have gone in the meantime, at a
        // time that cuts what is listed.
        for (row, source) in listed {
            self.read_lists(row, source);
        }
        for bundle in found.keys() {
            self.view_mut().archive.recall(*bundle);
        }
        Ok(())
    }

    /// Names and facts.
    fn names_back(&mut self, bundle: &Bundle) -> Vec<MentionIx> {
        let view = self.view_mut();
        let mut names = Vec::with_capacity(bundle.names.len());
        for frozen in &bundle.names {
            let name = view.identity.add_back(frozen.name.clone());
            *view.facts.grow_to(name.0 as usize) = frozen.facts.clone();
            names.push(name);
        }
        for (frozen, name) in bundle.names.iter().zip(&names) {
            let linked = frozen.linked.iter();
            let linked = linked.filter_map(|link| Some((names.get(link.0 as usize)?, link)));
            for (other, (_, source, at)) in linked.clone() {
                let (other, source, at) = (*other, *source, *at);
                view.identity.link(*name, Link { other, source, at });
            }
        }
        // A link to one side may be older than to the other; joining them took the first for both.
        for (frozen, name) in bundle.names.iter().zip(&names) {
            for (other, source, at) in &frozen.linked {
                let kept = view.identity.mention_mut(*name).linked.iter_mut();
                let other = names.get(*other as usize);
                let mut kept = kept.filter(|kept| Some(&kept.other) == other);
                if let Some(kept) = kept.find(|kept| kept.source == *source) {
                    kept.at = *at;
                }
            }
        }
        names
    }

    /// Relations, names for a time and lists; gathers what is to be read off the lists.
    fn rest_back(&mut self, found: &Found, names: &[MentionIx], listed: &mut Vec<(RowIx, WordIx)>) {
        let Some(bundle) = found.bundle() else { return };
        let identity = &self.view().identity;
        let others = found.page.others.iter();
        let others: Vec<Option<MentionIx>> = others.map(|id| identity.find_id(*id)).collect();
        let end = |end: End| match end {
            End::Own(place) => names.get(place as usize).copied(),
            End::Other(place) => others.get(place as usize).copied().flatten(),
        };
        let mut rows: Vec<RowIx> = Vec::with_capacity(bundle.relations.len());
        for frozen in &bundle.relations {
            let ends = (end(frozen.dependent), end(frozen.provider));
            let (Some(dependent), Some(provider)) = ends else {
                unreachable!("every other name is in memory or was brought back with it");
            };
            let relations = &mut self.view_mut().relations;
            let row = relations.row_of_kind(dependent, provider, frozen.kind);
            relations.change(row, |row| *row = frozen.row.clone());
            rows.push(row);
        }
        for frozen in &bundle.aliases {
            let means = names.get(frozen.means as usize).copied();
            let (Some(name), Some(means)) = (end(frozen.name), means) else {
                unreachable!("every other name is in memory or was brought back with it");
            };
            let alias = TimedAlias {
                from: frozen.from,
                until: frozen.until,
                seen_until: frozen.seen_until,
                said_at: frozen.said_at,
                means,
                source: frozen.source,
            };
            self.view_mut().identity.alias(name, alias);
        }
        for (frozen, name) in bundle.names.iter().zip(names) {
            let Some(mut lists) = frozen.lists.clone() else {
                continue;
            };
            let row_of = |row: RowIx| rows.get(row.0 as usize).copied();
            lists.renumber(|row| row_of(row).expect("what is listed lies with its list"));
            listed.extend(lists.listed());
            *self.view_mut().lists.grow_to(name.0 as usize) = Some(lists);
        }
    }
}

impl GraphView {
    /// How many bundles that were put away a question may look at.
    pub fn put_away_of(&self, asked: &Asked) -> usize {
        if self.archive.is_empty() {
            return 0;
        }
        self.archive.asked_for(asked).len()
    }

    /// The view with what was put away and may be asked for; nothing if it is the view itself.
    pub fn with_past(
        &self,
        asked: &Asked,
        pages: &dyn Pages,
    ) -> Result<Option<Arc<Self>>, PageError> {
        let bundles = self.archive.asked_for(asked);
        if bundles.is_empty() {
            return Ok(None);
        }
        let mut copy = Estate::of(self.clone());
        copy.bring_back(bundles, pages)?;
        let numbering = format!("{} {:?}", self.numbering, copy.view().archive.recalled);
        let numbering = ContentHash::of(numbering.as_bytes());
        let numbering = numbering.as_bytes().first_chunk();
        let numbering = u64::from_be_bytes(*numbering.expect("a hash has 16 bytes"));
        copy.view_mut().numbering = numbering;
        Ok(Some(copy.publish()))
    }

    /// How many bundles of items are put away.
    pub fn put_away(&self) -> usize {
        self.archive.bundles()
    }

    /// How many bundles were put away and came back for good, because of a later fact about them.
    pub fn brought_back(&self) -> usize {
        self.archive.brought_back()
    }

    /// The pages that anything lies on which was put away.
    pub fn pages(&self) -> impl Iterator<Item = ContentHash> {
        self.archive.pages().chain(self.changes.rows.pages())
    }

    /// How many changes have a row in memory.
    pub fn change_rows_here(&self) -> usize {
        self.changes.rows.here()
    }

    /// Whether views hold more rows of changes read from pages than they should: it is time to publish anew.
    pub fn has_read_much(&self) -> bool {
        self.changes.rows.has_read_much()
    }

    /// Why what it says of changes cannot be trusted, if a page is lost: the log is to be folded anew.
    pub fn lost(&self) -> Option<PageError> {
        self.changes.rows.lost()
    }

    /// Reads bundles, and those that their relations lead to.
    fn read(
        &self,
        bundles: Vec<BundleIx>,
        pages: &dyn Pages,
    ) -> Result<BTreeMap<BundleIx, Found>, PageError> {
        let mut read: BTreeMap<ContentHash, Arc<Page>> = BTreeMap::new();
        let mut found: BTreeMap<BundleIx, Found> = BTreeMap::new();
        let mut todo = bundles;
        while let Some(bundle) = todo.pop() {
            let Some(shelf) = self.archive.shelf(bundle) else {
                continue;
            };
            if found.contains_key(&bundle) {
                continue;
            }
            let page = match read.get(&shelf.page) {
                Some(page) => Arc::clone(page),
                None => {
                    let page = Arc::new(self.read_page(shelf.page, pages)?);
                    read.insert(shelf.page, Arc::clone(&page));
                    page
                }
            };
            let here = Found {
                page,
                place: shelf.place,
            };
            let relations = here.bundle().into_iter().flat_map(|it| &it.relations);
            let ends = relations.flat_map(|frozen| [frozen.dependent, frozen.provider]);
            let aliases = here.bundle().into_iter().flat_map(|it| &it.aliases);
            for end in ends.chain(aliases.map(|frozen| frozen.name)) {
                let End::Other(other) = end else { continue };
                let id = here.page.others.get(other as usize);
                if let Some(id) = id.filter(|id| self.identity.find_id(**id).is_none()) {
                    todo.extend(self.archive.named(fingerprint(id.as_bytes())));
                }
            }
            found.insert(bundle, here);
        }
        Ok(found)
    }

    fn read_page(&self, page: ContentHash, pages: &dyn Pages) -> Result<Page, PageError> {
        let mut sealed = self.archive.sealed().iter();
        let bytes = match sealed.find(|sealed| sealed.page == page) {
            Some(sealed) => Arc::clone(&sealed.bytes),
            None => pages.read(page)?,
        };
        let broken = |cause: Box<dyn std::error::Error + Send + Sync>| PageError { page, cause };
        if ContentHash::of(&bytes) != page {
            return Err(broken("its bytes are not those that were sealed".into()));
        }
        Page::decode(&bytes).map_err(|error| broken(Box::new(error)))
    }
}
