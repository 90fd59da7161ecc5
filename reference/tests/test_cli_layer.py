"""``seaway layer``: against a real broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from seaway.conformance.brokers import Server
from seaway.layers import open_layer
from seaway.reference.cli import main

MESSAGE = {"type": "test.message"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def url(server: Server, request: pytest.FixtureRequest) -> str:
    return f"{server.url}?namespace={request.node.name.replace('[', '-').rstrip(']')}"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def inspected(url: str) -> dict[str, Any]:
    result = run("layer", "inspect", url, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


def test_what_waits_and_who_is_there_is_shown(url: str) -> None:
    with open_layer(url, is_async=False, inbox_capacity=2) as layer:
        inbox = layer.new_channel("server!")
        layer.group_add("room", f"{inbox}1")
        for _ in range(3):
            layer.send("work", MESSAGE)
        found = inspected(url)
        assert [(one["name"], one["pending"]) for one in found["inboxes"]] == [(inbox, 0)]
        assert 0 < found["inboxes"][0]["lease"] <= 30.5  # 0.5 s longer at the broker
        assert found["channels"] == [{"name": "work", "pending": 3}]
        assert [(one["name"], list(one["inboxes"])) for one in found["groups"]] == [("room", [inbox])]
        shown = run("layer", "inspect", url).output
        assert all(text in shown for text in (inbox, "work", "room"))
    assert inspected(url) == {"inboxes": [], "channels": [{"name": "work", "pending": 3}], "groups": [], "spoilt": []}


def test_keys_in_which_somebody_else_has_written_are_named(server: Server, url: str) -> None:
    key = f"seaway:{url.partition('=')[2]}:g:{{room}}"
    server.command("SET", key, "rubbish")
    assert inspected(url)["spoilt"] == [key]
    assert key in run("layer", "inspect", url).output


def test_other_namespaces_are_not_shown(url: str) -> None:
    with open_layer(f"{url}-2", is_async=False) as layer:
        layer.send("work", MESSAGE)
        layer.new_channel("server!")
        assert inspected(url) == {"inboxes": [], "channels": [], "groups": [], "spoilt": []}


def test_flush_drops_what_waits_and_leaves_memberships(url: str) -> None:
    with open_layer(url, is_async=False) as layer:
        inbox = layer.new_channel("server!")
        layer.group_add("room", f"{inbox}1")
        layer.send("work", MESSAGE)
        assert run("layer", "flush", url, "--yes").exit_code == 0
        found = inspected(url)
        assert (found["channels"], len(found["groups"])) == ([], 1)
        layer.send_group("room", MESSAGE)
        assert layer.receive([inbox], 5) == (f"{inbox}1", MESSAGE)


def test_flush_asks_first(url: str) -> None:
    with open_layer(url, is_async=False) as layer:
        layer.send("work", MESSAGE)
        assert CliRunner().invoke(main, ["layer", "flush", url], input="n\n").exit_code != 0
        assert inspected(url)["channels"] == [{"name": "work", "pending": 1}]


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("memory://chat", "cannot be seen from outside"),
        ("nosuch://chat", "no layer for 'nosuch'"),
        ("redis://127.0.0.1:1/?send_deadline=0.3", "127.0.0.1:1"),
    ],
)
def test_what_is_wrong_is_one_line(url: str, text: str) -> None:
    result = run("layer", "inspect", url)
    assert result.exit_code == 2
    assert text in result.stderr
    assert len(result.stderr.splitlines()) == 1
