"""Fails when a ranking is far below what simple rules reach. usage: floor.py TRUTH.jsonl RANKING.json

The floor is low on purpose: a few cases are noise, a broken ranking is not.
"""

import json
import sys

FIRST_FIVE_LEAST = 0.6


def main():
    with open(sys.argv[2], encoding="utf-8") as rankings:
        ranked = json.load(rankings)
    with open(sys.argv[1], encoding="utf-8") as truths:
        truth = {row["case"]: set(row["truth"]["changes"]) for row in map(json.loads, truths)}
    found = [bool(truth[case] & set(ranking[:5])) for case, ranking in ranked.items() if case in truth]
    if not found:
        sys.exit("no case with a known answer was ranked")
    share = sum(found) / len(found)
    print(f"the cause is among the first five in {share:.0%} of {len(found)} cases")
    if share < FIRST_FIVE_LEAST:
        sys.exit(f"that is below {FIRST_FIVE_LEAST:.0%}")


if __name__ == "__main__":
    main()
