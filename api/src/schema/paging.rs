//! Pages of a sorted list. A cursor is the place of an entry in the order, not its number, so
//! that what comes and goes elsewhere in the list shifts no page.

use async_graphql::connection::{
    Connection, ConnectionNameType, CursorType, Edge, EdgeNameType, EmptyFields, OpaqueCursor,
};
use async_graphql::{Context, ObjectType, OutputType, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Shared;
use crate::error::ErrorCode;

/// How many entries a page has when nobody says.
pub(crate) const PAGE_DEFAULT: usize = 20;

/// The arguments of a page as they come in.
#[derive(Default)]
pub(crate) struct PageArguments {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
}

/// A checked page: which entries of the order, and how many from which end.
#[derive(Debug)]
pub(crate) struct PageOf<K> {
    pub(crate) after: Option<K>,
    pub(crate) before: Option<K>,
    size: usize,
    backward: bool,
}

/// The entries of a page in the order of the list.
#[derive(Debug)]
pub(crate) struct Page<K, T> {
    entries: Vec<(K, T)>,
    has_previous: bool,
    has_next: bool,
}

/// The cost of a list: its page size for each field inside.
pub(crate) fn page_cost(first: Option<i32>, last: Option<i32>, inside: usize) -> usize {
    let size = first.or(last).and_then(|size| usize::try_from(size).ok());
    let size = size.unwrap_or(PAGE_DEFAULT).max(1);
    size.saturating_mul(inside.max(1)).saturating_add(1)
}

impl PageArguments {
    /// Checks the arguments. `first` and `last` exclude each other, and neither exceeds `page_max`.
    pub(crate) fn check<K: DeserializeOwned + Serialize>(
        self,
        page_max: usize,
    ) -> Result<PageOf<K>> {
        let (size, backward) = match (self.first, self.last) {
            (Some(_), Some(_)) => {
                return Err(ErrorCode::BadInput.error("a page takes first or last, not both"));
            }
            (None, Some(last)) => (page_size("last", last, page_max)?, true),
            (Some(first), None) => (page_size("first", first, page_max)?, false),
            (None, None) => (PAGE_DEFAULT.min(page_max), false),
        };
        Ok(PageOf {
            after: self.after.map(|it| read_cursor("after", &it)).transpose()?,
            before: self
                .before
                .map(|it| read_cursor("before", &it))
                .transpose()?,
            size,
            backward,
        })
    }
}

/// The size an argument asks for, from 0 to `page_max`.
pub(crate) fn page_size(name: &str, size: i32, page_max: usize) -> Result<usize> {
    let size = usize::try_from(size).ok().filter(|size| *size <= page_max);
    size.ok_or_else(|| ErrorCode::BadInput.error(format!("{name} is from 0 to {page_max}")))
}

fn read_cursor<K: DeserializeOwned + Serialize>(name: &str, cursor: &str) -> Result<K> {
    let read = OpaqueCursor::<K>::decode_cursor(cursor).map(|cursor| cursor.0);
    read.map_err(|_| {
        ErrorCode::BadInput.error(format!(
            "{name} is no cursor of this list; take it from an answer"
        ))
    })
}

impl<K> PageOf<K> {
    /// The first entries.
    pub(crate) const fn first(size: usize) -> Self {
        Self {
            after: None,
            before: None,
            size,
            backward: false,
        }
    }

    /// How many entries it has at most.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Whether it is the last entries rather than the first.
    pub(crate) fn is_backward(&self) -> bool {
        self.backward
    }

    /// A page that somebody else cut from the beginning or after a cursor.
    pub(crate) fn taken<T>(&self, entries: Vec<(K, T)>, more: bool) -> Page<K, T> {
        Page {
            entries,
            has_previous: self.after.is_some(),
            has_next: more,
        }
    }
}

impl PageOf<String> {
    /// Cuts the page out of selected items in some order.
    pub(crate) fn of_items<'v>(
        &self,
        selection: &graph::Selection<'v>,
        order: graph::ItemOrder,
    ) -> Page<String, graph::Item<'v>> {
        let cut = graph::Cut {
            after: self.after.as_deref(),
            before: self.before.as_deref(),
            size: self.size,
            backward: self.backward,
        };
        let page = selection.page(order, &cut);
        Page {
            entries: page.entries,
            has_previous: page.has_previous,
            has_next: page.has_next,
        }
    }
}

impl<K: Ord> PageOf<K> {
    /// Cuts the page out of a list in any order, without sorting more than the page.
    pub(crate) fn select<T>(&self, unsorted: impl IntoIterator<Item = (K, T)>) -> Page<K, T> {
        let mut kept: std::collections::BTreeMap<K, T> = std::collections::BTreeMap::new();
        let (mut has_previous, mut has_next) = (false, false);
        for (key, entry) in unsorted {
            if self.after.as_ref().is_some_and(|after| key <= *after) {
                has_previous = true;
            } else if self.before.as_ref().is_some_and(|before| *before <= key) {
                has_next = true;
            } else {
                kept.insert(key, entry);
                if self.size < kept.len() && self.backward {
                    kept.pop_first();
                    has_previous = true;
                } else if self.size < kept.len() {
                    kept.pop_last();
                    has_next = true;
                }
            }
        }
        Page {
            entries: kept.into_iter().collect(),
            has_previous,
            has_next,
        }
    }
}

impl<K, T> Page<K, T> {
    /// The page as a Relay connection with its additional fields.
    pub(crate) fn connection<N, F, Name, EdgeName>(
        self,
        fields: F,
        node: impl Fn(T) -> N,
    ) -> Connection<OpaqueCursor<K>, N, F, EmptyFields, Name, EdgeName>
    where
        K: Serialize + DeserializeOwned + Send + Sync,
        N: OutputType,
        F: ObjectType,
        Name: ConnectionNameType,
        EdgeName: EdgeNameType,
    {
        let mut connection =
            Connection::with_additional_fields(self.has_previous, self.has_next, fields);
        let edges = self.entries.into_iter();
        let edges = edges.map(|(key, entry)| Edge::new(OpaqueCursor(key), node(entry)));
        connection.edges.extend(edges);
        connection
    }
}

/// How many answers a question lists.
pub(crate) fn question_size(ctx: &Context<'_>, first: Option<i32>) -> Result<usize> {
    let page_max = ctx.data::<Shared>()?.limits.page_max;
    match first {
        Some(first) => page_size("first", first, page_max),
        None => Ok(PAGE_DEFAULT.min(page_max)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(arguments: PageArguments) -> String {
        let page = match arguments.check::<u32>(10) {
            Ok(page) => page,
            Err(error) => return error.message,
        };
        let list = [50, 10, 40, 20, 30];
        let selected = page.select(list.map(|n| (n, n)));
        let entries: Vec<String> = selected
            .entries
            .iter()
            .map(|(_, n)| n.to_string())
            .collect();
        let more = |more: bool| if more { ".." } else { "" };
        format!(
            "{}{}{}",
            more(selected.has_previous),
            entries.join(" "),
            more(selected.has_next)
        )
    }

    fn cursor(key: u32) -> Option<String> {
        Some(OpaqueCursor(key).encode_cursor())
    }

    #[test]
    fn a_page_is_cut_from_either_end() {
        let forward = |first, after| PageArguments {
            first,
            after,
            ..PageArguments::default()
        };
        let backward = |last, before| PageArguments {
            last,
            before,
            ..PageArguments::default()
        };
        assert_eq!(page(forward(None, None)), "10 20 30 40 50");
        assert_eq!(page(forward(Some(2), None)), "10 20..");
        assert_eq!(page(forward(Some(2), cursor(20))), "..30 40..");
        assert_eq!(page(forward(Some(2), cursor(40))), "..50");
        assert_eq!(page(forward(Some(0), None)), "..");
        assert_eq!(page(backward(Some(2), None)), "..40 50");
        assert_eq!(page(backward(Some(2), cursor(40))), "..20 30..");
        assert_eq!(
            page(forward(Some(2), cursor(25))),
            "..30 40..",
            "the entry itself may be gone"
        );
    }

    #[test]
    fn a_page_that_cannot_be_meant_is_refused() {
        let both = PageArguments {
            first: Some(1),
            last: Some(1),
            ..PageArguments::default()
        };
        assert_eq!(page(both), "a page takes first or last, not both");
        let negative = PageArguments {
            first: Some(-1),
            ..PageArguments::default()
        };
        assert_eq!(page(negative), "first is from 0 to 10");
        let large = PageArguments {
            last: Some(11),
            ..PageArguments::default()
        };
        assert_eq!(page(large), "last is from 0 to 10");
        let nonsense = PageArguments {
            after: Some("x".to_owned()),
            ..PageArguments::default()
        };
        assert_eq!(
            page(nonsense),
            "after is no cursor of this list; take it from an answer"
        );
    }
}
