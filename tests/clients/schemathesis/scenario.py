"""Whatever the schema allows is answered, or refused for a reason that is the client's.

Every query and mutation of the schema that the server shows is generated with all of its arguments, by
schemathesis, against the demo estate. An answer is good when its status is below 500, it is GraphQL, and no
error in it is our fault (the code INTERNAL).
"""

import os
import pathlib
import sys

import hypothesis
import requests
import schemathesis
from hypothesis import strategies as st
from hypothesis_graphql import nodes

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from server import Server  # noqa: E402

CASES = int(os.environ.get("GRAPHQL_CASES", "1000"))
SEED = int(os.environ.get("GRAPHQL_SEED", "1"))

KEYS = """{ items(first: 50) { nodes { id key } } changes(first: 50) { nodes { id } }
    incidents(first: 20) { nodes { id } } }"""


def known_names(server):
    """Ids and keys of the demo estate; once it is loaded, the demo says how to end it."""
    if not any(line.startswith("Ctrl-C") for line in server.process.stdout):
        raise AssertionError("the demo ended before its estate was loaded")
    data = ask(server.http, KEYS)
    others = data["changes"]["nodes"] + data["incidents"]["nodes"]
    names = [name for item in data["items"]["nodes"] for name in item.values()]
    return names + [it["id"] for it in others]


def ask(server, document):
    answer = requests.post(f"{server}/graphql", json={"query": document}, timeout=30).json()
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


def scalars(known):
    """How values of our scalars are made: some that name something, and some that name nothing."""
    text = st.sampled_from(known) | st.text(max_size=40)
    times = st.datetimes().map(lambda at: at.isoformat(timespec="milliseconds") + "Z")
    spans = st.sampled_from(["PT1H", "P7D", "PT0S", "P99999D", "soon"])
    numbers = st.integers(min_value=0, max_value=2**64).map(str)
    json_values = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
    register = schemathesis.graphql.scalar
    register("ItemKey", text.map(nodes.String))
    register("DateTime", times.map(nodes.String))
    register("Duration", spans.map(nodes.String))
    register("LogPosition", numbers.map(nodes.String))
    register("JSON", json_values.map(to_node))


def to_node(value):
    match value:
        case None:
            return nodes.Null
        case bool():
            return nodes.Boolean(value)
        case int():
            return nodes.Int(value) if abs(value) < 2**31 else nodes.Float(float(value))
        case _:
            return nodes.String(value)


def check(operation, response):
    """Says what is wrong with an answer."""
    if 500 <= response.status_code:
        return f"{operation}: status {response.status_code}: {response.text[:300]}"
    answer = response.json()
    errors = answer.get("errors", [])
    if "data" not in answer and not errors:
        return f"{operation}: neither data nor errors: {response.text[:300]}"
    for error in errors:
        code = error.get("extensions", {}).get("code")
        if code is None or code == "INTERNAL":
            return f"{operation}: {error}"
    return None


def main():
    with Server(command="demo") as server:
        scalars(known_names(server))
        schema = schemathesis.graphql.from_url(f"{server.http}/graphql")
        operations = [operation.ok() for operation in schema.get_all_operations()]
        each = -(-CASES // len(operations))
        codes, wrong, asked = {}, [], 0
        for operation in operations:

            @hypothesis.seed(SEED)
            @hypothesis.settings(
                max_examples=each,
                deadline=None,
                database=None,
                phases=[hypothesis.Phase.generate],
                suppress_health_check=list(hypothesis.HealthCheck),
            )
            @hypothesis.given(case=operation.as_strategy())
            def answered(case):
                nonlocal asked
                asked += 1
                response = case.call()
                fault = check(operation.label, response)
                if fault is not None:
                    wrong.append(f"{fault}\n{case.body}")
                for error in response.json().get("errors", [{}]):
                    code = error.get("extensions", {}).get("code", "answered")
                    codes[code] = codes.get(code, 0) + 1

            answered()
        print(f"{asked} questions of {len(operations)} kinds: {codes}")
        for fault in wrong[:20]:
            print(fault)
        assert not wrong, f"{len(wrong)} answers are a fault of the server"
        assert CASES <= asked and codes.get("answered", 0) > asked // 20, codes


if __name__ == "__main__":
    main()
