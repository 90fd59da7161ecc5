"""Tests of the tutorial's consumers, without a network: what `docs/test-your-consumers.md` shows."""

from __future__ import annotations

import pytest
from tutorial_chat import application as chat
from tutorial_polling import application as news

from seaway.conformance.harness import Harness, SyncHarness


@pytest.mark.anyio
async def test_who_is_in_a_room_hears_what_is_said_there() -> None:
    async with Harness(chat) as h, h.websocket("/rooms/a") as alice, h.websocket("/rooms/a") as bob:
        await alice.accepted()
        await bob.accepted()
        await alice.send(text="hello")
        assert await alice.receive_text() == "hello"
        assert await bob.receive_text() == "hello"


@pytest.mark.anyio
async def test_rooms_are_apart() -> None:
    async with Harness(chat) as h, h.websocket("/rooms/a") as alice, h.websocket("/rooms/b") as carol:
        await alice.accepted()
        await carol.accepted()
        await alice.send(text="hello")
        await carol.nothing()


@pytest.mark.anyio
async def test_a_script_reaches_a_room() -> None:
    async with Harness(chat) as h, h.websocket("/rooms/a") as alice:
        await alice.accepted()
        await h.layer.send_group("a", {"type": "chat.said", "text": "from a script"})
        assert await alice.receive_text() == "from a script"


def test_a_long_poll_is_answered_when_there_is_news() -> None:
    with SyncHarness(news) as h, h.http("GET", "/news") as poll:
        poll.waiting()
        assert h.post("/publish", body=b"land in sight").status == 202
        assert poll.response().json() == {"text": "land in sight"}


def test_a_long_poll_ends_after_25_seconds() -> None:
    with SyncHarness(news) as h, h.http("GET", "/news") as poll:
        h.clock.advance(24.9)
        poll.waiting()
        h.clock.advance(0.1)
        assert poll.response().status == 204
