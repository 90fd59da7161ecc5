"""The demo without a browser: what it serves, and that WebSockets and long polls meet in one room."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from seaway.conformance.client.http import connect
from seaway.conformance.client.websocket import WebSocket, handshake, text, websocket
from seaway.reference import Server, Settings
from seaway.reference.demo import app

pytestmark = pytest.mark.anyio
FOLDER = Path(app.__file__).parent


@asynccontextmanager
async def serving() -> AsyncIterator[Any]:
    async with Server(app.application, port=0, settings=Settings(access_log=False, grace=2.0)) as server:
        yield server.address


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """A room for this test alone: the rooms are the process's."""
    return re.sub("[^a-z0-9]+", "-", request.node.name.lower())[-40:].strip("-")


async def ask(address: Any, target: str, *, body: Any = None, method: str = "GET") -> Any:
    async with connect(address) as client:
        content = None if body is None else json.dumps(body).encode()
        return await client.ask(target, method=method, body=content)


async def poll(address: Any, room: str, query: str = "") -> Any:
    response = await ask(address, f"/room/{room}/events{query}")
    assert response.status == 200
    return json.loads(response.body)


async def event(socket: WebSocket) -> Any:
    return json.loads(await socket.message())


def said(state: Any) -> list[tuple[str, str]]:
    return [(message["name"], message["text"]) for message in state["messages"]]


def after(state: Any) -> str:
    return f"?after={state['epoch']}.{state['last']}"


SAY = {"kind": "say", "name": "Ada", "text": "Hello"}


async def test_its_python_has_at_most_150_lines() -> None:
    lines = sum(len(file.read_text().splitlines()) for file in FOLDER.glob("*.py") if file.name != "__init__.py")
    assert lines <= 150


async def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = (FOLDER / "page.html").read_text()
    for file in app.FILES.values():
        content = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(https?:)?//[a-z0-9-]+\.[a-z]", content), f"{file.name} names another host"
    wanted = set(re.findall(r'(?:src|href)="([^"]+)"', page))
    assert {"/static/demo.css", "/static/demo.js"} <= wanted
    async with serving() as address:
        for target in wanted:
            assert (await ask(address, target)).status == 200


async def test_the_page_and_its_files_are_served_with_their_types_and_a_policy(room: str) -> None:
    async with serving() as address:
        for target, kind in {
            "/": b"text/html; charset=utf-8",
            f"/room/{room}/": b"text/html; charset=utf-8",
            "/static/demo.css": b"text/css",
            "/static/demo.js": b"text/javascript",
        }.items():
            response = await ask(address, target)
            assert (response.status, response.field(b"content-type")) == (200, kind)
            assert response.field(b"content-security-policy") == b"default-src 'self'"
            assert response.body


@pytest.mark.parametrize(
    "target",
    ["/room/Upper/", "/room/a%20b/", f"/room/{'x' * 41}/", "/room/x", "/static/app.py", "/static/..%2Fapp.py", "/x"],
)
async def test_what_is_not_there_is_404(target: str) -> None:
    async with serving() as address:
        assert (await ask(address, target)).status == 404
        async with connect(address) as client:
            await client.send(handshake(target))
            assert (await client.response()).status == 404


async def test_the_number_of_rooms_has_a_bound(monkeypatch: pytest.MonkeyPatch, room: str) -> None:
    monkeypatch.setattr(app, "rooms", {})
    monkeypatch.setattr(app, "ROOMS", 2)
    async with serving() as address:
        statuses = [(await ask(address, f"/room/{room[:30]}{n}/")).status for n in (0, 1, 2, 0)]
    assert statuses == [200, 200, 404, 200]


async def test_websockets_and_long_polls_hear_each_other(room: str) -> None:
    async with serving() as address, websocket(address, f"/room/{room}/") as one:
        assert (await event(one))["kind"] == "state"
        state = await poll(address, room)
        async with connect(address) as waiting:
            await waiting.send(f"GET /room/{room}/events{after(state)} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
            await one.send(text(json.dumps(SAY)))
            answer = json.loads((await waiting.response()).body)
        assert said(answer) == [("Ada", "Hello")]

        reply = await ask(address, f"/room/{room}/events", body={**SAY, "name": "Bob"}, method="POST")
        assert reply.status == 200
        heard = [await event(one), await event(one)]

    assert [(message["name"], message["number"]) for message in heard] == [("Ada", 1), ("Bob", 2)]


async def test_rooms_are_apart(room: str) -> None:
    room = room[:30]
    async with serving() as address, websocket(address, f"/room/{room}-a/") as one:
        await event(one)
        await ask(address, f"/room/{room}-b/events", body=SAY, method="POST")
        await ask(address, f"/room/{room}-a/events", body={**SAY, "text": "here"}, method="POST")
        assert (await event(one))["text"] == "here"


async def test_a_long_poll_without_news_is_answered_in_the_end(room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "HOLD", 0.05)
    async with serving() as address:
        state = await poll(address, room)
        again = await poll(address, room, after(state))
    assert again == state
    assert not again["missed"]


async def test_who_comes_back_gets_what_was_missed(room: str) -> None:
    async with serving() as address:
        state = await poll(address, room)
        for number in range(3):
            await ask(address, f"/room/{room}/events", body={**SAY, "text": str(number)}, method="POST")
        async with websocket(address, f"/room/{room}/{after(state)}") as back:
            missed = await event(back)
        async with websocket(address, f"/room/{room}/{after(missed)}") as back:
            nothing = await event(back)

    assert said(missed) == [("Ada", "0"), ("Ada", "1"), ("Ada", "2")]
    assert said(nothing) == []
    assert [missed["missed"], nothing["missed"]] == [False, False]


async def test_what_nobody_remembers_is_said_to_be_missing(room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as address:
        state = await poll(address, room)
        for number in range(app.REMEMBERED + 1):
            app.rooms[room].change({**SAY, "text": str(number)})
        forgotten = await poll(address, room, after(state))
        other_process = await poll(address, room, "?after=feed.7")
        nonsense = await poll(address, room, f"?after={state['epoch']}.x")
        newcomer = await poll(address, room)

    assert said(forgotten)[0] == ("Ada", "1")
    assert forgotten["missed"]
    assert other_process["missed"]
    assert nonsense["missed"]
    assert not newcomer["missed"], "who was never here has missed nothing"


async def test_one_voter_has_one_vote(room: str) -> None:
    vote = {"kind": "vote", "voter": "v1"}
    async with serving() as address, websocket(address, f"/room/{room}/") as one:
        await event(one)
        for change in ({"choice": "sync"}, {"choice": "async"}, {"choice": "async", "voter": "v2"}):
            await one.send(text(json.dumps({**vote, **change})))
        counts = [(await event(one))["votes"] for _ in range(3)]
        state = await poll(address, room)

    assert counts[0] == {"sync": 1, "async": 0, "both": 0}
    assert counts[2] == state["votes"] == {"sync": 0, "async": 2, "both": 0}


@pytest.mark.parametrize(
    "nonsense",
    [
        "{",
        "[]",
        '{"kind": "say"}',
        '{"kind": "say", "name": 1, "text": "x"}',
        '{"kind": "say", "name": "x", "text": "  "}',
        '{"kind": "vote", "voter": "x", "choice": "neither"}',
    ],
)
async def test_nonsense_is_refused_and_changes_nothing(nonsense: str, room: str) -> None:
    async with serving() as address:
        async with websocket(address, f"/room/{room}/") as socket:
            await event(socket)
            await socket.send(text(nonsense))
            assert await socket.closed() == 1008
        async with connect(address) as client:
            response = await client.ask(f"/room/{room}/events", method="POST", body=nonsense.encode())
            assert response.status == 400
        assert (await poll(address, room))["last"] == 0


async def test_a_gap_is_passed_on_to_the_page() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(json.loads(message["text"]))

    chat = app.Chat("websocket", None, "server.x!1", send, room="lobby")
    for dropped in (3, None):
        await chat({"type": "layer.gap", "reason": "overflow", "dropped": dropped})

    assert sent == [{"kind": "gap", "dropped": 3}, {"kind": "gap", "dropped": None}]
