//! The same rows in SQLite, with an index for every filter and a trigram index over the texts.

use rusqlite::{Connection, params};

use crate::PAGE;
use crate::estate::{
    display_name_of, environment_of, is_ended, key_of, kind_of, owner_of, seen_at,
};

/// The table with its indexes.
pub(crate) fn filled(items: u64) -> Connection {
    let mut peer = Connection::open_in_memory().expect("SQLite opens in memory");
    peer.execute_batch(
        "create table items (number integer primary key, key text, kind text, environment text,
             owner text, display_name text, last_seen integer, ended integer);
         create virtual table texts using fts5 (text, tokenize = 'trigram', content = '');",
    )
    .expect("the tables are made");
    let all = peer.transaction().expect("a transaction begins");
    for number in 1..=items {
        let sql = "insert into items values (?, ?, ?, ?, ?, ?, ?, ?)";
        let (owner, display_name) = (owner_of(number), display_name_of(number));
        let values = params![
            number,
            key_of(number),
            kind_of(number),
            environment_of(number),
            owner,
            display_name,
            seen_at(number).unix_nanos(),
            is_ended(number)
        ];
        let mut insert = all.prepare_cached(sql).expect("a statement");
        insert.execute(values).expect("a row goes in");
        let mut text = key_of(number);
        for more in [owner, display_name].into_iter().flatten() {
            text.push('\n');
            text.push_str(&more);
        }
        let mut insert = all
            .prepare_cached("insert into texts (rowid, text) values (?, ?)")
            .expect("a statement");
        insert
            .execute(params![number, text])
            .expect("a text goes in");
    }
    all.commit().expect("the rows are kept");
    peer.execute_batch(
        "create index by_key on items (ended, key);
         create index by_kind on items (ended, kind, key);
         create index by_environment on items (ended, environment, key);
         create index by_owner on items (ended, owner, key);
         create index by_kind_and_owner on items (ended, kind, owner, key);
         create index by_time on items (ended, kind, last_seen desc, key);
         analyze;",
    )
    .expect("the indexes are made");
    peer
}

/// How many rows there are, and the keys of a page.
pub(crate) fn page(
    peer: &Connection,
    condition: &str,
    by_time: bool,
    after: Option<&str>,
) -> (usize, Vec<String>) {
    let sql = format!("select count(*) from items where {condition}");
    let count: usize = peer.query_row(&sql, [], |row| row.get(0)).expect("a count");
    let order = if by_time {
        "last_seen desc, key"
    } else {
        "key"
    };
    let sql = format!(
        "select key from items where {condition} and key > ? order by {order} limit {PAGE}"
    );
    let mut statement = peer.prepare(&sql).expect("a statement");
    let rows = statement
        .query_map([after.unwrap_or_default()], |row| row.get(0))
        .expect("a page");
    (count, rows.map(|row| row.expect("a key")).collect())
}

/// The condition that a text is found.
pub(crate) fn matching(text: &str) -> String {
    format!("number in (select rowid from texts where texts match '\"{text}\"')")
}
