//! What else could keep a log: a plain file, and embedded engines with a key per record.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use fjall::{KeyspaceCreateOptions, PersistMode};
use redb::TableDefinition;

/// Makes records durable, all or none.
pub(crate) trait Sink: Send {
    fn make_durable(&mut self, records: &[&[u8]]);
}

/// Opens a peer in a directory.
pub(crate) type OpenSink = fn(&Path) -> Box<dyn Sink>;

/// Every peer with its name; the plain file first.
pub(crate) const PEERS: [(&str, OpenSink); 5] = [
    ("plain file", plain),
    ("sqlite", sqlite),
    ("fjall", fjall),
    ("redb", redb),
    ("sled", sled),
];

/// Large enough for every run; written over again from its start where it is not.
const PLAIN_BYTES: u64 = 512 * 1024 * 1024;

struct Plain {
    file: File,
    offset: u64,
    buffer: Vec<u8>,
}

fn plain(path: &Path) -> Box<dyn Sink> {
    let file = File::create_new(path.join("plain")).expect("a file");
    let zeros = vec![0; 1024 * 1024];
    for chunk in 0..PLAIN_BYTES / zeros.len() as u64 {
        file.write_all_at(&zeros, chunk * zeros.len() as u64)
            .expect("space");
    }
    file.sync_all().expect("a sync");
    Box::new(Plain {
        file,
        offset: 0,
        buffer: Vec::new(),
    })
}

impl Sink for Plain {
    fn make_durable(&mut self, records: &[&[u8]]) {
        self.buffer.clear();
        for record in records {
            self.buffer
                .extend_from_slice(&(record.len() as u64).to_le_bytes());
            self.buffer.extend_from_slice(record);
        }
        let length = self.buffer.len() as u64;
        if PLAIN_BYTES < self.offset + length {
            self.offset = 0;
        }
        self.file
            .write_all_at(&self.buffer, self.offset)
            .expect("a write");
        self.file.sync_data().expect("a sync");
        self.offset += length;
    }
}

struct Sqlite(rusqlite::Connection);

fn sqlite(path: &Path) -> Box<dyn Sink> {
    let connection = rusqlite::Connection::open(path.join("log.db")).expect("a database");
    let setup = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE log (position INTEGER PRIMARY KEY, record BLOB)";
    connection.execute_batch(setup).expect("a table");
    Box::new(Sqlite(connection))
}

impl Sink for Sqlite {
    fn make_durable(&mut self, records: &[&[u8]]) {
        let transaction = self.0.transaction().expect("a transaction");
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO log (record) VALUES (?)")
                .expect("a statement");
            for record in records {
                insert.execute([record]).expect("an insert");
            }
        }
        transaction.commit().expect("a commit");
    }
}

struct Fjall {
    database: fjall::Database,
    keyspace: fjall::Keyspace,
    next: u64,
}

fn fjall(path: &Path) -> Box<dyn Sink> {
    let database = fjall::Database::builder(path).open().expect("a database");
    let keyspace = database
        .keyspace("log", KeyspaceCreateOptions::default)
        .expect("a keyspace");
    Box::new(Fjall {
        database,
        keyspace,
        next: 0,
    })
}

impl Sink for Fjall {
    fn make_durable(&mut self, records: &[&[u8]]) {
        let mut batch = self.database.batch();
        for record in records {
            batch.insert(&self.keyspace, self.next.to_be_bytes(), *record);
            self.next += 1;
        }
        batch.commit().expect("a commit");
        self.database
            .persist(PersistMode::SyncData)
            .expect("a sync");
    }
}

const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");

struct Redb {
    database: redb::Database,
    next: u64,
}

fn redb(path: &Path) -> Box<dyn Sink> {
    let database = redb::Database::create(path.join("log.redb")).expect("a database");
    Box::new(Redb { database, next: 0 })
}

impl Sink for Redb {
    fn make_durable(&mut self, records: &[&[u8]]) {
        let transaction = self.database.begin_write().expect("a transaction");
        {
            let mut table = transaction.open_table(TABLE).expect("a table");
            for record in records {
                table.insert(self.next, *record).expect("an insert");
                self.next += 1;
            }
        }
        transaction.commit().expect("a commit");
    }
}

struct Sled {
    database: sled::Db,
    file: File,
    next: u64,
}

fn sled(path: &Path) -> Box<dyn Sink> {
    let database = sled::open(path).expect("a database");
    let file = File::open(path.join("db")).expect("its file");
    Box::new(Sled {
        database,
        file,
        next: 0,
    })
}

impl Sink for Sled {
    fn make_durable(&mut self, records: &[&[u8]]) {
        let mut batch = sled::Batch::default();
        for record in records {
            batch.insert(&self.next.to_be_bytes(), *record);
            self.next += 1;
        }
        self.database.apply_batch(batch).expect("a batch");
        self.database.flush().expect("a flush");
        // Its own flush does not reach the disk.
        self.file.sync_data().expect("a sync");
    }
}

/// A file of records, each behind its length.
pub(crate) fn write_plain(path: &Path, records: usize, bytes: usize) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    for _ in 0..records {
        file.write_all(&(bytes as u64).to_le_bytes())
            .expect("a write");
        file.write_all(&vec![b'x'; bytes]).expect("a write");
    }
    file.flush().expect("a write");
}

/// Goes over such a file in chunks and counts its records.
pub(crate) fn read_plain(path: &Path) -> usize {
    let mut file = File::open(path).expect("a file");
    let mut buffer = vec![0; 256 * 1024];
    let (mut filled, mut count) = (0, 0);
    loop {
        let read = file
            .read(buffer.get_mut(filled..).unwrap_or_default())
            .expect("a read");
        if read == 0 {
            return count;
        }
        filled += read;
        let mut offset = 0;
        while let Some(length) = buffer.get(offset..filled).and_then(<[u8]>::first_chunk) {
            let end = offset + 8 + usize::try_from(u64::from_le_bytes(*length)).expect("a length");
            if filled < end {
                break;
            }
            offset = end;
            count += 1;
        }
        buffer.copy_within(offset..filled, 0);
        filled -= offset;
    }
}
