"""Versions and extensions."""

from __future__ import annotations

import re

import pytest

from seaway.conformance.client.websocket import handshake
from seaway.conformance.server.values import OK
from seaway.conformance.serving.world import ServerWorld

LAYERS = "seaway.conformance.applications.layers"
OWN = {"interface", "http.response.file"}

pytestmark = pytest.mark.needs("http")


@pytest.mark.req("VER-001", "VER-006")
@pytest.mark.needs("websocket")
async def test_the_first_message_tells_the_version_and_the_extensions(world: ServerWorld) -> None:
    async with world.request() as (_, call), world.client() as client:
        await client.send(handshake("/", *client.own_fields))
        connect = await world.called("websocket.connect")
        for extensions in (call.message["extensions"], connect.message["extensions"]):
            assert re.fullmatch(r"1\.(0|[1-9][0-9]*)", extensions["interface"]), extensions
            for name, value in extensions.items():
                assert name in OWN or re.fullmatch(r"[A-Za-z0-9._-]+:[A-Za-z0-9._-]+", name), f"extension {name!r}"
                assert name == "interface" or isinstance(value, dict), f"extension {name!r} has {value!r}"
        await call.returns()
        await connect.returns()


@pytest.mark.req("VER-002")
@pytest.mark.needs("layer")
async def test_a_layer_of_a_later_minor_version_is_not_refused(world: ServerWorld) -> None:
    server = await world.own_server(layer=f"{LAYERS}:LaterMinor")
    async with world.request(server=server) as (client, call):
        assert await call.attribute("interface") == "1.7"
        await call.send(OK)
        assert (await client.response()).status == 200
        await call.returns()


@pytest.mark.req("VER-003")
@pytest.mark.needs("layer")
async def test_a_layer_of_another_major_version_is_refused_at_start_up(world: ServerWorld) -> None:
    server = await world.own_server(layer=f"{LAYERS}:OtherMajor", wait=False)
    server.may_end()
    assert await server.exit_code(2 * world.limits.deadline) != 0
    assert "2.0" in server.output()
    assert "1.0" in server.output()
