//! A persistent vector: cloning it costs the number of its pages, writing after a clone copies one chunk.
//!
//! It is what makes publishing a view cost what changed since the last one. It never shrinks.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Chunks in one page.
const PAGE: usize = 256;

/// Rows in shared chunks of `CHUNK`, chunks in shared pages.
#[derive(Debug)]
pub(crate) struct CowVec<T, const CHUNK: usize> {
    pages: Vec<Arc<Vec<Arc<Vec<T>>>>>,
    len: usize,
}

impl<T, const CHUNK: usize> Clone for CowVec<T, CHUNK> {
    fn clone(&self) -> Self {
        Self {
            pages: self.pages.clone(),
            len: self.len,
        }
    }
}

impl<T, const CHUNK: usize> Default for CowVec<T, CHUNK> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            len: 0,
        }
    }
}

impl<T, const CHUNK: usize> CowVec<T, CHUNK> {
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

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages
            .iter()
            .flat_map(|page| page.iter().flat_map(|chunk| chunk.iter()))
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
        index
    }

    /// The row for writing, copying its chunk if a view still holds it.
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
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
        let mut vector = Self::default();
        for row in Vec::<T>::deserialize(deserializer)? {
            vector.push(row);
        }
        Ok(vector)
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
}
