"""The afternoon layer against the text: the vectors, one process, and several."""

import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import afternoon_broker
import pytest
from afternoon_layer import AfternoonLayer, _queue
from afternoon_message import decode, encode

from seaway.spec import validate

VECTORS = Path(afternoon_broker.__file__).parents[2] / "spec/seaway/spec/vectors"
NAMES = json.loads((VECTORS / "names.json").read_text())
VALUES = json.loads((VECTORS / "values.json").read_text())
LINE = {"type": "chat.line", "text": "hello"}
SOON = 10  # seconds that no test waits unless something is wrong


def line(n: int) -> dict[str, Any]:
    return {"type": "chat.line", "n": n}


def gap(reason: str, dropped: int | None) -> dict[str, Any]:
    message = {"type": "layer.gap", "reason": reason, "dropped": dropped}
    validate(message)
    return message


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "layer")


@pytest.fixture
def open_layer(path: str) -> Iterator[Callable[..., AfternoonLayer]]:
    layers = []

    def open_(**options: Any) -> AfternoonLayer:
        layers.append(AfternoonLayer(path, **options))
        return layers[-1]

    yield open_
    for layer in layers:
        layer.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return a clock for the broker, which stands still until its `now` is changed."""
    clock = SimpleNamespace(now=1000.0)
    clock.monotonic, clock.sleep = lambda: clock.now, time.sleep
    monkeypatch.setattr(afternoon_broker, "time", clock)
    return clock


class Child:
    """Another process, in which `code` runs after a line was written to it; `layer` is there."""

    def __init__(self, path: str, code: str, options: str = "") -> None:
        start = f"from afternoon_layer import AfternoonLayer\nlayer = AfternoonLayer({path!r}, {options})\n"
        wait = "print('ready', flush=True)\ninput()\n"
        self.process = subprocess.Popen(
            [sys.executable, "-c", start + wait + code],
            cwd=Path(__file__).parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self.read() == "ready"

    def read(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.communicate()


# The vectors


@pytest.mark.parametrize("case", VALUES["valid"] + VALUES.get("same", []), ids=lambda case: case["description"])
def test_a_valid_message_is_encoded_and_arrives_as_it_was(case: dict[str, Any], open_layer: Any) -> None:
    layer, message = open_layer(), decode(case["text"])
    assert decode(encode(message)) == message
    if message["type"].startswith("server."):
        with pytest.raises(ValueError, match="MSG-021"):
            layer.send("a", message)
    else:
        layer.send("a", message)
        arrived = layer.receive(["a"], 0)[1]
        assert repr(arrived) == repr(message)  # types too


@pytest.mark.parametrize("case", VALUES["invalid"], ids=lambda case: case["description"])
def test_an_invalid_message_is_refused_by_its_rule(case: dict[str, Any], open_layer: Any) -> None:
    with pytest.raises(ValueError, match=case["requirement"]):
        open_layer().send("a", decode(case["text"]))


@pytest.mark.parametrize("name", NAMES["channel"]["valid"])
def test_a_valid_channel_can_be_sent_to(name: str, open_layer: Any) -> None:
    open_layer().send(name, LINE)


@pytest.mark.parametrize(("name", "rule"), NAMES["channel"]["invalid"])
def test_an_invalid_channel_is_refused(name: str, rule: str, open_layer: Any) -> None:
    for method in (lambda layer: layer.send(name, LINE), lambda layer: layer.receive([name], 0)):
        with pytest.raises(ValueError, match=rule):
            method(open_layer())


@pytest.mark.parametrize("name", NAMES["group"]["valid"])
def test_a_valid_group_can_be_sent_to(name: str, open_layer: Any) -> None:
    open_layer().send_group(name, LINE)


@pytest.mark.parametrize(("name", "rule"), NAMES["group"]["invalid"])
def test_an_invalid_group_is_refused(name: str, rule: str, open_layer: Any) -> None:
    layer = open_layer()
    channel = layer.new_channel("server!") + "1"
    for method in (lambda: layer.send_group(name, LINE), lambda: layer.group_add(name, channel)):
        with pytest.raises(ValueError, match=rule):
            method()


@pytest.mark.parametrize(("name", "inbox"), NAMES["inbox"])
def test_the_inbox_is_the_part_up_to_the_mark(name: str, inbox: str | None) -> None:
    assert _queue(name) == (inbox or name)


# Messages


class Colour(IntEnum):
    """A subclass of an allowed type."""

    RED = 1


def test_what_arrives_has_base_types_and_shares_nothing(open_layer: Any) -> None:
    layer, inner = open_layer(), [1, 1.0, True]
    layer.send("a", {"type": "a.b", "x": (Colour.RED, inner), "y": b"\0\xff"})
    inner.append(2)
    message = layer.receive(["a"], 0)[1]
    assert message == {"type": "a.b", "x": [1, [1, 1.0, True]], "y": b"\0\xff"}
    assert [type(value) for value in (message["x"][0], *message["x"][1])] == [int, int, float, bool]


@pytest.mark.parametrize("value", [bytearray(b"a"), memoryview(b"a"), {1}, object(), 1j])
def test_other_types_are_refused_with_the_path(value: object, open_layer: Any) -> None:
    with pytest.raises(ValueError, match=r"^x\[1\]\.y: .*MSG-003"):
        open_layer().send("a", {"type": "a.b", "x": [0, {"y": value}]})


def test_a_key_that_is_not_text_is_refused(open_layer: Any) -> None:
    with pytest.raises(ValueError, match="MSG-007"):
        open_layer().send("a", {"type": "a.b", "x": {1: 2}})


@pytest.mark.parametrize("kind", ["websocket.receive", "layer.gap", "http2.x", "task.stop", "server.x"])
def test_reserved_types_are_refused(kind: str, open_layer: Any) -> None:
    for method in (open_layer().send, open_layer().send_group):
        with pytest.raises(ValueError, match="MSG-021"):
            method("a", {"type": kind})


def test_types_of_the_bridge_pass(open_layer: Any) -> None:
    layer = open_layer()
    layer.send("a", {"type": "bridge.open"})
    assert layer.receive(["a"], 0) == ("a", {"type": "bridge.open"})


def test_the_size_is_bounded(open_layer: Any) -> None:
    layer = open_layer(max_message_size=1000)
    layer.send("a", {"type": "a.b", "x": "x" * 400})
    for method in (layer.send, layer.send_group):
        with pytest.raises(layer.MessageTooLarge):
            method("a", {"type": "a.b", "x": "x" * 2100})


# Construction and life


def test_attributes(path: str) -> None:
    layer = AfternoonLayer(path, capacity=5, expiry=7, max_message_size=9)
    assert (layer.is_async, layer.interface, layer.extensions) == (False, "1.0", frozenset())
    assert (layer.capacity, layer.expiry, layer.max_message_size) == (5, 7, 9)
    assert not issubclass(layer.ChannelFull, layer.MessageTooLarge | ValueError | ConnectionError)
    assert not issubclass(layer.MessageTooLarge, layer.ChannelFull | ValueError | ConnectionError)
    assert not os.path.exists(path)  # no I/O (LAY-016)
    for member in ("flush", "statistics", "group_members"):
        with pytest.raises(AttributeError):
            getattr(layer, member)


@pytest.mark.parametrize(
    "option",
    [
        {"capacity": 0},
        {"capacity": 1.5},
        {"expiry": 0},
        {"expiry": float("nan")},
        {"lease": -1},
        {"namespace": "a b"},
        {"channel_capacity": {"a": 0}},
        {"channel_expiry": {"a": 0}},
        {"inbox_bytes": 0},
        {"send_deadline": 0},
    ],
)
def test_options_that_make_no_sense(option: dict[str, Any], path: str) -> None:
    with pytest.raises(ValueError, match="LAY-015"):
        AfternoonLayer(path, **option)


def test_an_unknown_option(path: str) -> None:
    with pytest.raises(TypeError):
        AfternoonLayer(path, capactiy=1)  # type: ignore[call-arg]


def test_a_closed_layer_raises(path: str) -> None:
    with AfternoonLayer(path) as layer:
        inbox = layer.new_channel("server!")
    layer.close()
    for method in (
        lambda: layer.send("a", LINE),
        lambda: layer.send_group("a", LINE),
        lambda: layer.receive(["a"], 0),
        lambda: layer.new_channel("a!"),
        lambda: layer.close_channel(inbox + "1"),
        lambda: layer.group_add("g", inbox + "1"),
        lambda: layer.group_discard("g", inbox + "1"),
        layer.__enter__,
    ):
        with pytest.raises(RuntimeError, match="LAY-022"):
            method()


def wait_in_thread(layer: AfternoonLayer, channels: list[str]) -> tuple[threading.Thread, list[object]]:
    """Call `receive` in a thread and return once it waits."""
    outcome: list[object] = []

    def target() -> None:
        try:
            outcome.append(layer.receive(channels))
        except RuntimeError as error:
            outcome.append(error)

    thread = threading.Thread(target=target, daemon=True)
    looked, look = threading.Event(), layer._take
    layer._take = lambda names: (look(names), looked.set())[0]  # type: ignore[method-assign, func-returns-value]
    thread.start()
    assert looked.wait(SOON)
    return thread, outcome


@pytest.mark.parametrize("what", ["layer", "inbox", "nothing"])
def test_a_receive_that_waits(what: str, open_layer: Any) -> None:
    layer = open_layer()
    inbox = layer.new_channel("server!")
    thread, outcome = wait_in_thread(layer, [inbox])
    with pytest.raises(RuntimeError, match="LAY-052"):
        layer.receive([inbox], 0)
    if what == "layer":
        layer.close()
    elif what == "inbox":
        layer.close_channel(inbox)
    else:
        layer.send(inbox + "1", LINE)
    thread.join(SOON)
    assert isinstance(outcome[0], RuntimeError) if what != "nothing" else outcome == [(inbox + "1", LINE)]


# One process


def test_the_life_of_messages_on_a_normal_channel(open_layer: Any) -> None:
    layer, other = open_layer(capacity=3), open_layer(capacity=3)
    for n in range(3):
        layer.send("a", line(n))
    with pytest.raises(layer.ChannelFull):
        layer.send("a", line(3))
    assert [other.receive(["a"], 0)[1]["n"] for _ in range(3)] == [0, 1, 2]
    assert layer.receive(("a",), 0) == (None, None)
    assert layer.receive(["a"], 0.02) == (None, None)


def test_capacity_and_expiry_by_pattern(open_layer: Any, clock: SimpleNamespace) -> None:
    layer = open_layer(
        capacity=1, channel_capacity={"log.?": 2, "log.*": 3}, expiry=10, channel_expiry={"log.*": 20, "*": 5}
    )
    for channel, room in (("log.a", 2), ("log.abc", 3), ("LOG.a", 1)):
        for n in range(room):
            layer.send(channel, line(n))
        with pytest.raises(layer.ChannelFull):
            layer.send(channel, LINE)
    clock.now += 5
    assert layer.receive(["LOG.a"], 0) == (None, None)
    layer.send("LOG.a", LINE)  # what has expired does not count
    clock.now += 14.9
    assert layer.receive(["log.a"], 0)[1] == line(0)
    clock.now += 0.1
    assert layer.receive(["log.a"], 0) == (None, None)


def test_expiry_is_that_of_the_sender(open_layer: Any, clock: SimpleNamespace) -> None:
    short, long = open_layer(expiry=1), open_layer(expiry=100)
    short.send("a", line(1))
    long.send("a", line(2))
    clock.now += 2
    assert long.receive(["a"], 0)[1] == line(2)


def test_no_channel_starves(open_layer: Any) -> None:
    layer = open_layer()
    for n in range(20):
        layer.send("busy", line(n))
    layer.send("quiet", LINE)
    layer.send("quieter", LINE)
    got = [layer.receive(["busy", "quiet", "busy", "quieter"], 0)[0] for _ in range(6)]
    assert {"quiet", "quieter"} <= set(got)
    assert got.count("busy") == 4


@pytest.mark.parametrize(
    ("channels", "timeout", "rule"),
    [
        ([], 0, "LAY-045"),
        ("abc", 0, "LAY-045"),
        (["server.x!1"], 0, "LAY-047"),
        (["server.x!"], 0, "LAY-046"),
        (["a"], -1, "LAY-048"),
        (["a"], float("nan"), "LAY-048"),
        (["a"], "1", "LAY-048"),
        ([1], 0, "LAY-001"),
    ],
)
def test_arguments_of_receive(channels: Any, timeout: Any, rule: str, open_layer: Any) -> None:
    with pytest.raises(ValueError, match=rule):
        open_layer().receive(channels, timeout)


def test_inboxes(open_layer: Any) -> None:
    layer, other = open_layer(capacity=1), open_layer(capacity=1)
    inbox = layer.new_channel("server!")
    assert inbox.startswith("server.")
    assert len(inbox) >= len("server.!") + 16
    for channel in (inbox, inbox + "a", inbox + "a"):  # capacity does not bind them
        other.send(channel, LINE)
    assert [layer.receive([inbox], 0)[0] for _ in range(3)] == [inbox, inbox + "a", inbox + "a"]
    with pytest.raises(ValueError, match="LAY-046"):
        other.receive([inbox], 0)
    other.send("server.nobody!1", LINE)
    layer.send(inbox + "a", LINE)
    layer.close_channel(inbox)
    layer.close_channel(inbox)
    other.send(inbox + "a", LINE)
    with pytest.raises(ValueError, match="LAY-046"):
        layer.receive([inbox], 0)


@pytest.mark.parametrize("pattern", ["server", "!", "a!b", "a b!", None, "x" * 149 + "!"])
def test_patterns(pattern: Any, open_layer: Any) -> None:
    with pytest.raises(ValueError, match="LAY-058"):
        open_layer().new_channel(pattern)


@pytest.mark.parametrize("name", ["a", "server.x!", "server.x!1"])
def test_only_the_owner_closes(name: str, open_layer: Any) -> None:
    with pytest.raises(ValueError, match="LAY-063"):
        open_layer().close_channel(name)


def test_groups(open_layer: Any) -> None:
    layer, other = open_layer(), open_layer()
    inbox, theirs = layer.new_channel("server!"), other.new_channel("server!")
    for owner, channel in ((layer, inbox + "1"), (layer, inbox + "2"), (other, theirs + "1"), (layer, inbox + "1")):
        owner.group_add("g", channel)
    layer.send_group("g", LINE)
    layer.send("g", LINE)  # a channel of that name is something else
    assert [layer.receive([inbox], 0)[0] for _ in range(3)] == [inbox + "1", inbox + "2", None]
    assert other.receive([theirs], 0) == (theirs + "1", LINE)
    layer.group_discard("g", inbox + "1")
    layer.group_discard("g", inbox + "1")
    layer.close_channel(inbox + "2")
    other.send_group("g", LINE)
    assert layer.receive([inbox], 0) == (None, None)
    for channel in (inbox, "a", theirs + "1", "server.x!1"):
        for method in (layer.group_add, layer.group_discard):
            with pytest.raises(ValueError, match="GRP-002"):
                method("g", channel)


def test_closing_a_channel_without_memberships_does_no_io(open_layer: Any, path: str) -> None:
    layer = open_layer()
    inbox = layer.new_channel("server!")
    layer.group_add("g", inbox + "1")
    layer._broker.transaction = None  # it would fail
    layer.close_channel(inbox + "2")
    del layer._broker.transaction


def test_namespaces_never_meet(open_layer: Any) -> None:
    one, two = open_layer(namespace="one"), open_layer(namespace="two")
    inbox = one.new_channel("server!")
    one.group_add("g", inbox + "1")
    one.send("a", LINE)
    two.send_group("g", LINE)
    two.send(inbox + "1", LINE)
    assert two.receive(["a"], 0) == (None, None)
    assert one.receive([inbox], 0) == (None, None)


# Loss


def test_overflow_of_an_inbox(open_layer: Any) -> None:
    layer, sender = open_layer(inbox_capacity=3), open_layer()
    inbox = layer.new_channel("server!")
    for name in "12":
        layer.group_add("g", inbox + name)
    sender.send(inbox + "1", line(1))
    for n in (2, 3, 4):
        sender.send_group("g", line(n))  # both have room for 2 only
    with pytest.raises(layer.ChannelFull):
        sender.send(inbox + "1", line(5))
    first = [layer.receive([inbox], 0) for _ in range(3)]
    sender.send_group("g", line(6))
    got = first + [layer.receive([inbox], 0) for _ in range(5)]
    mine = [message for channel, message in got if channel == inbox + "1"]
    assert mine == [line(1), line(2), gap("overflow", 2), line(6)]
    mine = [message for channel, message in got if channel == inbox + "2"]
    assert mine == [line(2), gap("overflow", 2), line(6)]


def test_an_inbox_is_bounded_in_bytes(open_layer: Any) -> None:
    layer = open_layer(inbox_bytes=1000)
    inbox = layer.new_channel("server!")
    layer.send(inbox + "1", {"type": "a.b", "x": "x" * 800})
    with pytest.raises(layer.ChannelFull):
        layer.send(inbox + "2", {"type": "a.b", "x": "x" * 300})


def test_expiry_in_an_inbox_is_told_in_its_place(open_layer: Any, clock: SimpleNamespace) -> None:
    layer, short = open_layer(), open_layer(expiry=1)
    inbox = layer.new_channel("server!")
    layer.send(inbox + "1", line(1))
    short.send(inbox + "1", line(2))
    short.send(inbox + "2", line(3))
    short.send(inbox + "1", line(4))
    layer.send(inbox + "1", line(5))
    short.send(inbox + "1", line(6))
    clock.now += 2
    got = [layer.receive([inbox], 0) for _ in range(6)]
    one, two = inbox + "1", inbox + "2"
    expected = [(one, line(1)), (one, gap("expired", 2)), (two, gap("expired", 1)), (one, line(5))]
    assert got == [*expected, (one, gap("expired", 1)), (None, None)]


def test_what_cannot_be_decoded_is_lost(open_layer: Any, path: str) -> None:
    layer = open_layer()
    inbox = layer.new_channel("server!")
    for channel in ("a", inbox + "1"):
        layer.send(channel, line(1))
        layer.send(channel, line(2))
    with sqlite3.connect(path) as db:
        db.execute("UPDATE msg SET body = x'ff' WHERE id IN (1, 3)")
    db.close()
    assert layer.receive(["a"], 0)[1] == line(2)
    assert [layer.receive([inbox], 0)[1] for _ in range(2)] == [gap("lost", None), line(2)]


def test_a_file_that_was_lost_is_told_and_restored(open_layer: Any, path: str) -> None:
    layer, sender = open_layer(), open_layer()
    inbox = layer.new_channel("server!")
    layer.group_add("g", inbox + "1")
    sender.send_group("g", line(1))
    os.unlink(path)
    assert layer.receive([inbox], SOON) == (inbox, gap("lost", None))
    sender.send_group("g", line(2))
    assert layer.receive([inbox], SOON) == (inbox + "1", line(2))
    assert layer.receive([inbox], 0) == (None, None)


def test_a_file_that_cannot_be_used(open_layer: Any, path: str) -> None:
    layer = open_layer(send_deadline=0.1, lease=0.2)
    inbox = layer.new_channel("server!")
    layer.group_add("g", inbox + "1")
    layer.send(inbox + "1", line(1))
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    for method in (
        lambda: layer.send("a", LINE),
        lambda: layer.send_group("g", LINE),
        lambda: layer.new_channel("a!"),
        lambda: layer.group_add("g", inbox + "2"),
        lambda: layer.group_discard("g", inbox + "2"),
    ):
        begin = time.monotonic()
        with pytest.raises(ConnectionError):
            method()
        assert time.monotonic() - begin < 1.1
    layer.close_channel(inbox + "1")  # does not raise (LAY-065)
    assert layer.receive([inbox], SOON) == (inbox, gap("lost", None))  # it was cut off (GAP-005)
    db.execute("ROLLBACK")
    db.close()
    assert layer.receive([inbox], SOON) == (inbox, gap("lost", None))  # and is back
    layer.send_group("g", LINE)
    assert layer.receive([inbox], 0) == (None, None)


# Several processes


def test_capacity_is_exact_over_processes(path: str, open_layer: Any) -> None:
    code = """
accepted = 0
for n in range(10):
    try:
        layer.send("a", {"type": "a.b"})
        accepted += 1
    except layer.ChannelFull:
        pass
print(accepted, flush=True)
"""
    for room in (3, 1):
        children = [Child(path, code, "capacity=3, send_deadline=30") for _ in range(5)]
        for child in children:
            child.go()
        accepted = sum(int(child.read()) for child in children)
        for child in children:
            child.__exit__()
        assert accepted == room
        assert open_layer().receive(["a"], 0)[0] == "a"


def test_each_message_has_one_receiver_over_processes(path: str, open_layer: Any) -> None:
    code = """
while True:
    channel, message = layer.receive(["a"], 20)
    if message["type"] == "a.end":
        break
    print(message["n"], flush=True)
print("end", flush=True)
"""
    layer, children = open_layer(capacity=1000), [Child(path, code) for _ in range(3)]
    for child in children:
        child.go()
    for n in range(60):
        layer.send("a", line(n))
    for _ in children:
        layer.send("a", {"type": "a.end"})
    got = [int(number) for child in children for number in iter(child.read, "end")]
    for child in children:
        child.__exit__()
    assert sorted(got) == list(range(60))


def test_an_inbox_and_its_groups_end_with_their_process(path: str, open_layer: Any) -> None:
    code = """
inbox = layer.new_channel("server!")
layer.group_add("g", inbox + "1")
print(inbox, flush=True)
for _ in range(2):
    print(layer.receive([inbox], 20)[1]["n"], flush=True)
layer.receive([inbox])
"""
    layer = open_layer(inbox_capacity=1)
    with Child(path, code, "inbox_capacity=1") as child:
        child.go()
        inbox = child.read()
        layer.send_group("g", line(1))
        assert child.read() == "1"
        layer.send(inbox + "x", line(2))
        assert child.read() == "2"
        os.kill(child.process.pid, signal.SIGKILL)
        child.process.wait(SOON)
    for n in range(3):  # no room is needed any more
        layer.send(inbox + "1", line(n))
        layer.send_group("g", line(n))
    with sqlite3.connect(path) as db:
        counts = [db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in ("box", "member", "msg")]
    db.close()
    assert counts == [0, 0, 0]


def test_closing_a_layer_ends_what_it_owned(path: str, open_layer: Any) -> None:
    with AfternoonLayer(path) as layer:
        inbox = layer.new_channel("server!")
        layer.group_add("g", inbox + "1")
    open_layer().send_group("g", LINE)
    open_layer().send(inbox, LINE)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT COUNT(*) FROM msg").fetchone() == (0,)
    db.close()
    assert [name for name in os.listdir(os.path.dirname(path)) if "server" in name] == []


def use_in_child(layer: AfternoonLayer, inbox: str, pipe: Any) -> None:
    """Run in a forked child: report what the layer says, then wait."""
    try:
        layer.send("a", LINE)
    except RuntimeError as error:
        pipe.send(str(error))
    layer.close()
    pipe.recv()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_is_told_and_keeps_nothing_alive(path: str, open_layer: Any) -> None:
    layer, other = AfternoonLayer(path), open_layer()
    inbox = layer.new_channel("server!")
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=use_in_child, args=(layer, inbox, theirs))
    child.start()
    assert "fork" in ours.recv()
    other.send(inbox + "1", LINE)
    assert layer.receive([inbox], 0) == (inbox + "1", LINE)  # the child has closed nothing
    lock = layer._inboxes[inbox]
    assert lock
    lock.close()  # as the death of the parent would
    other.send(inbox + "1", LINE)
    assert not os.path.exists(lock.name)
    ours.send("end")
    child.join(SOON)
    layer.close()
