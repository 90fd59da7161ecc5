"""The demo without a browser: what it serves, and that WebSockets and long polls meet in one room."""

import re
from pathlib import Path
from typing import Any

import pytest

from seaway.conformance.harness import Harness
from seaway.reference.demo import app

pytestmark = pytest.mark.anyio
FOLDER = Path(app.__file__).parent


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """A room for this test alone: the rooms are the process's."""
    return re.sub("[^a-z0-9]+", "-", request.node.name.lower())[-40:].strip("-")


async def poll(h: Harness, room: str, query: str = "") -> Any:
    response = await h.get(f"/room/{room}/events{query}")
    assert response.status == 200
    return response.json()


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
    async with Harness(app.application) as h:
        for target in wanted:
            assert (await h.get(target)).status == 200


async def test_the_page_and_its_files_are_served_with_their_types_and_a_policy(room: str) -> None:
    async with Harness(app.application) as h:
        for target, kind in {
            "/": "text/html; charset=utf-8",
            f"/room/{room}/": "text/html; charset=utf-8",
            "/static/demo.css": "text/css",
            "/static/demo.js": "text/javascript",
        }.items():
            response = await h.get(target)
            assert (response.status, response.header("content-type")) == (200, kind)
            assert response.header("content-security-policy") == "default-src 'self'"
            assert response.body


@pytest.mark.parametrize(
    "target",
    ["/room/Upper/", "/room/a%20b/", f"/room/{'x' * 41}/", "/room/x", "/static/app.py", "/static/..%2Fapp.py", "/x"],
)
async def test_what_is_not_there_is_404(target: str) -> None:
    async with Harness(app.application) as h:
        assert (await h.get(target)).status == 404
        async with h.websocket(target) as socket:
            assert (await socket.rejected()).status == 404


async def test_the_number_of_rooms_has_a_bound(monkeypatch: pytest.MonkeyPatch, room: str) -> None:
    monkeypatch.setattr(app, "rooms", {})
    monkeypatch.setattr(app, "ROOMS", 2)
    async with Harness(app.application) as h:
        statuses = [(await h.get(f"/room/{room[:30]}{n}/")).status for n in (0, 1, 2, 0)]
    assert statuses == [200, 200, 404, 200]


async def test_websockets_and_long_polls_hear_each_other(room: str) -> None:
    async with Harness(app.application) as h, h.websocket(f"/room/{room}/") as one:
        assert (await one.receive_json())["kind"] == "state"
        state = await poll(h, room)
        async with h.http("GET", f"/room/{room}/events{after(state)}") as waiting:
            await waiting.waiting()
            await one.send(json=SAY)
            answer = (await waiting.response()).json()
        assert said(answer) == [("Ada", "Hello")]

        reply = await h.post(f"/room/{room}/events", json={**SAY, "name": "Bob"})
        assert reply.status == 200
        heard = [await one.receive_json(), await one.receive_json()]

    assert [(message["name"], message["number"]) for message in heard] == [("Ada", 1), ("Bob", 2)]


async def test_rooms_are_apart(room: str) -> None:
    room = room[:30]
    async with Harness(app.application) as h, h.websocket(f"/room/{room}-a/") as one:
        await one.receive_json()
        await h.post(f"/room/{room}-b/events", json=SAY)
        await h.post(f"/room/{room}-a/events", json={**SAY, "text": "here"})
        assert (await one.receive_json())["text"] == "here"


async def test_a_long_poll_without_news_is_answered_in_the_end(room: str) -> None:
    async with Harness(app.application) as h:
        state = await poll(h, room)
        async with h.http("GET", f"/room/{room}/events{after(state)}") as waiting:
            await h.clock.advance(app.HOLD - 0.1)
            await waiting.waiting()
            await h.clock.advance(0.1)
            again = (await waiting.response()).json()
    assert again == state
    assert not again["missed"]


async def test_who_comes_back_gets_what_was_missed(room: str) -> None:
    async with Harness(app.application) as h:
        state = await poll(h, room)
        for number in range(3):
            await h.post(f"/room/{room}/events", json={**SAY, "text": str(number)})
        async with h.websocket(f"/room/{room}/{after(state)}") as back:
            missed = await back.receive_json()
        async with h.websocket(f"/room/{room}/{after(missed)}") as back:
            nothing = await back.receive_json()

    assert said(missed) == [("Ada", "0"), ("Ada", "1"), ("Ada", "2")]
    assert said(nothing) == []
    assert [missed["missed"], nothing["missed"]] == [False, False]


async def test_what_nobody_remembers_is_said_to_be_missing(room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Harness(app.application) as h:
        state = await poll(h, room)
        for number in range(app.REMEMBERED + 1):
            app.rooms[room].change({**SAY, "text": str(number)})
        forgotten = await poll(h, room, after(state))
        other_process = await poll(h, room, "?after=feed.7")
        nonsense = await poll(h, room, f"?after={state['epoch']}.x")
        newcomer = await poll(h, room)

    assert said(forgotten)[0] == ("Ada", "1")
    assert forgotten["missed"]
    assert other_process["missed"]
    assert nonsense["missed"]
    assert not newcomer["missed"], "who was never here has missed nothing"


async def test_one_voter_has_one_vote(room: str) -> None:
    vote = {"kind": "vote", "voter": "v1"}
    async with Harness(app.application) as h, h.websocket(f"/room/{room}/") as one:
        await one.receive_json()
        for change in ({"choice": "sync"}, {"choice": "async"}, {"choice": "async", "voter": "v2"}):
            await one.send(json={**vote, **change})
        counts = [(await one.receive_json())["votes"] for _ in range(3)]
        state = await poll(h, room)

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
    async with Harness(app.application) as h:
        async with h.websocket(f"/room/{room}/") as socket:
            await socket.receive_json()
            await socket.send(text=nonsense)
            assert (await socket.closed()).code == 1008
        assert (await h.post(f"/room/{room}/events", body=nonsense.encode())).status == 400
        assert (await poll(h, room))["last"] == 0


async def test_a_gap_is_passed_on_to_the_page(room: str) -> None:
    async with Harness(app.application) as h, h.websocket(f"/room/{room}/") as socket:
        await socket.receive()
        for dropped in (3, None):
            await socket.gap(reason="overflow", dropped=dropped)
            assert await socket.receive_json() == {"kind": "gap", "dropped": dropped}
