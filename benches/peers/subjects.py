"""What the peers are asked about: tables, and questions in SQL with parameters as `$name`."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    name: str
    columns: dict
    # What rows are found by, first of all what they are sorted by.
    key: tuple
    # What a column store sorts by, which finds rows by ranges of values.
    sorted_by: str


@dataclass(frozen=True)
class Subject:
    tables: tuple
    sql: str
    # Where the question sets no limit of hops.
    sql_unlimited: str
    # The same for so many hops without recursion, which scans a table of columns once a hop.
    sql_by_hop: Callable[[int], str]


RELATION = Table(
    "relation",
    {"provider": "integer", "dependent": "integer", "from_at": "bigint", "until_at": "bigint"},
    ("provider", "dependent"),
    "provider",
)

REACH = """
with recursive reached(item, hops) as (
    select cast($origin as integer), 0
    union
    select relation.dependent, reached.hops + 1
    from reached join relation on relation.provider = reached.item
    where reached.hops < $hops and relation.from_at <= $at and $at < relation.until_at
)
select count(distinct item) - 1 from reached
"""

REACH_UNLIMITED = """
with recursive reached(item) as (
    select cast($origin as integer)
    union
    select relation.dependent
    from reached join relation on relation.provider = reached.item
    where relation.from_at <= $at and $at < relation.until_at
)
select count(*) - 1 from reached
"""



def by_hop(table, start, hops):
    """A list of what each hop meets, one after the other, and all of them together."""
    near_end, far_end = table.key
    lists = [f"hop0 as materialized ({start})"]
    for hop in range(hops):
        lists.append(
            f"hop{hop + 1} as materialized ("
            f" select distinct {far_end} as item from {table.name}"
            f" where {near_end} in (select item from hop{hop})"
            " and from_at <= $at and $at < until_at)"
        )
    every = " union ".join(f"select item from hop{hop}" for hop in range(hops + 1))
    return f"with {', '.join(lists)}, near as materialized ({every})"


def reach_by_hop(hops):
    lists = by_hop(RELATION, "select cast($origin as integer) as item", hops)
    return f"{lists} select count(*) - 1 from near"


NEIGHBOUR = Table(
    "neighbour",
    {"item": "integer", "other": "integer", "from_at": "bigint", "until_at": "bigint"},
    ("item", "other"),
    "item",
)

CHANGE = Table(
    "change",
    {"item": "integer", "started_at": "bigint", "number": "integer"},
    ("item", "started_at", "number"),
    "started_at",
)

NEWEST = """
select number from change
where item in (select item from near) and $since <= started_at and started_at <= $at
order by started_at desc, number desc limit $first
"""

NEAR = """
with recursive near(item, hops) as (
    select cast($one as integer), 0
    union select cast($two as integer), 0
    union select cast($three as integer), 0
    union
    select neighbour.other, near.hops + 1
    from near join neighbour on neighbour.item = near.item
    where near.hops < $hops and neighbour.from_at <= $at and $at < neighbour.until_at
)
"""


def nearby_by_hop(hops):
    start = "select unnest(list_distinct([$one, $two, $three])::integer[]) as item"
    return by_hop(NEIGHBOUR, start, hops) + NEWEST


SUBJECTS = {
    # How many items a harm to one reaches, at a moment, within so many hops.
    "reach": Subject((RELATION,), REACH, REACH_UNLIMITED, reach_by_hop),
    # The newest changes of the time before a moment on what lies near to up to three items.
    "nearby": Subject(
        (NEIGHBOUR, CHANGE), NEAR + NEWEST, NEAR + NEWEST, nearby_by_hop
    ),
}
