#!/usr/bin/env python3
"""PyPI gql over HTTP and WebSocket, its schema fetched by introspection."""

import asyncio
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from gql import Client, gql  # noqa: E402
from gql.transport.aiohttp import AIOHTTPTransport  # noqa: E402
from gql.transport.websockets import WebsocketsTransport  # noqa: E402
from server import Server  # noqa: E402

RECORD = gql(
    "mutation Record($input: RecordChangeInput!) {"
    " recordChange(input: $input) { position node { id } } }"
)
LIVE = gql(
    "subscription Live($from: LogPosition) {"
    " changes(fromPosition: $from) { position change { title } } }"
)


async def talk(url):
    """Records a change over HTTP, validated against the fetched schema, and hears it live."""
    http = AIOHTTPTransport(url=f"{url}/graphql")
    async with Client(transport=http, fetch_schema_from_transport=True) as session:
        given = {"source": "gql", "sourceId": "1", "title": "from Python", "targets": ["service:a"]}
        recorded = await session.execute(RECORD, variable_values={"input": given})
        assert recorded["recordChange"]["node"]["id"].startswith("chg_"), recorded
    live = WebsocketsTransport(url=f"{url.replace('http', 'ws')}/graphql")
    async with Client(transport=live, fetch_schema_from_transport=True) as session:
        async for message in session.subscribe(LIVE, variable_values={"from": "0"}):
            assert message["changes"]["change"]["title"] == "from Python", message
            assert message["changes"]["position"] == recorded["recordChange"]["position"], message
            break


with Server() as server:
    asyncio.run(talk(server.http))
print("ok: PyPI gql over HTTP and WebSocket")
