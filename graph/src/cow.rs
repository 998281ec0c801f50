//! A persistent vector: cloning it costs the number of its pages, writing after a clone copies one chunk.
//!
//! It is what makes publishing a view cost what changed since the last one. It never shrinks, but chunks may be
//! taken out of it and put back.
//! [`CowMap`] is the same for few rows with high numbers.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Chunks in one page.
const PAGE: usize = 256;

/// Rows in shared chunks of `CHUNK`, chunks in shared pages. Full chunks may be taken out for a while.
#[derive(Debug)]
pub(crate) struct CowVec<T, const CHUNK: usize> {
    pages: Vec<Arc<Vec<Arc<Vec<T>>>>>,
    len: usize,
    /// The rows written since somebody last asked, one bit each; a clone begins without any.
    written: Vec<u64>,
}

impl<T, const CHUNK: usize> Clone for CowVec<T, CHUNK> {
    fn clone(&self) -> Self {
        Self {
            pages: self.pages.clone(),
            len: self.len,
            written: Vec::new(),
        }
    }
}

impl<T, const CHUNK: usize> Default for CowVec<T, CHUNK> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            len: 0,
            written: Vec::new(),
        }
    }
}

impl<T, const CHUNK: usize> CowVec<T, CHUNK> {
    /// Calls `visit` with every row written since this was last asked, in order, and forgets them.
    pub(crate) fn drain_written(&mut self, mut visit: impl FnMut(usize)) {
        for (place, word) in self.written.iter_mut().enumerate() {
            let mut rows = std::mem::take(word);
            while rows != 0 {
                visit(place * 64 + rows.trailing_zeros() as usize);
                rows &= rows - 1;
            }
        }
    }

    fn note_written(&mut self, index: usize) {
        let place = index / 64;
        if self.written.len() <= place {
            self.written.resize(place + 1, 0);
        }
        if let Some(word) = self.written.get_mut(place) {
            *word |= 1 << (index % 64);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        let chunk = index / CHUNK;
        self.pages
            .get(chunk / PAGE)?
            .get(chunk % PAGE)?
            .get(index % CHUNK)
    }

    /// The rows that are there, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages
            .iter()
            .flat_map(|page| page.iter().flat_map(|chunk| chunk.iter()))
    }

    /// The rows of a chunk; none where it was [taken](Self::take_chunks).
    pub(crate) fn chunk(&self, chunk: usize) -> &[T] {
        let page = self.pages.get(chunk / PAGE);
        let rows = page.and_then(|page| page.get(chunk % PAGE));
        rows.map_or(&[], |rows| rows.as_slice())
    }

    /// A vector of chunks, full ones but the last, or empty ones in the place of what was taken.
    pub(crate) fn of_chunks(chunks: Vec<Vec<T>>) -> Self {
        let Some((last, full)) = chunks.split_last() else {
            return Self::default();
        };
        let last = if last.is_empty() { CHUNK } else { last.len() };
        let len = full.len() * CHUNK + last;
        let mut pages: Vec<Arc<Vec<Arc<Vec<T>>>>> = Vec::new();
        let mut chunks = chunks.into_iter().map(Arc::new).peekable();
        while chunks.peek().is_some() {
            pages.push(Arc::new(chunks.by_ref().take(PAGE).collect()));
        }
        Self {
            pages,
            len,
            written: Vec::new(),
        }
    }

    /// The rows from `first` to before `end` that lie in one piece with `first`; none behind the end.
    pub(crate) fn piece(&self, first: usize, end: usize) -> &[T] {
        let chunk = first / CHUNK;
        let rows = self
            .pages
            .get(chunk / PAGE)
            .and_then(|page| page.get(chunk % PAGE));
        let from = first % CHUNK;
        let rows = rows.map_or(&[][..], |rows| rows.as_slice());
        let until = (from + end.saturating_sub(first)).min(rows.len());
        rows.get(from..until).unwrap_or(&[])
    }
}

impl<T: PartialEq, const CHUNK: usize> CowVec<T, CHUNK> {
    /// The rows that an older clone of this vector lacks or holds otherwise. It costs the chunks written since.
    pub(crate) fn changed_since(&self, older: &Self) -> Vec<usize> {
        let mut changed = Vec::new();
        for (number, page) in self.pages.iter().enumerate() {
            let old_page = older.pages.get(number);
            if old_page.is_some_and(|old| Arc::ptr_eq(old, page)) {
                continue;
            }
            for (place, chunk) in page.iter().enumerate() {
                let old = old_page.and_then(|old| old.get(place));
                if old.is_some_and(|old| Arc::ptr_eq(old, chunk)) {
                    continue;
                }
                let old = old.map_or(&[][..], |old| old.as_slice());
                let first = (number * PAGE + place) * CHUNK;
                let rows = chunk.iter().enumerate();
                let differing = rows.filter(|(row, value)| old.get(*row) != Some(value));
                changed.extend(differing.map(|(row, _)| first + row));
            }
        }
        changed
    }
}

impl<T, const CHUNK: usize> FromIterator<T> for CowVec<T, CHUNK> {
    fn from_iter<I: IntoIterator<Item = T>>(rows: I) -> Self {
        let mut rows = rows.into_iter();
        let mut vector = Self::default();
        let mut page: Vec<Arc<Vec<T>>> = Vec::new();
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            chunk.extend(rows.by_ref().take(CHUNK));
            let is_last = chunk.len() < CHUNK;
            vector.len += chunk.len();
            if !chunk.is_empty() {
                page.push(Arc::new(chunk));
            }
            if page.len() == PAGE || (is_last && !page.is_empty()) {
                vector.pages.push(Arc::new(std::mem::take(&mut page)));
            }
            if is_last {
                return vector;
            }
        }
    }
}

impl<T: Clone, const CHUNK: usize> CowVec<T, CHUNK> {
    /// Appends a row and returns its index.
    pub(crate) fn push(&mut self, row: T) -> usize {
        let index = self.len;
        let chunk = index / CHUNK;
        if chunk / PAGE == self.pages.len() {
            self.pages.push(Arc::new(Vec::new()));
        }
        let page = self
            .pages
            .last_mut()
            .expect("a page was pushed just now or before");
        let page = Arc::make_mut(page);
        if chunk % PAGE == page.len() {
            page.push(Arc::new(Vec::with_capacity(CHUNK)));
        }
        let rows = page
            .last_mut()
            .expect("a chunk was pushed just now or before");
        Arc::make_mut(rows).push(row);
        self.len += 1;
        self.note_written(index);
        index
    }

    /// A chunk for writing, if it is there.
    pub(crate) fn chunk_mut(&mut self, chunk: usize) -> Option<&mut [T]> {
        if self.chunk(chunk).is_empty() {
            return None;
        }
        let page = Arc::make_mut(self.pages.get_mut(chunk / PAGE)?);
        let rows = Arc::make_mut(page.get_mut(chunk % PAGE)?);
        Some(rows.as_mut_slice())
    }

    /// Leaves chunks empty; whoever takes them keeps their rows elsewhere until they are put back.
    pub(crate) fn take_chunks(&mut self, chunks: &[usize]) {
        let empty = Arc::new(Vec::new());
        for chunk in chunks {
            if let Some(page) = self.pages.get_mut(chunk / PAGE)
                && let Some(rows) = Arc::make_mut(page).get_mut(chunk % PAGE)
            {
                *rows = Arc::clone(&empty);
            }
        }
    }

    /// Puts back a chunk that was taken.
    pub(crate) fn put_chunk(&mut self, chunk: usize, rows: Vec<T>) {
        if let Some(page) = self.pages.get_mut(chunk / PAGE)
            && let Some(kept) = Arc::make_mut(page).get_mut(chunk % PAGE)
        {
            *kept = Arc::new(rows);
        }
    }

    /// The row for writing, copying its chunk if a view still holds it.
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        if index < self.len {
            self.note_written(index);
        }
        let chunk = index / CHUNK;
        let page = Arc::make_mut(self.pages.get_mut(chunk / PAGE)?);
        Arc::make_mut(page.get_mut(chunk % PAGE)?).get_mut(index % CHUNK)
    }
}

impl<T: Clone + Default, const CHUNK: usize> CowVec<T, CHUNK> {
    /// The row for writing; rows up to it come to be as empty ones.
    pub(crate) fn grow_to(&mut self, index: usize) -> &mut T {
        while self.len <= index {
            self.push(T::default());
        }
        self.get_mut(index)
            .expect("the vector has just been grown past the index")
    }
}

/// Neighbouring keys in one bucket of a [`CowMap`].
const SPAN: usize = 64;

/// Rows by number where most numbers have none: sorted buckets of neighbouring numbers.
#[derive(Debug)]
pub(crate) struct CowMap<T> {
    buckets: CowVec<Vec<(u32, T)>, 16>,
    len: usize,
}

impl<T> Clone for CowMap<T> {
    fn clone(&self) -> Self {
        Self {
            buckets: self.buckets.clone(),
            len: self.len,
        }
    }
}

impl<T> Default for CowMap<T> {
    fn default() -> Self {
        Self {
            buckets: CowVec::default(),
            len: 0,
        }
    }
}

impl<T> CowMap<T> {
    pub(crate) fn get(&self, key: u32) -> Option<&T> {
        if self.len == 0 {
            return None;
        }
        let bucket = self.buckets.get(key as usize / SPAN)?;
        let place = bucket
            .binary_search_by_key(&key, |(other, _)| *other)
            .ok()?;
        bucket.get(place).map(|(_, row)| row)
    }

    /// Calls `visit` with the numbers around every row written since this was last asked.
    pub(crate) fn drain_written(&mut self, mut visit: impl FnMut(usize)) {
        self.buckets.drain_written(|bucket| {
            (bucket * SPAN..(bucket + 1) * SPAN).for_each(&mut visit);
        });
    }

    /// Every row, in order of its number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.buckets
            .iter()
            .flat_map(|bucket| bucket.iter().map(|(key, row)| (*key, row)))
    }
}

impl<T: Clone> CowMap<T> {
    pub(crate) fn insert(&mut self, key: u32, row: T) {
        let bucket = self.buckets.grow_to(key as usize / SPAN);
        match bucket.binary_search_by_key(&key, |(other, _)| *other) {
            Ok(place) => {
                if let Some(kept) = bucket.get_mut(place) {
                    kept.1 = row;
                }
            }
            Err(place) => {
                bucket.insert(place, (key, row));
                self.len += 1;
            }
        }
    }

    pub(crate) fn remove(&mut self, key: u32) -> Option<T> {
        self.get(key)?;
        let bucket = self.buckets.get_mut(key as usize / SPAN)?;
        let place = bucket
            .binary_search_by_key(&key, |(other, _)| *other)
            .ok()?;
        self.len -= 1;
        Some(bucket.remove(place).1)
    }
}

impl<T: Clone> FromIterator<(u32, T)> for CowMap<T> {
    fn from_iter<I: IntoIterator<Item = (u32, T)>>(rows: I) -> Self {
        let mut map = Self::default();
        for (key, row) in rows {
            map.insert(key, row);
        }
        map
    }
}

impl<T: Serialize, const CHUNK: usize> Serialize for CowVec<T, CHUNK> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut rows = serializer.serialize_seq(Some(self.len))?;
        for row in self.iter() {
            rows.serialize_element(row)?;
        }
        rows.end()
    }
}

impl<'de, T: Clone + Deserialize<'de>, const CHUNK: usize> Deserialize<'de> for CowVec<T, CHUNK> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<T>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_keeps_what_it_saw() {
        let mut live: CowVec<usize, 2> = CowVec::default();
        for n in 0..2_000 {
            assert_eq!(live.push(n), n);
        }
        let seen = live.clone();
        *live.get_mut(1_234).unwrap() = 7;
        live.push(9);
        assert_eq!((seen.get(1_234), seen.len()), (Some(&1_234), 2_000));
        assert_eq!((live.get(1_234), live.get(2_000)), (Some(&7), Some(&9)));
        assert_eq!(live.iter().count(), 2_001);
        *live.grow_to(2_005) = 1;
        assert_eq!((live.len(), live.get(2_003)), (2_006, Some(&0)));
    }

    #[test]
    fn a_map_holds_what_was_put_in_last() {
        let mut live: CowMap<u32> = [(70, 1), (5_000, 2), (69, 3)].into_iter().collect();
        let seen = live.clone();
        live.insert(70, 4);
        assert_eq!((live.remove(69), live.remove(68)), (Some(3), None));
        assert_eq!((live.get(70), live.get(69)), (Some(&4), None));
        assert_eq!(live.iter().collect::<Vec<_>>(), [(70, &4), (5_000, &2)]);
        assert_eq!((seen.get(70), seen.get(69)), (Some(&1), Some(&3)));
    }

    #[test]
    fn what_changed_since_a_clone_is_found() {
        let mut live: CowVec<usize, 4> = (0..3_000).collect();
        assert_eq!((live.len(), live.get(2_999)), (3_000, Some(&2_999)));
        let seen = live.clone();
        assert!(live.changed_since(&seen).is_empty());
        *live.get_mut(2_000).unwrap() = 7;
        *live.get_mut(5).unwrap() = 5;
        live.push(1);
        assert_eq!(live.changed_since(&seen), [2_000, 3_000]);
        assert_eq!(live.changed_since(&CowVec::default()).len(), 3_001);
    }

    #[test]
    fn chunks_are_taken_out_and_put_back() {
        let mut live: CowVec<usize, 4> = (0..2_050).collect();
        let seen = live.clone();
        live.take_chunks(&[1, 300]);
        assert_eq!((live.len(), live.iter().count()), (2_050, 2_042));
        assert_eq!(
            (live.get(5), live.get(8), seen.get(5)),
            (None, Some(&8), Some(&5))
        );
        assert!(live.chunk_mut(1).is_none());
        let chunks: Vec<Vec<usize>> = (0..513).map(|chunk| live.chunk(chunk).to_vec()).collect();
        let mut again: CowVec<usize, 4> = CowVec::of_chunks(chunks);
        assert_eq!(
            (again.len(), again.get(1_200), again.get(2_049)),
            (2_050, None, Some(&2_049))
        );
        again.put_chunk(300, vec![1_200, 1_201, 1_202, 1_203]);
        again.put_chunk(1, vec![4, 5, 6, 7]);
        assert!(again.iter().copied().eq(0..2_050));
        assert_eq!(
            (again.push(2_050), again.push(2_051), again.push(2_052)),
            (2_050, 2_051, 2_052)
        );
    }

    #[test]
    fn rows_are_read_in_pieces() {
        let rows: CowVec<usize, 4> = (0..10).collect();
        assert_eq!(rows.piece(1, 3), [1, 2]);
        assert_eq!(rows.piece(2, 9), [2, 3]);
        assert_eq!(rows.piece(8, 20), [8, 9]);
        assert_eq!((rows.piece(10, 12), rows.piece(3, 3)), (&[][..], &[][..]));
    }
}
