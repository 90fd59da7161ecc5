"""The file of a Unix socket: nobody's is taken away."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from seaway.conformance.client.http import connect, request
from seaway.reference import Server, Settings


def application(type: str, layer: Any, channel: str, send: Any) -> Any:
    async def consumer(message: Any) -> None:
        if message["type"] == "http.request":
            await send({"type": "http.response", "status": 200})

    return consumer


@pytest.mark.anyio
async def test_a_server_that_listens_keeps_its_path(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    async with Server(application, uds=path):
        with pytest.raises(OSError, match="another server listens there"):
            async with Server(application, uds=path):
                pass
        async with connect(path) as client:
            await client.send(request("/"))
            assert (await client.response()).status == 200

    assert not os.path.exists(path)


@pytest.mark.anyio
async def test_what_a_dead_server_left_behind_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    async with Server(application, uds=path), connect(path) as client:
        await client.send(request("/"))
        assert (await client.response()).status == 200


@pytest.mark.anyio
async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter"
    path.write_text("dear reader")
    with pytest.raises(OSError, match="no socket"):
        async with Server(application, uds=str(path)):
            pass

    assert path.read_text() == "dear reader"


@pytest.mark.anyio
async def test_a_path_that_somebody_else_has_taken_since_is_not_removed(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as other:
        async with Server(application, uds=path):
            os.unlink(path)
            other.bind(path)

        assert os.path.exists(path)


def test_a_string_is_no_collection_of_origins_or_types() -> None:
    with pytest.raises(TypeError, match="allowed_origins"):
        Settings(allowed_origins="https://example.org")  # type: ignore[arg-type]

    def wrong(*arguments: Any) -> Any: ...

    wrong.types = "http"  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="CON-007"):
        Server(wrong)
