"""PostgreSQL: a server of its own in a temporary folder, asked over a unix socket."""

import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg

# Everything in memory, nothing synced, no work beside the questions.
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "2GB",
    "work_mem": "1GB",
    "maintenance_work_mem": "1GB",
    "effective_cache_size": "8GB",
    "random_page_cost": "1.1",
    "max_wal_size": "8GB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "jit": "off",
}

START_SECONDS = 60


class Postgresql:
    def __init__(self, subject, folder):
        self.subject = subject
        self.server = Server()
        try:
            self.connection = psycopg.connect(
                host=self.server.folder, user=self.server.user, dbname="postgres", autocommit=True
            )
            version = self.connection.execute("show server_version").fetchone()[0]
            self.name = f"PostgreSQL {version.split()[0]}"
            for table in subject.tables:
                self.load(table, os.path.join(folder, f"{table.name}.csv"))
        except BaseException:
            self.server.stop()
            raise

    def load(self, table, path):
        columns = ", ".join(f"{name} {kind}" for name, kind in table.columns.items())
        rest = ", ".join(name for name in table.columns if name not in table.key)
        include = f" include ({rest})" if rest else ""
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.execute(f"create unlogged table {table.name} ({columns})")
            with cursor.copy(f"copy {table.name} from stdin (format csv, freeze)") as copy:
                with open(path, "rb") as rows:
                    while block := rows.read(1 << 20):
                        copy.write(block)
        self.connection.execute(
            f"create index on {table.name} ({', '.join(table.key)}){include}"
        )
        # So that the index alone answers.
        self.connection.execute(f"vacuum analyze {table.name}")

    def prepare(self, _parameters):
        pass

    def ask(self, parameters):
        limited = parameters["hops"] is not None
        sql = self.subject.sql if limited else self.subject.sql_unlimited
        sql = re.sub(r"\$(\w+)", r"%(\1)s", sql)
        rows = self.connection.execute(sql, parameters, prepare=True).fetchall()
        return [row[0] for row in rows]

    def close(self):
        self.connection.close()
        self.server.stop()


class Server:
    """Runs until it is stopped; as another user where we are root, which it refuses to be."""

    def __init__(self):
        programs = programs_folder()
        self.user = "postgres" if os.getuid() == 0 else None
        self.folder = tempfile.mkdtemp(prefix="peer-")
        if self.user:
            shutil.chown(self.folder, self.user)
        data = os.path.join(self.folder, "data")
        self.run([f"{programs}/initdb", "--no-sync", "--auth=trust", "--pgdata", data]).wait()
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        self.process = self.run(
            [f"{programs}/postgres", "-D", data, "-k", self.folder, *settings]
        )
        self.wait_until_ready()

    def run(self, command):
        as_user = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        return subprocess.Popen(
            command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **as_user,
        )

    def wait_until_ready(self):
        for _ in range(START_SECONDS * 10):
            if self.process.poll() is not None:
                break
            try:
                psycopg.connect(host=self.folder, user=self.user, dbname="postgres").close()
                return
            except psycopg.OperationalError:
                time.sleep(0.1)
        self.stop()
        raise FileNotFoundError("the server does not start")

    def stop(self):
        # The fast way: whoever is connected is cut off.
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def programs_folder():
    found = shutil.which("initdb")
    if found:
        return os.path.dirname(os.path.realpath(found))
    by_version = sorted(
        glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4])
    )
    if not by_version:
        raise FileNotFoundError("no PostgreSQL server is installed")
    return by_version[-1]
