"""The history checker: valid histories are accepted; one event removed, doubled or swapped is refused."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from seaway.conformance.history import Bounds, Call, Event, History, check, findings, read_logs, shortest
from seaway.conformance.model import Model, ModelFull
from seaway.conformance.recorder import AsyncRecorded, Recorder, SyncRecorded
from seaway.layers import MemoryLayer, SyncMemoryLayer

INBOX = "server.x!"
COMES, STAYS = f"{INBOX}comes-and-goes", f"{INBOX}stays"
CAPACITY, INBOX_CAPACITY = 3, 4
ONE_STEP = 0.001
LONG = Bounds(capacity=CAPACITY, expiry=1000.0, margin=0.0)
SHORT = Bounds(capacity=CAPACITY, expiry=0.03, margin=0.0)

Step = Iterator[None]


class Simulation:
    """Processes whose calls overlap, on the model: each call begins, takes effect and ends in three steps."""

    def __init__(self, random: Random, bounds: Bounds, cancels: bool) -> None:
        self.random = random
        self.cancels = cancels
        self.model = Model(capacity=CAPACITY, expiry=bounds.expiry, inbox_capacity=INBOX_CAPACITY)
        self.model.open_inbox(INBOX)
        self.events: list[Event] = []
        self.calls = 0
        self.messages = 0

    def log(self, process: str, **what: Any) -> None:
        self.model.advance(ONE_STEP)
        event = Event(
            process=process, object="layer", sequence=len(self.events), time=round(self.model.now * 1e9), **what
        )
        self.events.append(event)

    def call(self, process: str, operation: Any, effect: Callable[[], dict[str, Any]], **what: Any) -> Step:
        self.calls += 1
        number = self.calls
        self.log(process, operation=operation, phase="begun", call=number, **what)
        yield
        if self.cancels and operation in ("send", "send_group") and self.random.random() < 0.1:
            if self.random.random() < 0.5:
                _ignoring_full(effect)
            self.log(process, operation=operation, phase="raised", call=number, error="Cancelled")
            return
        try:
            answer = effect()
        except ModelFull:
            answer = {"phase": "raised", "error": "ChannelFull"}
        yield
        self.log(process, operation=operation, **{"phase": "returned", "call": number, **answer})

    def send(self, process: str, channel: str) -> Step:
        message = self.message()
        return self.call(
            process, "send", lambda: self.model.send(channel, message) or {}, channels=(channel,), message=message["id"]
        )

    def send_group(self, process: str) -> Step:
        message = self.message()
        return self.call(
            process, "send_group", lambda: self.model.send_group("g", message) or {}, group="g", message=message["id"]
        )

    def member(self, operation: Any, channel: str) -> Step:
        change = getattr(self.model, operation)
        return self.call("owner", operation, lambda: change("g", channel) or {}, group="g", channels=(channel,))

    def receive(self, process: str, channel: str) -> Step:
        def effect() -> dict[str, Any]:
            if not (found := self.model.next([channel])):
                return {}
            name, message = self.random.choice(found)
            self.model.take(name, message)
            if message["type"] == "layer.gap":
                return {"channels": (name,), "reason": message["reason"], "dropped": message["dropped"]}
            return {"channels": (name,), "message": message["id"]}

        return self.call(process, "receive", effect, channels=(channel,))

    def message(self) -> dict[str, Any]:
        self.messages += 1
        return {"type": "test.message", "id": f"m{self.messages}"}

    def next_call(self, process: str) -> Step:
        choose = self.random.choice
        if process == "groups":
            return self.send_group(process)
        if process == "direct":
            return self.send(process, choose([COMES, "work", "work"]))
        if process == "worker":
            return self.receive(process, "work")
        if process == "owner" and self.random.random() < 0.3:
            return self.member(choose(["group_add", "group_discard"]), COMES)
        return self.receive(process, INBOX if process == "owner" else "work")

    def run(self, steps: int) -> list[Event]:
        _finish(self.member("group_add", STAYS))
        running: dict[str, Step] = {}
        for _ in range(steps):
            process = self.random.choice(["owner", "groups", "direct", "worker", "worker 2"])
            if process not in running:
                running[process] = self.next_call(process)
            if next(running[process], "ended") == "ended":
                del running[process]
        for call in running.values():
            _finish(call)
        self.drain("owner", INBOX)
        for call in (
            self.member("group_add", COMES),
            self.member("group_discard", COMES),
            self.send_group("groups"),
        ):
            _finish(call)
        self.drain("owner", INBOX)
        self.drain("worker", "work")
        _finish(self.call("owner", "close", dict))
        return self.events

    def drain(self, process: str, channel: str) -> None:
        while True:
            _finish(self.receive(process, channel))
            if not self.events[-1].channels:
                return


def _ignoring_full(effect: Callable[[], object]) -> None:
    try:
        effect()
    except ModelFull:
        return


def _finish(call: Step) -> None:
    for _ in call:
        pass


def histories(bounds: Bounds, cancels: bool) -> st.SearchStrategy[list[Event]]:
    return st.builds(
        lambda random, steps: Simulation(random, bounds, cancels).run(steps),
        st.randoms(use_true_random=False),
        st.integers(60, 250),
    )


few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@few
@given(histories(LONG, cancels=True))
def test_what_a_layer_may_do_is_accepted(events: list[Event]) -> None:
    assert findings(events, LONG) == []


@few
@given(histories(SHORT, cancels=True))
def test_what_a_layer_may_do_while_messages_expire_is_accepted(events: list[Event]) -> None:
    assert findings(events, SHORT) == []


def renumbered(events: list[Event]) -> list[Event]:
    """Return *events*, as they stand, with fresh places and times: nothing but the order tells of the change."""
    return [evolve(event, sequence=index, time=(index + 1) * 1_000_000) for index, event in enumerate(events)]


def refused(events: list[Event]) -> set[str]:
    return {finding.requirement for finding in findings(renumbered(events), LONG)}


def without(events: list[Event], call: Call) -> list[Event]:
    return [event for event in events if event not in (call.first, call.last)]


def with_again(events: list[Event], call: Call) -> list[Event]:
    """Return *events* with *call* made once more, right after it has ended."""
    assert call.last is not None
    index = events.index(call.last) + 1
    again = [evolve(call.first, call=10_000), evolve(call.last, call=10_000)]
    return events[:index] + again + events[index:]


def with_swapped(events: list[Event], one: Event, other: Event) -> list[Event]:
    first, second = events.index(one), events.index(other)
    swapped = list(events)
    swapped[first], swapped[second] = other, one
    return swapped


def with_calls_swapped(events: list[Event], one: Call, other: Call) -> list[Event]:
    assert one.last is not None
    assert other.last is not None
    return with_swapped(with_swapped(events, one.first, other.first), one.last, other.last)


def gap_calls(history: History) -> list[Call]:
    return [gap for gap in history.gaps if gap.channel == STAYS]


def came_from(history: History, channel: str, sent_by: str) -> list[Call]:
    calls = history.deliveries.get(channel, [])
    return [call for call in calls if history.sends[call.came].first.operation == sent_by]


def last_of(history: History, operation: Any) -> Call:
    return history.of(operation)[-1]


REMOVED: dict[str, tuple[Callable[[History], list[Call]], set[str]]] = {
    "direct message received": (lambda history: came_from(history, COMES, "send"), {"GAP-002"}),
    "group message received": (lambda history: came_from(history, STAYS, "send_group"), {"GRP-012"}),
    "work received": (lambda history: came_from(history, "work", "send"), {"LAY-043", "LAY-078", "LAY-080"}),
    "gap received": (gap_calls, {"GRP-012"}),
    "send": (
        lambda history: [
            history.sends[one.came] for name in (COMES, "work") for one in came_from(history, name, "send")
        ],
        {"MSG-014"},
    ),
    "send_group": (lambda history: [history.sends[one.came] for one in history.deliveries.get(STAYS, [])], {"MSG-014"}),
    "group_add": (
        lambda history: history.of("group_add")[:1] if history.deliveries.get(STAYS) else [],
        {"GRP-013"},
    ),
    "group_discard": (lambda history: [last_of(history, "group_discard")], {"GRP-012"}),
}


@pytest.mark.parametrize("kind", REMOVED)
@given(events=histories(LONG, cancels=False), random=st.randoms(use_true_random=False))
@few
def test_a_history_from_which_a_call_was_removed_is_refused(kind: str, events: list[Event], random: Random) -> None:
    candidates, expected = REMOVED[kind]
    calls = candidates(History(events, LONG))
    assume(calls)
    assert refused(without(events, random.choice(calls))) & expected


@given(events=histories(LONG, cancels=True), random=st.randoms(use_true_random=False))
@few
def test_a_history_from_which_one_line_was_removed_is_refused(events: list[Event], random: Random) -> None:
    index = random.randrange(len(events))
    assert refused(events[:index] + events[index + 1 :]) == {"log"}


DOUBLED: dict[str, tuple[Callable[[History], list[Call]], str]] = {
    "direct message received": (lambda history: came_from(history, COMES, "send"), "LAY-073"),
    "group message received": (lambda history: came_from(history, STAYS, "send_group"), "LAY-073"),
    "work received": (lambda history: came_from(history, "work", "send"), "LAY-073"),
    "gap received": (gap_calls, "GAP-008"),
    "send": (lambda history: history.of("send"), "log"),
    "send_group": (lambda history: history.of("send_group"), "log"),
}


@pytest.mark.parametrize("kind", DOUBLED)
@given(events=histories(LONG, cancels=False), random=st.randoms(use_true_random=False))
@few
def test_a_history_in_which_a_call_was_doubled_is_refused(kind: str, events: list[Event], random: Random) -> None:
    candidates, expected = DOUBLED[kind]
    calls = candidates(History(events, LONG))
    assume(calls)
    assert expected in refused(with_again(events, random.choice(calls)))


@given(events=histories(LONG, cancels=True), random=st.randoms(use_true_random=False))
@few
def test_a_history_in_which_one_line_was_doubled_is_refused(events: list[Event], random: Random) -> None:
    index = random.randrange(len(events))
    assert refused(events[: index + 1] + events[index:]) == {"log"}


def pairs_in_order(history: History, channel: str) -> list[tuple[Event, Event]]:
    """Return the ends of two receives, one after the other, whose messages were sent one after the other."""
    calls = came_from(history, channel, "send")
    return [
        (one.last, other.last)
        for index, one in enumerate(calls)
        for other in calls[index + 1 :]
        if one.before(other) and history.sends[one.came].before(history.sends[other.came])
        if one.last is not None and other.last is not None
    ]


def with_messages_swapped(events: list[Event], one: Event, other: Event) -> list[Event]:
    instead = {
        events.index(one): evolve(one, message=other.message),
        events.index(other): evolve(other, message=one.message),
    }
    return [instead.get(index, event) for index, event in enumerate(events)]


@pytest.mark.parametrize(("channel", "expected"), [(COMES, "LAY-077"), ("work", "LAY-078")])
@given(events=histories(LONG, cancels=False), random=st.randoms(use_true_random=False))
@few
def test_a_history_in_which_two_messages_were_swapped_is_refused(
    channel: str, expected: str, events: list[Event], random: Random
) -> None:
    pairs = pairs_in_order(History(events, LONG), channel)
    assume(pairs)
    assert expected in refused(with_messages_swapped(events, *random.choice(pairs)))


@given(events=histories(LONG, cancels=False), random=st.randoms(use_true_random=False))
@few
def test_a_gap_that_was_swapped_with_the_message_after_it_is_refused(events: list[Event], random: Random) -> None:
    history = History(events, LONG)
    after = [
        (gap, next((call for call in history.deliveries.get(STAYS, []) if call.begin > gap.end), None))
        for gap in gap_calls(history)
    ]
    pairs = [(gap, call) for gap, call in after if call is not None]
    assume(pairs)
    assert refused(with_calls_swapped(events, *random.choice(pairs))) >= {"GRP-012", "GAP-008"}


@given(events=histories(LONG, cancels=False), random=st.randoms(use_true_random=False))
@few
def test_a_message_that_was_received_before_it_was_sent_is_refused(events: list[Event], random: Random) -> None:
    history = History(events, LONG)
    pairs = [(history.sends[one.came], one) for one in history.received if one.came]
    pairs = [(send, one) for send, one in pairs if send.before(one)]
    assume(pairs)
    assert "MSG-014" in refused(with_calls_swapped(events, *random.choice(pairs)))


@given(events=histories(LONG, cancels=False))
@few
def test_a_group_discard_that_was_swapped_with_the_send_group_after_it_is_refused(events: list[Event]) -> None:
    history = History(events, LONG)
    swapped = with_calls_swapped(events, last_of(history, "group_discard"), last_of(history, "send_group"))
    assert "GRP-012" in refused(swapped)


@given(events=histories(LONG, cancels=True), random=st.randoms(use_true_random=False))
@few
def test_a_call_that_ends_before_it_begins_is_refused(events: list[Event], random: Random) -> None:
    call = random.choice(History(events, LONG).calls)
    assert call.last is not None
    assert refused(with_swapped(events, call.first, call.last)) == {"log"}


def script(*lines: tuple[Any, ...]) -> list[Event]:
    """Return events of one process: operation, phase, call and what else there is."""
    return [
        Event(process="p", object="o", sequence=index, time=(index + 1) * 10**6, operation=operation, phase=phase,
              call=call, **(rest[0] if rest else {}))
        for index, (operation, phase, call, *rest) in enumerate(lines)
    ]  # fmt: skip


def sent(call: int, message: str, channel: str = "work", **end: Any) -> list[tuple[Any, ...]]:
    begun = ("send", "begun", call, {"channels": (channel,), "message": message})
    return [begun, ("send", "raised" if end else "returned", call, end)]


def taken(call: int, message: str = "", channel: str = "work", **end: Any) -> list[tuple[Any, ...]]:
    came = {"channels": (channel,) if message or end else (), "message": message, **end}
    source = channel.partition("!")[0] + "!" if "!" in channel else channel
    return [("receive", "begun", call, {"channels": (source,)}), ("receive", "returned", call, came)]


REFUSED: dict[str, tuple[list[Event], str]] = {
    "delivered though send raised": (script(*sent(1, "m", error="ChannelFull"), *taken(2, "m")), "LAY-031"),
    "delivered to another channel": (script(*sent(1, "m", COMES), *taken(2, "m", STAYS)), "LAY-050"),
    "delivered late": (script(*sent(1, "m"), *taken(2, "m")), "LAY-088"),
    "above capacity": (script(*(line for n in range(1, 5) for line in sent(n, f"m{n}"))), "LAY-080"),
    "full with room": (script(*sent(1, "m", error="ChannelFull")), "LAY-081"),
    "gap on a normal channel": (script(*taken(1, channel="work", reason="lost")), "GAP-013"),
    "gap without a cause": (script(*taken(1, channel=INBOX, reason="lost")), "GAP-009"),
    "overflow of a direct message": (
        script(*sent(1, "m", COMES), *taken(2, channel=COMES, reason="overflow", dropped=1), *taken(3, channel=INBOX)),
        "GAP-002",
    ),
    "received after close": (
        script(("close", "begun", 1), ("close", "returned", 1), *sent(2, "m")),
        "LAY-022",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_no_layer_may_do_is_refused(kind: str) -> None:
    events, expected = REFUSED[kind]
    bounds = evolve(LONG, expiry=0.0001) if expected == "LAY-088" else LONG
    assert expected in {finding.requirement for finding in findings(events, bounds)}


def test_a_message_of_a_send_that_raised_connection_error_comes_once_or_never() -> None:
    unknown = sent(1, "m", error="ConnectionError")
    assert findings(script(*unknown, *taken(2)), LONG) == []
    assert findings(script(*unknown, *taken(2, "m"), *taken(3)), LONG) == []
    assert [one.requirement for one in findings(script(*unknown, *taken(2, "m"), *taken(3, "m")), LONG)] == ["LAY-073"]


def test_what_a_killed_process_had_taken_may_be_gone() -> None:
    events = script(*sent(1, "m"), ("receive", "begun", 2, {"channels": ("work",)}))
    killed = Event(process="p", sequence=100, time=10**8, operation="killed", phase="returned")
    after = [evolve(event, process="q", time=event.time + 10**9) for event in script(*taken(3))]
    assert {one.requirement for one in findings([*events, *after], LONG)} == {"log"}
    assert findings([*events, killed, *after], LONG) == []


def test_what_was_taken_for_a_receive_that_timed_out_in_a_fault_may_come_after_newer_ones() -> None:
    events = script(*sent(1, "old"), *sent(2, "new"), *taken(3), *taken(4, "new"), *taken(5, "old"))
    begun = next(event for event in events if event.call == 3)
    fault = Event(process="test", sequence=0, time=begun.time + 1, operation="fault", phase="returned")
    assert {one.requirement for one in findings(events, LONG)} == {"LAY-043", "LAY-078"}
    assert findings([*events, fault], LONG) == []
    assert findings([*events, evolve(fault, time=begun.time - 1)], LONG) != []


def test_an_empty_receive_soon_after_a_fault_shows_nothing() -> None:
    events = script(*sent(1, "m"), *taken(2))
    fault = Event(process="test", sequence=0, time=1, operation="fault", phase="returned")
    assert {one.requirement for one in findings([fault, *events], LONG)} == {"LAY-043"}
    assert findings([fault, *events], evolve(LONG, recovery=1.0)) == []


def test_a_killed_process_takes_one_message_with_it_and_no_more() -> None:
    lost = script(*sent(1, "m"), *sent(2, "n"), ("receive", "begun", 3, {"channels": ("work",)}))
    killed = Event(process="p", sequence=100, time=10**8, operation="killed", phase="returned")
    after = [evolve(event, process="q", time=event.time + 10**9) for event in script(*taken(4))]
    assert [str(one) for one in findings([*lost, killed, *after], LONG)] == [
        "LAY-043: m was in work, but a receive found nothing there"
    ]


def test_what_was_taken_for_a_receive_that_returned_another_message_may_come_after_newer_ones() -> None:
    for names, explained in ((("work", INBOX), True), ((INBOX,), False)):
        direct = [("receive", "begun", 3, {"channels": names}), taken(3, "direct", COMES)[1]]
        events = script(
            *(*sent(1, "old"), *sent(2, "new"), *sent(6, "direct", COMES)),
            *(*direct, *taken(4, "new"), *taken(5, "old")),
        )
        expected = set() if explained else {"LAY-078"}
        assert {one.requirement for one in findings(events, LONG)} == expected


def test_a_gap_with_reason_lost_is_explained_by_a_fault() -> None:
    gap = script(*taken(1, channel=INBOX, reason="lost"))
    fault = Event(process="test", sequence=0, time=1, operation="fault", phase="returned")
    assert findings([fault, *gap], LONG) == []


@pytest.mark.parametrize(("found", "refused_for"), [(0.0, {"GRP-012"}), (0.001, {"GRP-012"}), (5.0, set())])
def test_a_membership_that_is_lost_alone_may_be_found_gone_after_later_messages(
    found: float, refused_for: set[str]
) -> None:
    events = script(
        *joined(1, STAYS),
        *group_sent(2, "lost"),
        *sent(3, "later", STAYS),
        *taken(4, "later", STAYS),
        *taken(5, channel=INBOX, reason="lost"),
        *taken(6, channel=INBOX),
    )
    fault = Event(process="test", sequence=0, time=1, operation="fault", phase="returned")
    assert {one.requirement for one in findings([fault, *events], evolve(LONG, found=found))} == refused_for


def test_the_shortest_history_has_only_what_matters() -> None:
    events = Simulation(Random(7), LONG, cancels=False).run(250)
    history = History(events, LONG)
    twice = with_again(events, came_from(history, "work", "send")[3])
    message = came_from(history, "work", "send")[3].came
    (finding,) = [one for one in findings(renumbered(twice), LONG) if one.requirement == "LAY-073"]
    part = shortest(renumbered(twice), finding, LONG)
    assert len(part) == 6
    assert {event.message for event in part} == {message, ""}


def test_a_refused_history_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError, match=r"LAY-073: m came twice for work\n  .* send#1 work m begun\n"):
        check(script(*sent(1, "m"), *taken(2, "m"), *taken(3, "m")), LONG)


def test_a_log_file_is_read_to_its_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    recorder = Recorder.to_file("p", path)
    layer = SyncRecorded(SyncMemoryLayer(), recorder, "layer")
    layer.send("work", {"type": "test.message", "id": 1})
    with path.open("a") as file:
        file.write('{"process": "p", "seq')
    assert [(event.operation, event.phase) for event in read_logs([path])] == [("send", "begun"), ("send", "returned")]


def test_the_memory_layer_used_from_threads_is_accepted() -> None:
    events: list[Event] = []
    recorder = Recorder("p", events.append)
    with SyncMemoryLayer(name="history-threads", capacity=5, inbox_capacity=20) as owner:
        inbox = owner.new_channel("server!")

        def read(channels: list[str], layer: SyncRecorded) -> None:
            while True:
                _, message = layer.receive(channels, 5)
                if message is not None and str(message.get("id")).startswith("end"):
                    return

        def send(number: int) -> None:
            with SyncMemoryLayer(name="history-threads", capacity=5) as raw:
                layer = SyncRecorded(raw, recorder, f"sender {number}")
                for index in range(60):
                    message = {"type": "test.message", "id": f"{number}.{index}"}
                    try:
                        if index % 3:
                            layer.send("work" if index % 3 == 1 else f"{inbox}1", message)
                        else:
                            layer.send_group("g", message)
                    except raw.ChannelFull:
                        continue

        recorded = SyncRecorded(owner, recorder, "owner")
        recorded.group_add("g", f"{inbox}1")
        readers = [threading.Thread(target=read, args=(["work"], recorded)) for _ in range(2)]
        readers.append(threading.Thread(target=read, args=([inbox], recorded)))
        senders = [threading.Thread(target=send, args=(number,)) for number in range(3)]
        for thread in (*readers, *senders):
            thread.start()
        for thread in senders:
            thread.join()
        _send_ends(recorded, ["work", "work", f"{inbox}1"], owner.ChannelFull)
        for thread in readers:
            thread.join()
        assert recorded.receive(["work"], 0) == recorded.receive([inbox], 0) == (None, None)
    check(events, Bounds(capacity=5))
    assert len(History(events, Bounds()).received) >= 3  # the three that end the readers


def _send_ends(layer: SyncRecorded, channels: list[str], full: type[Exception]) -> None:
    """Send until accepted what ends the readers; each try is a message of its own to the checker."""
    tries = 0
    while channels:
        tries += 1
        try:
            layer.send(channels[0], {"type": "test.message", "id": f"end {tries}"})
        except full:
            time.sleep(0.001)  # not to log thousands of tries
            continue
        channels.pop(0)


def test_the_memory_layer_used_from_tasks_that_are_cancelled_is_accepted() -> None:
    events: list[Event] = []
    asyncio.run(_use_from_tasks(Recorder("p", events.append)))
    check(events, Bounds(capacity=10))
    assert any(event.error == "Cancelled" and event.operation == "receive" for event in events)


async def _use_from_tasks(recorder: Recorder) -> None:
    async with MemoryLayer(capacity=10) as raw:
        layer = AsyncRecorded(raw, recorder, "layer")
        inbox = await raw.new_channel("server!")

        async def read(channels: list[str]) -> None:
            while True:
                try:
                    await asyncio.wait_for(layer.receive(channels), 0.001)
                except TimeoutError:
                    if sending.done():
                        return

        async def send(number: int) -> None:
            for index in range(80):
                message = {"type": "test.message", "id": f"{number}.{index}"}
                try:
                    await (layer.send("work", message) if index % 2 else layer.send_group("g", message))
                except raw.ChannelFull:
                    await asyncio.sleep(0)
                if index % 20 == 0:
                    await layer.group_discard("g", f"{inbox}1")
                    await layer.group_add("g", f"{inbox}1")

        sending = asyncio.ensure_future(asyncio.wait([asyncio.ensure_future(send(number)) for number in range(3)]))
        await asyncio.gather(sending, read(["work"]), read(["work"]), read([inbox]))
        for channel in ("work", inbox):
            while (await layer.receive([channel], 0))[0] is not None:
                pass


def joined(call: int, channel: str) -> list[tuple[Any, ...]]:
    return [("group_add", "begun", call, {"group": "g", "channels": (channel,)}), ("group_add", "returned", call)]


def group_sent(call: int, message: str) -> list[tuple[Any, ...]]:
    return [("send_group", "begun", call, {"group": "g", "message": message}), ("send_group", "returned", call)]


@pytest.mark.parametrize(("dropped", "refused_for"), [(1, {"GRP-012"}), (2, set()), (3, {"GAP-008"})])
def test_a_group_message_that_found_no_room_in_an_inbox_counts_once_there(dropped: int, refused_for: set[str]) -> None:
    overflow = taken(5, channel=INBOX, reason="overflow", dropped=dropped)
    events = script(
        *joined(1, STAYS),
        *joined(2, COMES),
        *group_sent(3, "m"),
        *group_sent(4, "n"),
        *overflow,
        *taken(6, channel=INBOX),
    )
    assert {one.requirement for one in findings(events, LONG)} == refused_for


def test_a_group_message_for_two_channels_makes_room_for_one_that_fits_nowhere_else() -> None:
    other = [
        evolve(event, object="other") for event in script(*[("group_add", "begun", 0)] * 4, *group_sent(3, "m"))[4:]
    ]
    events = script(
        *joined(1, STAYS),
        *joined(2, COMES),
        *[("group_add", "begun", 0)] * 2,  # here the other object sends
        *group_sent(4, "n"),
        *sent(5, "later", STAYS),
        *taken(6, channel=INBOX, reason="overflow", dropped=1),
        *taken(7, "later", STAYS),
        *taken(8, channel=INBOX, reason="overflow", dropped=1),
        *taken(9, channel=INBOX),
    )
    assert findings([*events[:4], *other, *events[6:]], LONG) == []
