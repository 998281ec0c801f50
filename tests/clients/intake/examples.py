"""The examples of the documentation, as a reader would run them: one after the other."""

import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from server import ROOT, Server  # noqa: E402

EXAMPLE = re.compile(r"^```sh\n(.*?)^```\n+^```json\n(.*?)^```", re.MULTILINE | re.DOTALL)


def main():
    examples = EXAMPLE.findall((ROOT / "docs/intake.md").read_text())
    assert 5 <= len(examples), f"only {len(examples)} examples found"
    with Server() as server:
        for command, expected in examples:
            command = command.replace("http://127.0.0.1:8080", server.http)
            done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
            answered = json.loads(done.stdout)
            assert answered == json.loads(expected), f"{command}\nanswered {answered}"
        schema = ["curl", "-s", f"{server.http}/ingest/events/schema.json"]
        served = subprocess.run(schema, capture_output=True, text=True, check=True).stdout
        published = (ROOT / "docs/schema/events.schema.json").read_text()
        assert served == published, "another schema is served than published"
    print(f"intake: {len(examples)} examples of docs/intake.md answer as written there")


if __name__ == "__main__":
    main()
