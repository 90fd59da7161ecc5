"""The harness of the conformance suite does to a consumer what a server does: one script, both, one outcome."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from .scripted import Consumer, Gate, Message, answer, until
from .worlds import in_the_harness, on_a_server

pytestmark = pytest.mark.anyio
SAID = {"type": "chat.said"}


@attrs.frozen
class Case:
    """A handler, a script, how many exceptions come out of consumers, and the limits.

    `is_open`: whether socket or layer comes first is not said (CON-033), so each source is compared by itself.
    """

    handler: Any
    script: Any
    errors: int = 0
    limits: dict[str, Any] = attrs.field(factory=dict)
    is_open: bool = False


CASES: dict[str, Callable[[], Case]] = {}


def case(function: Callable[[], Case]) -> Callable[[], Case]:
    CASES[function.__name__] = function
    return function


@case
def echo_and_a_close_with_a_code() -> Case:
    async def script(world: Any, _: Any) -> Any:
        async with world.websocket("/caf%C3%A9?a=b", "x", "y") as one:
            seen = [await one.opened()]
            for value in ("a", "", "ü"):
                await one.say(value)
                seen.append(await one.hear())
            await one.close(4000, "bye")
            return [*seen, await one.closed()]

    return Case(answer, script)


@case
def a_close_without_a_code() -> Case:
    async def script(world: Any, _: Any) -> Any:
        async with world.websocket() as one:
            await one.opened()
            await one.close(1005)
            return await one.closed()

    return Case(answer, script)


@case
def a_client_that_is_lost() -> Case:
    async def script(world: Any, application: Any) -> None:
        async with world.websocket() as one:
            await one.opened()
            await one.lose()
            await until(lambda: application.only.over)

    return Case(answer, script)


def answer_and(**plans: list[Message]) -> Any:
    """As `answer`; for a message type with underscores, send these instead."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        plan = plans.get(message["type"].replace(".", "_"))
        if plan is None:
            yield from answer(consumer, message)
            return
        for one in plan:
            yield consumer.send, one

    return handler


@case
def a_subprotocol_is_chosen_and_the_consumer_closes() -> Case:
    async def script(world: Any, _: Any) -> Any:
        async with world.websocket("/", "x", "y") as one:
            seen = [await one.opened()]
            await one.say("a")
            return [*seen, await one.closed()]

    accept = {"type": "websocket.accept", "subprotocol": "y"}
    close = {"type": "websocket.close", "code": 4001, "reason": "enough"}
    return Case(answer_and(websocket_connect=[accept], websocket_receive=[close]), script)


@case
def a_send_accepts() -> Case:
    async def script(world: Any, _: Any) -> Any:
        async with world.websocket("/", "x") as one:
            return [await one.opened(), await one.hear()]

    return Case(answer_and(websocket_connect=[{"type": "websocket.send", "text": "welcome"}]), script)


@case
def a_rejection() -> Case:
    async def script(world: Any, _: Any) -> Any:
        async with world.websocket() as one:
            return await one.refused()

    reject = {"type": "websocket.reject", "status": 401, "body": b"who are you?"}
    return Case(answer_and(websocket_connect=[reject]), script)


@case
def nobody_answers_the_handshake() -> Case:
    async def script(world: Any, _: Any) -> Any:
        async with world.websocket() as one:
            await world.wait(0.3)
            return await one.refused()

    return Case(answer_and(websocket_connect=[]), script, limits={"handshake_timeout": 0.2})


@case
def a_message_that_is_too_large() -> Case:
    async def script(world: Any, _: Any) -> Any:
        async with world.websocket() as one:
            await one.opened()
            await one.say("x" * 101)
            return await one.closed()

    return Case(answer, script, limits={"websocket_max_size": 100})


def failing(where: str) -> Any:
    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        yield from answer(consumer, message)
        if message["type"] == where:
            raise KeyError("broken")

    return handler


@case
def an_exception_in_an_open_websocket() -> Case:
    async def script(world: Any, _: Any) -> Any:
        async with world.websocket() as one:
            await one.opened()
            await one.say("a")
            await one.say("never given")
            return [await one.hear(), await one.closed()]

    return Case(failing("websocket.receive"), script, errors=1)


@case
def an_exception_before_the_websocket_is_accepted() -> Case:
    def handler(consumer: Consumer, message: Message) -> None:
        if message["type"] == "websocket.connect":
            raise KeyError("broken")

    async def script(world: Any, _: Any) -> Any:
        async with world.websocket() as one:
            return await one.refused()

    return Case(handler, script, errors=1)


@case
def an_exception_in_the_last_call() -> Case:
    async def script(world: Any, _: Any) -> Any:
        async with world.websocket() as one:
            await one.opened()
            await one.close()
            return await one.closed()

    return Case(failing("websocket.disconnect"), script, errors=1)


@case
def requests_whole_and_in_parts() -> Case:
    async def script(world: Any, _: Any) -> Any:
        seen = []
        for body, size in ((None, 0), (b"", 0), (b"small", 5), (b"x" * 1000, 1000)):
            async with world.http("POST", f"/{size}?q=%20", body) as request:
                seen.append(await request.answer())
        async with world.http("POST", "/parts", b"a", more=True) as request:
            await request.part(b"bc", True)
            await request.part(b"", False)
            seen.append(await request.answer())
        async with world.http("HEAD", "/head") as request:
            seen.append(await request.answer())
        return seen

    return Case(answer, script, limits={"body_buffer": 100})


@case
def a_response_in_parts_and_a_second_one() -> Case:
    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.send, {"type": "http.response", "status": 200, "body": b"a", "more_body": True}
            yield consumer.send, {"type": "http.response.body", "body": b"b", "more_body": True}
            yield consumer.send, {"type": "http.response.body"}

    async def script(world: Any, _: Any) -> Any:
        async with world.http() as request:
            return await request.answer()

    return Case(handler, script)


@case
def an_exception_within_the_response() -> Case:
    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            yield consumer.send, {"type": "http.response", "status": 200, "body": b"a", "more_body": True}
            raise KeyError("broken")

    async def script(world: Any, _: Any) -> Any:
        async with world.http() as request:
            await request.cut()

    return Case(handler, script, errors=1)


@case
def exceptions_before_and_after_the_response() -> Case:
    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            if message["path"] == "/after":
                yield from answer(consumer, message)
            raise KeyError("broken")

    async def script(world: Any, _: Any) -> Any:
        seen = []
        for target in ("/before", "/after"):
            async with world.http("GET", target) as request:
                seen.append(await request.answer())
        return seen

    return Case(handler, script, errors=2)


def polling(consumer: Consumer, message: Message) -> Iterator[Any]:
    if message["type"] == "http.request":
        yield consumer.layer.group_add, "news", consumer.channel
        consumer.state["joined"] = True
    elif message["type"] == "chat.said":
        yield consumer.send, {"type": "http.response", "status": 200, "body": message["text"].encode()}


def joined(application: Any, count: int = 1) -> Callable[[], bool]:
    return lambda: [one.state.get("joined", False) for one in application.consumers] == [True] * count


@case
def a_long_poll_is_answered() -> Case:
    async def script(world: Any, application: Any) -> Any:
        async with world.http() as request:
            await until(joined(application))
            await world.tell("news", {**SAID, "text": "one"}, {**SAID, "text": "never given"})
            return await request.answer()

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message.get("text") != "never given":
            yield from polling(consumer, message)

    return Case(handler, script)


@case
def a_long_poll_is_left_and_one_is_forgotten() -> Case:
    async def script(world: Any, application: Any) -> Any:
        async with world.http() as request:
            await until(joined(application))
            await request.leave()
            await until(lambda: application.only.over)
        async with world.http() as request:
            await until(joined(application, 2))
            await world.wait(0.3)
            return await request.answer()

    return Case(polling, script, limits={"response_timeout": 0.2})


@case
def an_alarm_clock_that_is_set_anew() -> Case:
    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            for after in (0, 0.1, None, 0.1):
                yield consumer.send, {"type": "server.wake", "after": after}
        elif message["type"] == "server.wake":
            yield consumer.send, {"type": "http.response", "status": 204}

    async def script(world: Any, _: Any) -> Any:
        async with world.http() as request:
            await world.wait(0.2)
            return await request.answer()

    return Case(handler, script)


def gated(gate: Gate) -> Any:
    """Joins; waits for the gate in the call with the first message of the client."""

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        yield from answer(consumer, message)
        if message["type"] == "websocket.connect":
            yield consumer.layer.group_add, "news", consumer.channel
            consumer.state["joined"] = True
        elif message.get("text") == "wait":
            yield consumer.wait, gate

    return handler


def waits(world: Any, application: Any, count: int) -> bool:
    """Whether so many messages wait in the mailbox, or are counted in a gap."""
    return sum(one.get("dropped", 1) for one in world.waiting(application.only.channel)) == count


@case
def a_mailbox_that_overflows() -> Case:
    gate = Gate()

    async def script(world: Any, application: Any) -> Any:
        async with world.websocket() as one:
            await one.opened()
            await until(joined(application))
            await one.say("wait")
            await until(lambda: gate.waiting)
            await world.tell("news", *({**SAID, "number": number} for number in range(7)))
            await world.send(application.only.channel, {**SAID, "number": 7})
            await one.say("S")
            await until(lambda: waits(world, application, 9))
            gate.open()
            seen = [await one.hear(), await one.hear()]
            await until(lambda: len(application.only.messages) == 8)
            await world.tell("news", {**SAID, "number": 8})
            await until(lambda: len(application.only.messages) == 9)
            await one.close()
            return [*seen, await one.closed()]

    return Case(gated(gate), script, limits={"layer_messages": 4}, is_open=True)


@case
def both_sources_take_turns_and_the_end_overtakes_the_layer() -> Case:
    gate, second = Gate(), Gate()

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        yield from gated(gate)(consumer, message)
        if message.get("number") == 2:
            yield consumer.wait, second

    async def script(world: Any, application: Any) -> Any:
        async with world.websocket() as one:
            await one.opened()
            await until(joined(application))
            await one.say("wait")
            await until(lambda: gate.waiting)
            for value in "abc":
                await one.say(value)
            await world.tell("news", *({**SAID, "number": number} for number in range(3)))
            await until(lambda: waits(world, application, 6))
            gate.open()
            await until(lambda: second.waiting)
            await world.tell("news", *({**SAID, "number": number} for number in (3, 4)))
            await one.say("d")
            await one.close()
            await until(lambda: world.waiting(application.only.channel)[-1]["type"] == "websocket.disconnect")
            second.open()
            return await one.closed()

    return Case(handler, script, is_open=True)


@case
def messages_that_pretend_to_be_the_clients() -> Case:
    async def script(world: Any, application: Any) -> Any:
        async with world.websocket() as one:
            await one.opened()
            await until(lambda: application.consumers)
            with pytest.raises(ValueError, match="MSG-021"):
                await world.send(application.only.channel, {"type": "websocket.receive", "text": "forged"})
            await one.say("true")
            return await one.hear()

    return Case(answer, script)


def refused(consumer: Consumer, message: Message) -> Iterator[Any]:
    """Yields a call that must fail; notes how."""
    try:
        yield consumer.send, message
    except ConnectionError:
        outcome = "ConnectionError"
    except ValueError as error:
        outcome = f"ValueError {re.findall(r'[A-Z0-9]+-[0-9]{3}', str(error))[-1]}"
        if message["type"] in NO_BUSINESS_OF[consumer.type]:
            outcome = "ValueError"  # it breaks two requirements, and either may be named
    else:
        outcome = "accepted"
    consumer.state.setdefault("outcomes", []).append((message.get("type"), outcome))


NO_BUSINESS_OF = {
    "http": ("websocket.send",),
    "websocket": ("http.response", "websocket.receive", "chat.said"),
}
WRONG: list[Message] = [
    {"type": "http.response", "status": 200},
    {"type": "websocket.receive", "text": "a"},
    {"type": "websocket.send", "text": "a", "bytes": b"a"},
    {"type": "websocket.send"},
    {"type": "websocket.close", "code": 1005},
    {"type": "websocket.accept", "subprotocol": "never offered"},
    {"type": "websocket.accept", "subprotocol": "z"},
    {"type": "websocket.accept", "headers": [[b"upgrade", b"x"]]},
    {"type": "websocket.reject", "status": 101},
    {"type": "websocket.reject", "headers": [[b"content-length", b"5"]], "body": b"four"},
    {"type": "websocket.reject", "headers": [[b"transfer-encoding", b"chunked"]]},
    {"type": "websocket.reject", "headers": [[b"x-y", b"a\r\nb"]]},
    {"type": "server.wake"},
    {"type": "server.wake", "after": -1},
    {"type": "chat.said"},
]


@case
def a_websocket_consumer_that_does_everything_wrong() -> Case:
    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        # Of what breaks two requirements either may be named: so each of these breaks one.
        if message["type"] == "websocket.connect":
            for one in [{"type": "websocket.close"}, *(one for one in WRONG if one["type"] != "websocket.close")]:
                yield from refused(consumer, one)
            yield from refused(consumer, {"type": "websocket.accept"})
            for one in WRONG:
                if one["type"] not in ("websocket.accept", "websocket.reject"):
                    yield from refused(consumer, one)
            for kind in ("accept", "reject"):
                yield from refused(consumer, {"type": f"websocket.{kind}"})
            yield from refused(consumer, {"type": "websocket.close", "code": 3000})
        for one in ("accept", "reject", "close"):
            yield from refused(consumer, {"type": f"websocket.{one}"})
        yield from refused(consumer, {"type": "websocket.send", "text": "a"})
        yield from refused(consumer, {"type": "server.wake", "after": 1})

    async def script(world: Any, application: Any) -> Any:
        async with world.websocket("/", "y") as one:
            await one.opened()
            code = await one.closed()
            await until(lambda: application.only.has_returned)
            return [code, *application.only.state["outcomes"]]

    return Case(handler, script)


WRONG_RESPONSES: list[Message] = [
    {"type": "websocket.send", "text": "a"},
    {"type": "http.response"},
    {"type": "http.response", "status": 101},
    {"type": "http.response", "status": 200, "headers": [[b"Upper", b"a"]]},
    {"type": "http.response", "status": 200, "headers": [[b"connection", b"keep-alive"]]},
    {"type": "http.response", "status": 200, "headers": [[b"keep-alive", b"1"]]},
    {"type": "http.response", "status": 200, "headers": [[b"content-length", b"1"]], "body": b"two"},
    {"type": "http.response", "status": 200, "headers": [[b"content-length", b"1"], [b"content-length", b"1"]]},
    {"type": "http.response.informational", "status": 200},
    {"type": "http.response.file", "path": "/etc/hostname"},
]


@case
def an_http_consumer_that_does_everything_wrong() -> Case:
    begin: Message = {"type": "http.response", "status": 200, "headers": [[b"content-length", b"4"]]}

    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            for one in [*WRONG_RESPONSES, {"type": "http.response.body"}, {"type": "http.response.trailers"}]:
                yield from refused(consumer, one)
            yield from refused(consumer, {**begin, "body": b"a", "more_body": True})
            for one in (begin, {"type": "http.response.informational", "status": 103}):
                yield from refused(consumer, one)
            yield from refused(consumer, {"type": "http.response.body", "body": b"bcde", "more_body": True})
            yield from refused(consumer, {"type": "http.response.trailers"})
            if message["path"] == "/short":
                yield from refused(consumer, {"type": "http.response.body", "body": b"bc"})
            else:
                yield from refused(consumer, {"type": "http.response.body", "body": b"bcd"})
        for one in (begin, {"type": "http.response.body"}, {"type": "server.wake", "after": 1}):
            yield from refused(consumer, one)

    async def script(world: Any, application: Any) -> Any:
        async with world.http("GET", "/short") as request:
            await request.cut()
        async with world.http("GET", "/whole") as request:
            seen = await request.answer()
        await until(lambda: all(one.has_returned for one in application.consumers))
        return [seen, *(one.state["outcomes"] for one in application.consumers)]

    return Case(handler, script)


@case
def what_the_view_withholds() -> Case:
    def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
        if message["type"] == "http.request":
            notes = consumer.state["notes"] = []
            layer = consumer.layer
            calls = [(layer.receive, ["x"]), (layer.new_channel, "x!"), (layer.close_channel, "x"), (layer.close,)]
            other = consumer.channel + "0"
            for call in [*calls, (layer.group_add, "g", other), (layer.group_discard, "g", other)]:
                try:
                    yield call
                except (RuntimeError, ValueError) as error:
                    notes.append(type(error).__name__)
            notes += [layer.is_async == consumer.application.is_async, layer.interface]
            yield from answer(consumer, message)

    async def script(world: Any, application: Any) -> Any:
        async with world.http() as request:
            seen = await request.answer()
        return [seen, application.only.state["notes"]]

    return Case(handler, script)


@pytest.mark.parametrize("name", list(CASES))
async def test_one_script_has_one_outcome(name: str, is_async: bool) -> None:
    ours, theirs = CASES[name](), CASES[name]()
    seen, were_given = await in_the_harness(ours.script, ours.handler, is_async, ours.errors, **ours.limits)
    seen_there, were_given_there = await on_a_server(theirs.script, theirs.handler, is_async, **theirs.limits)
    if ours.is_open:
        were_given, were_given_there = by_source(were_given), by_source(were_given_there)
    assert were_given == were_given_there
    assert differences(seen, seen_there) == []


def differences(one: Any, other: Any) -> list[Any]:
    """What two outcomes of a script do not have in common."""
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [found for pair in zip(one, other, strict=True) for found in differences(*pair)]
    return [] if one == other else [(one, other)]


def by_source(consumers: list[list[Message]]) -> list[list[Message]]:
    return [sorted(messages, key=lambda one: not one["type"].startswith("websocket.")) for messages in consumers]
