"""The mailbox and the calls of one consumer, by hand: no event loop, no clock, nothing that races."""

from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from seaway.reference import Settings
from seaway.reference.runner import ConnectionEnded, Phase, size_of

from .fakes import Message, advance
from .workers import FakeExchange, Worker


@pytest.fixture(autouse=True)
def _no_call_is_left() -> Iterator[None]:
    yield
    Worker.end_all()


LAST: Message = {"type": "test.disconnect"}


def note(number: int, **keys: Any) -> Message:
    return {"type": "note.number", "number": number, **keys}


def part(number: int, **keys: Any) -> Message:
    return {"type": "test.part", "number": number, **keys}


def gap(dropped: int | None, reason: str = "overflow") -> Message:
    return {"type": "layer.gap", "reason": reason, "dropped": dropped}


def bounded(**changes: int) -> Worker:
    return Worker(mailbox=attrs.evolve(Settings().mailbox, **changes))


def held(**changes: int) -> Worker:
    """A consumer in its first call."""
    worker = bounded(**changes)
    worker.begin()
    return worker


# -- calls -----------------------------------------------------------------------------------------------------


def test_an_idle_consumer_has_no_pump() -> None:
    worker = Worker()
    worker.runner.file_socket({"type": "test.first"}, 0)
    worker.runner.file_layer(note(1))

    assert worker.types == ["test.first", "note.number"]
    assert worker.runtime.pumps == {}
    assert not worker.runner.running


def test_calls_come_one_at_a_time_and_in_order() -> None:
    """CON-030, CON-031."""
    worker = held()
    worker.holds.add("test.part")
    for number in range(5):
        worker.runner.file_socket(part(number), 1)
    for _ in range(6):
        assert worker.busy
        worker.go_on()

    assert worker.calls[1:] == [part(number) for number in range(5)]


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_both_sources_take_turns(count: int) -> None:
    """CON-033: the layer is first, for the first message was the socket's."""
    worker = held()
    for number in range(count):
        worker.runner.file_socket(part(number), 1)
    for number in range(10):
        worker.runner.file_layer(note(number))
    worker.go_on()

    sources = ["layer" if kind == "note.number" else "socket" for kind in worker.types[1:]]
    mixed = sources[: 2 * count]
    assert mixed in (["layer", "socket"] * count, ["socket", "layer"] * count)
    assert sources[2 * count :] == ["layer"] * (10 - count)


def test_the_exchange_is_told_when_the_call_that_it_waits_for_has_returned() -> None:
    worker = held()
    first, second = part(1), part(2)
    worker.exchange.waiting = second
    worker.runner.file_socket(first, 1)
    worker.runner.file_socket(second, 1)
    worker.holds.add("test.part")
    worker.go_on()
    worker.go_on()
    assert worker.exchange.calls == []
    worker.go_on()

    assert worker.exchange.calls == ["returned"]


def test_a_call_that_raises_has_returned_too() -> None:
    worker = held()
    message = part(1)
    worker.exchange.waiting = message
    worker.raises["test.part"] = ValueError("broken")
    worker.runner.file_socket(message, 1)
    worker.go_on()

    assert worker.exchange.calls == ["failed", "returned"]


# -- bounds of the socket's side -------------------------------------------------------------------------------


def test_the_socket_side_is_full_by_messages_and_goes_on_when_there_is_room() -> None:
    """CON-037, CON-040."""
    worker = held(socket_messages=3)
    worker.holds.add("test.part")

    assert [worker.runner.file_socket(part(number), 1) for number in range(3)] == [True, True, False]
    assert worker.exchange.calls == []
    worker.go_on()
    assert worker.exchange.calls == ["resume"]
    worker.go_on()
    worker.go_on()
    assert worker.exchange.calls == ["resume"]


def test_the_socket_side_is_full_by_bytes() -> None:
    worker = held(socket_bytes=100)
    worker.holds.add("test.part")

    assert worker.runner.file_socket(part(0), 60)
    assert not worker.runner.file_socket(part(1), 60)
    worker.go_on()
    assert worker.exchange.calls == ["resume"]


def test_one_message_larger_than_the_socket_side_is_admitted() -> None:
    """CON-038."""
    worker = held(socket_bytes=100)

    assert not worker.runner.file_socket(part(0), 100_000)
    worker.go_on()
    assert worker.calls[1:] == [part(0)]
    assert worker.exchange.calls == ["resume"]


def test_a_message_that_finds_the_consumer_idle_is_not_counted() -> None:
    worker = bounded(socket_messages=1, socket_bytes=1)
    for number in range(10):
        assert worker.runner.file_socket(part(number), 50)

    assert len(worker.calls) == 10


def test_messages_of_the_server_do_not_count_in_the_bound() -> None:
    """CON-077."""
    worker = held(socket_messages=2)
    for _ in range(5):
        worker.runner.file_control({"type": "server.test"})

    assert worker.runner.file_socket(part(0), 1)
    assert not worker.runner.file_socket(part(1), 1)
    worker.runner.file_control({"type": "server.test"})
    worker.go_on()
    assert worker.types[1:] == [*["server.test"] * 5, "test.part", "test.part", "server.test"]


@pytest.mark.parametrize("idle", [False, True])
def test_what_belongs_to_a_message_follows_it_even_if_the_connection_ends_in_its_call(idle: bool) -> None:
    """HTTP-010: trailers behind a last part in whose call the consumer answers."""
    worker = Worker()
    worker.ends.add("test.part")
    if not idle:
        worker.begin()
    worker.runner.file_socket(part(0), 1, {"type": "test.behind"})
    if not idle:
        worker.go_on()

    assert worker.types[-3:] == ["test.part", "test.behind", "test.disconnect"]


# -- bounds of the layer's side --------------------------------------------------------------------------------


def test_an_overflow_is_one_gap_in_its_position_with_the_exact_number() -> None:
    """CON-041."""
    worker = held(layer_messages=3)
    for number in range(10):
        worker.runner.file_layer(note(number))
    worker.go_on()

    assert worker.calls[1:] == [note(0), note(1), note(2), gap(7)]


def test_the_gap_ends_when_the_side_is_half_empty() -> None:
    """CON-042: of 4, 2 must have gone before another one is admitted; it stands behind the gap."""
    worker = held(layer_messages=4)
    worker.holds.add("note.number")
    for number in range(6):
        worker.runner.file_layer(note(number))
    worker.go_on()  # the call with 0 begins, 3 wait
    worker.runner.file_layer(note(6))
    worker.go_on()  # the call with 1 begins, 2 wait
    worker.runner.file_layer(note(7))
    worker.runner.file_layer(note(8))
    for _ in range(5):
        worker.go_on()

    assert worker.calls[1:] == [note(0), note(1), note(2), note(3), gap(3), note(7), note(8)]


def test_the_gap_ends_when_the_side_is_half_empty_in_bytes_too() -> None:
    """CON-042: four messages of 250 bytes fill it; it is half empty when two of them are left."""
    worker = held(layer_bytes=1000)
    worker.holds.add("note.number")
    pad = "x" * (250 - size_of(note(0, pad="")))
    for number in range(5):
        worker.runner.file_layer(note(number, pad=pad))
    worker.go_on()  # 750 wait
    worker.runner.file_layer(note(5))
    worker.go_on()  # 500
    worker.runner.file_layer(note(6))
    for _ in range(4):
        worker.go_on()

    assert [message.get("number", message.get("dropped")) for message in worker.calls[1:]] == [0, 1, 2, 3, 2, 6]


def test_a_gap_that_was_given_is_over() -> None:
    """What was dropped meanwhile is in it; what comes in its own call is admitted."""
    worker = held(layer_messages=1)
    worker.holds.add("layer.gap")
    worker.runner.file_layer(note(0))
    worker.runner.file_layer(note(1))
    worker.go_on()
    assert worker.calls[1:] == [note(0), gap(1)]
    worker.runner.file_layer(note(2))
    worker.go_on()

    assert worker.calls[1:] == [note(0), gap(1), note(2)]


def test_a_second_overflow_is_a_gap_of_its_own() -> None:
    worker = held(layer_messages=2)
    worker.holds.add("note.number")
    for number in range(4):
        worker.runner.file_layer(note(number))
    worker.go_on()  # 1 waits
    for number in range(4, 8):
        worker.runner.file_layer(note(number))
    for _ in range(3):
        worker.go_on()

    assert worker.calls[1:] == [note(0), note(1), gap(2), note(4), gap(3)]


def test_one_message_larger_than_the_layer_side_is_admitted_where_nothing_else_waits() -> None:
    """CON-038."""
    worker = held(layer_bytes=100)
    large = note(0, pad=b"x" * 1000)
    worker.runner.file_layer(large)
    worker.runner.file_layer(note(1))
    worker.go_on()
    worker.runner.file_layer(large)

    assert worker.calls[1:] == [large, gap(1), large]


def test_a_gap_of_the_layer_is_admitted_to_a_full_mailbox_and_does_not_fill_it() -> None:
    """CON-043."""
    worker = held(layer_messages=2)
    worker.runner.file_layer(gap(1, "lost"))
    worker.runner.file_layer(note(0))
    worker.runner.file_layer(note(1))
    worker.runner.file_layer(gap(2, "expired"))
    worker.go_on()

    assert worker.calls[1:] == [gap(1, "lost"), note(0), note(1), gap(2, "expired")]


def test_gaps_that_stand_together_become_one_of_each_reason() -> None:
    worker = held()
    for message in (gap(1, "lost"), gap(2, "lost"), gap(3, "expired"), gap(None, "lost"), gap(None, "lost")):
        worker.runner.file_layer(message)
    worker.go_on()

    assert worker.calls[1:] == [gap(3, "lost"), gap(3, "expired"), gap(None, "lost")]


def test_a_gap_without_a_number_leaves_the_number_of_an_overflow_alone() -> None:
    """CON-041: the mailbox overflows, then the whole inbox, then the mailbox goes on dropping."""
    worker = held(layer_messages=1)
    worker.runner.file_layer(note(0))
    worker.runner.file_layer(note(1))
    worker.dispatcher.file(worker.dispatcher.inbox, gap(50))
    worker.runner.file_layer(note(2))
    worker.go_on()

    assert worker.calls[1:] == [note(0), gap(2), gap(None)]


def test_a_gap_that_is_filed_is_the_runners_own() -> None:
    worker = held()
    given = gap(1, "lost")
    worker.runner.file_layer(given)
    worker.runner.file_layer(gap(2, "lost"))

    assert given == gap(1, "lost")


def test_the_layer_cannot_fill_the_socket_side() -> None:
    """CON-044."""
    worker = held(layer_messages=2, socket_messages=2)
    for number in range(10):
        worker.runner.file_layer(note(number))

    assert worker.runner.file_socket(part(0), 1)


@pytest.mark.parametrize(
    ("value", "size"),
    [("abc", 3), (b"abcd", 4), ("", 0), (1, 8), (None, 8), (1.5, 8), ({"a": "b"}, 2), (["ab", b"c", 1], 11)],
)
def test_a_message_counts_at_least_its_text_and_bytes(value: Any, size: int) -> None:
    """CON-039."""
    assert size_of(value) == size


# -- control messages and the end ------------------------------------------------------------------------------


def test_a_message_of_the_server_overtakes_the_layer_and_not_the_socket() -> None:
    """CON-048, CON-049."""
    worker = held()
    worker.runner.file_layer(note(0))
    worker.runner.file_socket(part(0), 1)
    worker.runner.file_socket(part(1), 1)
    worker.runner.file_control({"type": "server.drain"})
    worker.runner.file_socket(part(2), 1)
    worker.go_on()

    order = [message.get("number", "drain") for message in worker.calls[1:]]
    assert order.index("drain") == 2
    assert [message for message in worker.calls[1:] if message["type"] == "test.part"] == [part(0), part(1), part(2)]
    assert note(0) in worker.calls[4:]


def test_a_message_of_the_server_wakes_an_idle_consumer() -> None:
    worker = Worker()
    worker.runner.file_socket({"type": "test.first"}, 0)
    worker.runner.file_control({"type": "server.drain"})

    assert worker.types == ["test.first", "server.drain"]


def test_the_terminal_message_overtakes_the_layer_and_not_the_socket() -> None:
    """CON-048, CON-049, CON-050."""
    worker = held()
    worker.runner.file_layer(note(0))
    worker.runner.file_socket(part(0), 1)
    worker.runner.file_layer(note(1))
    worker.runner.file_socket(part(1), 1)
    worker.runner.finish(LAST)
    worker.go_on()

    assert worker.calls[1:] == [part(0), part(1), LAST]


def test_the_terminal_message_comes_exactly_once_and_nothing_after_it() -> None:
    """CON-046, CON-047."""
    worker = held()
    for _ in range(3):
        worker.runner.finish(dict(LAST))
    worker.holds.add("test.disconnect")
    worker.go_on()
    assert worker.runner.phase is Phase.LAST

    assert worker.runner.file_socket(part(0), 1)
    worker.runner.file_layer(note(0))
    worker.runner.file_control({"type": "server.drain"})
    worker.runner.finish(LAST)
    worker.go_on()
    worker.runner.finish(LAST)

    assert worker.types == ["test.first", "test.disconnect"]
    assert worker.runner.phase is Phase.ENDED


def test_an_idle_consumer_gets_its_terminal_message_at_once() -> None:
    worker = Worker()
    worker.runner.file_socket({"type": "test.first"}, 0)
    worker.runner.finish(LAST)

    assert worker.types == ["test.first", "test.disconnect"]


def test_what_has_ended_leaves_nothing_behind() -> None:
    """CON-027."""
    worker = Worker()
    worker.runner.file_socket({"type": "test.first"}, 0)
    worker.runner.wake_after(5)
    worker.runner.finish(LAST)

    assert worker.dispatcher.runners == {}
    assert worker.layer.closed == [worker.runner.channel]
    assert worker.runner.consumer is None
    assert [timer.cancelled for timer in worker.runtime.timers] == [True]


def test_a_full_socket_side_resumes_while_its_consumer_ends() -> None:
    worker = held(socket_messages=2)
    worker.runner.file_socket(part(0), 1)
    worker.runner.file_socket(part(1), 1)
    worker.runner.finish(LAST)
    worker.go_on()

    assert worker.exchange.calls == ["resume"]
    assert worker.types == ["test.first", "test.part", "test.part", "test.disconnect"]


# -- what a consumer raises ------------------------------------------------------------------------------------

RAISED = [ValueError("broken"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), BaseException("base")]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_an_exception_ends_the_exchange_and_the_terminal_message_is_next(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """CON-052, CON-055, CON-056: what waits is discarded, and the traceback is logged once."""
    worker = held()
    worker.raises["test.first"] = error
    worker.runner.file_socket(part(0), 1)
    worker.runner.file_layer(note(0))
    worker.runner.file_control({"type": "server.drain"})
    worker.go_on()

    assert worker.types == ["test.first", "test.disconnect"]
    assert worker.exchange.calls == ["failed"]
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == [error]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_an_exception_out_of_the_last_call_is_only_logged(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """CON-053."""
    worker = Worker()
    worker.raises["test.disconnect"] = error
    worker.runner.file_socket({"type": "test.first"}, 0)
    worker.runner.finish(LAST)

    assert worker.exchange.calls == []
    assert worker.runner.phase is Phase.ENDED
    assert len(caplog.records) == 1


def test_an_application_that_raises_has_no_consumer_to_tell(caplog: pytest.LogCaptureFixture) -> None:
    """CON-027, CON-046: only a consumer that was returned gets a terminal message."""
    worker = Worker()
    worker.creating = ValueError("no")
    worker.runner.file_socket({"type": "test.first"}, 0)

    assert worker.exchange.calls == ["failed"]
    assert worker.calls == []
    assert worker.runner.phase is Phase.ENDED
    assert worker.layer.closed == [worker.runner.channel]
    assert "the application" in caplog.text


def test_what_is_not_a_consumer_is_an_error_that_says_so(caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker()
    worker.dispatcher.application = lambda *_: None  # type: ignore[assignment,return-value]
    worker.runner.file_socket({"type": "test.first"}, 0)

    assert worker.exchange.calls == ["failed"]
    assert "expected a consumer" in caplog.text


def test_a_synchronous_consumer_is_told_what_is_wrong(caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker()
    worker.dispatcher.application = lambda *_: lambda message: None  # type: ignore[assignment,return-value]
    worker.runner.file_socket({"type": "test.first"}, 0)

    assert worker.exchange.calls == ["failed"]
    assert "is_async" in caplog.text


def test_the_end_of_its_own_connection_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """CON-058."""
    worker = held()
    worker.raises["test.first"] = ConnectionEnded(worker.exchange)
    worker.runner.finish(LAST)
    worker.go_on()

    assert worker.types == ["test.first", "test.disconnect"]
    assert worker.exchange.calls == []
    assert caplog.records == []


@pytest.mark.parametrize("error", [ConnectionEnded(FakeExchange()), ConnectionError(), ConnectionResetError()])
def test_the_end_of_another_connection_is_an_error(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    worker = held()
    worker.raises["test.first"] = error
    worker.go_on()

    assert worker.exchange.calls == ["failed"]
    assert len(caplog.records) == 1


def test_an_exception_after_the_end_keeps_the_first_terminal_message() -> None:
    worker = held()
    worker.runner.finish({"type": "test.disconnect", "number": 1})
    worker.raises["test.first"] = ValueError("late")
    worker.go_on()

    assert worker.calls[1:] == [{"type": "test.disconnect", "number": 1}]


# -- time ------------------------------------------------------------------------------------------------------


def test_a_wish_to_be_woken_is_granted_once() -> None:
    """SRV-020."""
    worker = Worker()
    worker.runner.file_socket({"type": "test.first"}, 0)
    worker.runner.wake_after(5)
    assert [timer.seconds for timer in worker.runtime.timers] == [5]
    worker.runtime.fire()
    worker.runtime.fire()

    assert worker.types == ["test.first", "server.wake"]


@pytest.mark.parametrize("filed", [False, True], ids=["before its time", "when it is filed"])
def test_a_new_wish_replaces_the_old(filed: bool) -> None:
    """SRV-023."""
    worker = held()
    worker.runner.wake_after(5)
    if filed:
        worker.runtime.fire()
    worker.runner.wake_after(6)
    worker.runtime.fire()
    worker.go_on()

    assert worker.types == ["test.first", "server.wake"]


@pytest.mark.parametrize("filed", [False, True], ids=["before its time", "when it is filed"])
def test_a_wish_can_be_taken_back(filed: bool) -> None:
    """SRV-024."""
    worker = held()
    worker.runner.file_control({"type": "server.drain"})
    worker.runner.file_socket(part(0), 1)
    worker.runner.wake_after(5)
    if filed:
        worker.runtime.fire()
    worker.runner.wake_after(None)
    worker.runtime.fire()
    worker.runner.file_layer(note(0))
    worker.runner.file_socket(part(1), 1)
    worker.go_on()

    assert sorted(worker.types[1:]) == ["note.number", "server.drain", "test.part", "test.part"]
    # The count of what the server has filed is right again: both sources take turns.
    assert worker.types[-3:] in (["test.part", "note.number", "test.part"], ["note.number", "test.part", "test.part"])


def test_a_wake_that_comes_after_the_end_is_dropped() -> None:
    worker = held()
    worker.runner.wake_after(5)
    worker.runner.finish(LAST)
    worker.runtime.fire()
    worker.runner.wake_after(1)
    worker.go_on()

    assert worker.types == ["test.first", "test.disconnect"]
    assert worker.runtime.timers == []


def test_a_call_that_outlives_its_connection_is_cancelled_after_grace(caplog: pytest.LogCaptureFixture) -> None:
    """CON-054, CON-059, CON-060."""
    worker = Worker(grace=10)
    worker.begin()
    worker.runner.tick(100)
    worker.runner.tick(1000)
    worker.runner.finish(LAST)
    worker.runner.tick(1001)
    worker.runner.tick(1010.9)
    assert worker.busy
    worker.runner.tick(1011)

    assert worker.types == ["test.first", "test.disconnect"]
    assert worker.exchange.calls == []
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_the_last_call_may_be_cancelled_too() -> None:
    worker = Worker(grace=10)
    worker.holds.add("test.disconnect")
    worker.runner.file_socket({"type": "test.first"}, 0)
    worker.runner.finish(LAST)
    worker.runner.tick(0)
    worker.runner.tick(10)

    assert worker.runner.phase is Phase.ENDED
    assert worker.dispatcher.runners == {}
    worker.runner.tick(20)


def test_a_call_that_swallows_its_cancellation_does_not_hide_the_next_error(caplog: pytest.LogCaptureFixture) -> None:
    """CON-053, CON-054."""
    worker = Worker(grace=10)

    async def stubborn(message: Message) -> None:
        if message["type"] == "test.first":
            try:
                await worker_waits()
            except BaseException:
                return
        raise ValueError("in the last call")

    async def worker_waits() -> None:
        await worker._consumer({"type": "test.first"})

    worker.dispatcher.application = lambda *_: stubborn  # type: ignore[assignment,return-value]
    worker.begin()
    worker.runner.finish(LAST)
    worker.runner.tick(0)
    worker.runner.tick(10)

    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]


def test_a_call_in_a_thread_is_reported_once_and_keeps_its_place(caplog: pytest.LogCaptureFixture) -> None:
    """CON-061."""
    worker = Worker(grace=10)
    worker.begin()
    worker.runner.in_thread = True
    worker.runner.finish(LAST)
    for second in range(0, 100, 5):
        worker.runner.tick(second)

    assert worker.busy
    assert list(worker.dispatcher.runners.values()) == [worker.runner]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_an_idle_or_live_consumer_is_never_cancelled() -> None:
    worker = Worker(grace=1)
    worker.runner.tick(0)
    worker.runner.tick(100)
    worker.begin()
    worker.runner.tick(200)
    worker.runner.tick(300)

    assert worker.busy


# -- the dispatcher --------------------------------------------------------------------------------------------


def test_channels_are_never_used_twice() -> None:
    """CON-025."""
    worker = Worker()
    first = worker.runner
    first.file_socket({"type": "test.first"}, 0)
    first.finish(LAST)
    second = worker.dispatcher.begin(FakeExchange())

    assert second is not None
    assert first.channel != second.channel
    assert second.channel.startswith("server.fake!")


def test_the_bound_of_consumers_leaves_room_for_lifespan() -> None:
    """SRV-026, SRV-028."""
    worker = Worker(max_consumers=1)

    assert worker.dispatcher.begin(FakeExchange()) is None
    assert worker.dispatcher.begin(FakeExchange("lifespan")) is not None


@pytest.mark.parametrize(
    "kind", ["http.request", "websocket.receive", "server.drain", "lifespan.shutdown", "task.stop", "bridge.open",
             "http2.reset", "layer.other", "mine.event"]
)  # fmt: skip
def test_forged_types_are_dropped_and_counted(kind: str) -> None:
    """MSG-022: the consumer's own type is reserved as well."""
    worker = Worker(type="mine")
    worker.runner.file_socket({"type": "mine.first"}, 0)
    worker.dispatcher.file(worker.runner.channel, {"type": kind})

    assert worker.types == ["mine.first"]
    assert worker.dispatcher.dropped == 1


def test_what_is_sent_to_nobody_is_dropped_and_counted() -> None:
    worker = Worker()
    worker.dispatcher.file(worker.runner.channel + "0", note(0))
    worker.dispatcher.file(worker.dispatcher.inbox, note(1))

    assert worker.dispatcher.dropped == 2
    assert worker.calls == []


def test_a_gap_of_the_inbox_is_told_to_every_consumer_without_a_number() -> None:
    worker = Worker()
    worker.runner.file_socket({"type": "test.first"}, 0)
    other = FakeExchange()
    other.runner = worker.dispatcher.begin(other)
    other.runner.file_socket({"type": "test.first"}, 0)
    worker.dispatcher.file(worker.dispatcher.inbox, gap(7, "expired"))

    assert worker.calls[2:] == [gap(None, "expired")] * 2


def test_closing_gives_up_the_inbox() -> None:
    worker = Worker()
    advance(worker.dispatcher.close())

    assert worker.layer.closed == [worker.dispatcher.inbox]
