"""The extension `http.response.file`, where a server announces it; and that one that does not refuses it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from seaway.conformance.server.values import OK
from seaway.conformance.serving.world import ServerWorld

pytestmark = pytest.mark.needs("http")

BEGIN: dict[str, Any] = {**OK, "body": b"", "more_body": True}
FILE: dict[str, Any] = {"type": "http.response.file"}
CONTENT = bytes(range(256)) * 1024


@pytest.mark.req("HTTP-029")
@pytest.mark.both_flavours
async def test_a_file_is_refused_exactly_if_it_is_not_announced(world: ServerWorld) -> None:
    async with world.request() as (client, call):
        announced = "http.response.file" in call.message["extensions"]
        await call.send(BEGIN)
        if announced:
            await call.send({**FILE, "path": __file__})
        else:
            await call.refused({**FILE, "path": __file__})
            await call.send({"type": "http.response.body", "body": Path(__file__).read_bytes()})
        assert (await client.response()).body == Path(__file__).read_bytes()
        await call.returns()


def written() -> Iterator[str]:
    """A file with `CONTENT`."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(CONTENT)
        yield str(path)


@pytest.mark.req("HTTP-029", "HTTP-031")
@pytest.mark.needs("file")
@pytest.mark.both_flavours
async def test_a_file_is_the_last_part_of_the_body(world: ServerWorld) -> None:
    for path in written():
        parts: list[tuple[dict[str, Any], bytes]] = [
            ({}, CONTENT),
            ({"offset": 5}, CONTENT[5:]),
            ({"offset": 5, "count": 7}, CONTENT[5:12]),
        ]
        for part, content in parts:
            async with world.request() as (client, call):
                assert call.message["extensions"]["http.response.file"] is not None
                await call.send({**BEGIN, "body": b"before"})
                await call.send({**FILE, "path": path, **part})
                await call.refused({"type": "http.response.body", "body": b"behind"})
                assert (await client.response()).body == b"before" + content
                await call.returns()
                assert (await call.consumer.given("http.disconnect"))["complete"] is True


@pytest.mark.req("HTTP-030", "CON-067")
@pytest.mark.needs("file")
@pytest.mark.both_flavours
async def test_a_file_that_cannot_be_sent_is_refused_before_a_byte(world: ServerWorld) -> None:
    for path in written():
        size = len(CONTENT)
        wrong: list[dict[str, Any]] = [
            {"path": path + ".not"},
            {"path": str(Path(path).parent)},
            {"path": path, "offset": size + 1},
            {"path": path, "offset": 1, "count": size},
            {"path": "relative"},
        ]
        async with world.request() as (client, call):
            await call.send(BEGIN)
            for keys in wrong:
                await call.refused({**FILE, **keys})
            await call.send({**FILE, "path": path})
            assert (await client.response()).body == CONTENT
            await call.returns()
