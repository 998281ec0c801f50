"""SQLite in memory: every table is a tree by its key that holds whole rows."""

import os

try:
    from apsw import Connection, sqlite_lib_version

    VERSION = sqlite_lib_version()
except ImportError:
    # Older, but always there.
    from sqlite3 import Connection, sqlite_version as VERSION


class Sqlite:
    def __init__(self, subject, folder):
        self.name = f"SQLite {VERSION}"
        self.subject = subject
        self.connection = Connection(":memory:")
        for table in subject.tables:
            self.load(table, os.path.join(folder, f"{table.name}.csv"))
        self.connection.execute("analyze")

    def load(self, table, path):
        columns = ", ".join(f"{name} integer" for name in table.columns)
        key = ", ".join(table.key)
        self.connection.execute(
            f"create table {table.name} ({columns}, primary key ({key})) without rowid"
        )
        marks = ", ".join("?" for _ in table.columns)
        with open(path) as rows, self.connection:
            self.connection.executemany(
                f"insert into {table.name} values ({marks})",
                (line.rstrip().split(",") for line in rows),
            )

    def prepare(self, _parameters):
        pass

    def ask(self, parameters):
        limited = parameters["hops"] is not None
        sql = self.subject.sql if limited else self.subject.sql_unlimited
        return [row[0] for row in self.connection.execute(sql, parameters)]

    def close(self):
        self.connection.close()
