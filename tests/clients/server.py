#!/usr/bin/env python3
"""Starts an Epicenter server for a client test and stops it again.

As a module:  with Server() as server: server.http, server.otlp_http, server.otlp_grpc
As a command: server.py COMMAND [ARG...] runs COMMAND with EPICENTER_SERVER,
OTLP_HTTP_URL and OTLP_GRPC_URL set, and ends with its exit code.

The binary is $EPICENTER_BIN, else the debug build of this repository.
Only the process started here is ever stopped, by its id.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Server:
    """A server on free ports over a temporary data directory, or over the one given."""

    def __init__(self, *flags, data_dir=None, command="serve"):
        self.flags = flags
        self.command = command
        self.own_dir = None if data_dir else tempfile.mkdtemp(prefix="epicenter-")
        self.data_dir = data_dir or self.own_dir
        self.http = self.otlp_http = self.otlp_grpc = None
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        if self.own_dir:
            shutil.rmtree(self.own_dir, ignore_errors=True)

    def start(self):
        """Starts it and returns when it is ready."""
        binary = os.environ.get("EPICENTER_BIN") or str(ROOT / "target/debug/epicenter")
        free = "127.0.0.1:0"
        arguments = [binary, self.command, "--listen", free, "--otlp-http", free]
        arguments += ["--otlp-grpc", free, "--data-dir", str(self.data_dir), *self.flags]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            words = line.split()
            if words == ["ready"]:
                return
            if len(words) == 2 and words[0] in ("http", "otlp-http", "otlp-grpc"):
                setattr(self, words[0].replace("-", "_"), words[1])
        raise RuntimeError(f"{binary} ended before it was ready: {self.process.wait()}")

    def stop(self):
        """Stops it in order and returns its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        """Ends it at once, as a crash would."""
        self.process.kill()
        return self.process.wait()


def main():
    with Server() as server:
        environment = dict(
            os.environ,
            EPICENTER_SERVER=server.http,
            OTLP_HTTP_URL=server.otlp_http,
            OTLP_GRPC_URL=server.otlp_grpc,
        )
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
