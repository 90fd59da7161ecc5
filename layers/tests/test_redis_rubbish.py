"""Bytes that nobody of ours has written, in every key and every reader of bytes, and names that try to be others."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seaway.conformance.brokers import Server
from seaway.layers.redis._wire import Codec
from seaway.layers.redis.keys import Keys
from seaway.spec import check_group, inbox_of

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]

Times = Callable[[int, int], int]
many = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
nearly = st.one_of(
    st.binary(max_size=80),
    st.tuples(st.sampled_from([b"1c", b"1g", b"2c", b"2g", b"o", b"x", b"1"]), st.binary(max_size=40)).map(b"".join),
    st.tuples(st.sampled_from([b"1c", b"1g"]), st.text("0123456789-+_. e", max_size=400)).map(
        lambda both: both[0] + both[1].encode() + b":1"
    ),
)


@given(raw=nearly, payload=nearly)
@many
def test_whatever_stands_in_an_entry_is_read_or_refused_and_raises_nothing(raw: bytes, payload: bytes) -> None:
    """L25: heads, payloads and list entries; plain, and with keys for encryption."""
    for codec in (Codec(()), Codec(("4wH4LNYVtdEnxTQSb0QmqaXcnpyNUyEO5eAwPsxDYRE=",))):
        head = codec.head(raw)
        assert head is None or (head.life >= 0 and isinstance(head.target, str))
        for encrypted in (False, True):
            message = codec.message(encrypted, payload)
            assert message is None or isinstance(message, dict)
        found = codec.from_list(raw + payload)
        assert found is None or isinstance(found, dict)


names = st.text(st.sampled_from("ab!{}:.-_0\x00é"), min_size=1, max_size=12)


namespaces = st.text(st.sampled_from("ab-_0"), min_size=1, max_size=4)  # what the option lets pass


@given(one=st.tuples(namespaces, names), other=st.tuples(namespaces, names))
@many
def test_two_names_never_share_a_key(one: tuple[str, str], other: tuple[str, str]) -> None:
    """L27: kinds and namespaces included; a name that could make trouble is refused before there is a key."""
    found: list[dict[str, Any]] = []
    for namespace, name in (one, other):
        keys = Keys("seaway:", namespace)
        made: dict[str, Any] = {}
        try:
            check_group(name)
            made["group", namespace, name] = (keys.group(name),)
            made["channel", namespace, name] = (keys.channel(name),)
        except ValueError:
            pass
        try:
            if inbox_of(name) == name:
                made["inbox", namespace, name] = keys.inbox(name)
        except ValueError:
            pass
        made["fixed", namespace] = (keys.rung(), keys.bell(), keys.history(), keys.answer("a"), keys.nudge("a"))
        found.append(made)
    owner: dict[str, Any] = {}
    for made in found:
        for what, its in made.items():
            for key in its:
                assert owner.setdefault(key, what) == what


@pytest.mark.parametrize("bad", ["a b", "a\x00b", "a{b}", "é", "x" * 10_000, "", "a:b", "a*"])
async def test_a_name_that_could_be_another_key_is_refused(redis: Any, bad: str) -> None:
    """L27: by every method, before anything is sent."""
    layer = redis.layer()
    inbox = await layer.new_channel("here!")
    message = {"type": "test.message"}
    calls = (layer.send, bad, message), (layer.send_group, bad, message), (layer.group_add, bad, f"{inbox}1")
    for method, *arguments in (*calls, (layer.group_discard, bad, f"{inbox}1"), (layer.receive, [bad], 0)):
        with pytest.raises(ValueError, match=r"."):
            await method(*arguments)


@pytest.mark.req("SEC-010")
async def test_rubbish_in_every_key_stops_no_reader(broker: Server, redis: Any, times: Times) -> None:
    """L25, L26: random bytes in streams, lists, sets, hashes and strings of the namespace, while messages flow."""
    rounds, dice = times(100, 5000), random.Random(3)
    layer, sender = redis.layer(lease=2, inbox_capacity=100_000), redis.layer(capacity=100_000)
    inbox = await layer.new_channel("here!")
    await layer.group_add("room", f"{inbox}1")
    keys = redis.keys
    stream, _ = keys.inbox(inbox)
    got: dict[str, list[int]] = {"inbox": [], "work": []}
    ending = anyio.Event()

    def spoil() -> None:
        noise = dice.randbytes(dice.randrange(40))
        mark = dice.choice([b"", b"1c60000:1", b"1g60000:room", b"2c60000:1", b"o", b"1"])
        commands: list[tuple[Any, ...]] = [
            ("XADD", stream, "NOMKSTREAM", "*", mark + noise, dice.randbytes(20)),
            ("RPUSH", keys.channel("work"), noise),
            ("RPUSH", keys.channel("work"), b"%015d1" % (10**14) + noise),
            ("ZADD", keys.group("room"), dice.random() * 1e15, noise),
            ("XADD", keys.bell(), "*", "c", noise),
            ("HSET", keys.rung(), noise, noise),
            ("XADD", keys.nudge(redis.engine(layer).reader_name), "*", noise, noise),
        ]
        broker.command(*dice.choice(commands))

    async def read(name: str, source: str) -> None:
        while not ending.is_set() or len(got[name]) < rounds:
            _, message = await layer.receive([source], 1)
            if message is not None and message["type"] == "test.message":
                got[name].append(message["number"])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read, "inbox", inbox)
        tasks.start_soon(read, "work", "work")
        for number in range(rounds):
            spoil()
            await sender.send("work", {"type": "test.message", "number": number})
            if number % 2:
                await sender.send_group("room", {"type": "test.message", "number": number})
            else:
                await sender.send(f"{inbox}1", {"type": "test.message", "number": number})
        ending.set()
    assert got == {"inbox": list(range(rounds)), "work": list(range(rounds))}
    assert (await layer.statistics())["dropped"]["lost"] > 0
    assert (await layer.statistics())["reconnects"] == 0


SPOILT: dict[str, Callable[[Keys, str], list[tuple[Any, ...]]]] = {
    "a life of 400 digits": lambda keys, inbox: [
        ("XADD", keys.inbox(inbox)[0], "*", "1c" + "9" * 400 + ":1", "x"),
        ("XADD", keys.inbox(inbox)[0], "*", "1g-5:room", "x"),
    ],
    "a marker of 5,000 digits": lambda keys, inbox: [("XADD", keys.inbox(inbox)[0], "*", "o", "9" * 5000)],
    "counters that are none": lambda keys, inbox: [("HSET", keys.inbox(inbox)[1], "an", "?", "w", "", "l", "last")],
    "an epoch that is none": lambda keys, inbox: [("HSET", keys.inbox(inbox)[1], "e", "?")],
    "a stream that is none": lambda keys, inbox: [("SET", keys.inbox(inbox)[0], "?")],
    "a hash that is none": lambda keys, inbox: [("SET", keys.inbox(inbox)[1], "?")],
    "a group that is none": lambda keys, inbox: [("SET", keys.group("room"), "?")],
    "a bell that was rung by nobody": lambda keys, inbox: [("HSET", keys.rung(), "work", "?")],
}


@pytest.mark.parametrize("spoilt", SPOILT)
@pytest.mark.req("SEC-010")
async def test_what_was_spoilt_by_hand_is_whole_again_within_the_lease(broker: Server, redis: Any, spoilt: str) -> None:
    """L26: one damage after the other, to a living owner; the other group is not touched by any."""
    layer = redis.layer(lease=2)
    inbox = await layer.new_channel("here!")
    for group in ("room", "other"):
        await layer.group_add(group, f"{inbox}1")
    for command in SPOILT[spoilt](redis.keys, inbox):
        broker.command(*command)
    missing = {"room", "other", "direct", "work"}
    with anyio.fail_after(30):
        while missing:
            for where in ("room", "other"):
                with suppress(ConnectionError):
                    await layer.send_group(where, {"type": "test.message", "from": where})
            with suppress(ConnectionError):
                await layer.send(f"{inbox}1", {"type": "test.message", "from": "direct"})
            with suppress(ConnectionError):
                await layer.send("work", {"type": "test.message", "from": "work"})
            while (received := await layer.receive([inbox, "work"], 0.1))[1] is not None:
                missing.discard(received[1].get("from", ""))
