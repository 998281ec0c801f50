"""One peer of a benchmark: answers questions, one a line, and says how long each took.

usage: ask.py ENGINE SUBJECT FOLDER

The folder holds a file of comma-separated numbers for each table of the subject. A question is an
object of parameters; the answer holds the numbers that were found and the milliseconds from having
the parameters to having the numbers, inside this process.
"""

import json
import sys
import time

from subjects import SUBJECTS


def engine_of(name, subject, folder):
    # Imported late: what one engine lacks is no matter to the others.
    if name == "sqlite":
        from with_sqlite import Sqlite as Engine
    elif name == "duckdb":
        from with_duckdb import Duckdb as Engine
    elif name == "postgresql":
        from with_postgresql import Postgresql as Engine
    else:
        from with_igraph import Igraph as Engine
    return Engine(subject, folder)


def answer(engine, parameters):
    engine.prepare(parameters)
    started = time.perf_counter()
    found = engine.ask(parameters)
    return {"ms": (time.perf_counter() - started) * 1e3, "found": found}


def main():
    name, subject, folder = sys.argv[1:]
    try:
        engine = engine_of(name, SUBJECTS[subject], folder)
    except (ImportError, LookupError, OSError) as error:
        print(json.dumps({"missing": str(error)}), flush=True)
        return
    try:
        print(json.dumps({"name": engine.name}), flush=True)
        for line in sys.stdin:
            print(json.dumps(answer(engine, json.loads(line))), flush=True)
    finally:
        engine.close()


main()
