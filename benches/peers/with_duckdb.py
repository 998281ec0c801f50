"""DuckDB in memory: read in bulk, in an order by which ranges of rows can be passed over."""

import os
import re

import duckdb


class Duckdb:
    def __init__(self, subject, folder):
        self.name = f"DuckDB {duckdb.__version__}"
        self.subject = subject
        self.connection = duckdb.connect(":memory:")
        for table in subject.tables:
            path = os.path.join(folder, f"{table.name}.csv")
            columns = ", ".join(f"'{name}': '{kind}'" for name, kind in table.columns.items())
            self.connection.execute(
                f"create table {table.name} as"
                f" select * from read_csv('{path}', header = false, columns = {{{columns}}})"
                f" order by {table.sorted_by}"
            )

    def prepare(self, _parameters):
        pass

    def ask(self, parameters):
        hops = parameters["hops"]
        # Recursion reads the whole table before it begins, a hop by itself only what may be in it.
        sql = self.subject.sql_unlimited if hops is None else self.subject.sql_by_hop(hops)
        used = {name: parameters[name] for name in set(re.findall(r"\$(\w+)", sql))}
        return [row[0] for row in self.connection.execute(sql, used).fetchall()]

    def close(self):
        self.connection.close()
