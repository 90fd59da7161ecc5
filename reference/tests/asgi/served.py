"""Run by ASGI servers in processes of their own: a scripted application of either flavour, through `as_asgi`.

Writes one line for each call of a consumer to the standard output: its number, the type, and what is worth knowing.
"""

import sys
from collections.abc import Iterator
from typing import Any

from seaway.layers import MemoryLayer
from seaway.reference import Settings
from seaway.reference.asgi import as_asgi

from ..scripted import Application, Consumer, Message

WITH_LIFESPAN = ("lifespan", "http", "websocket")
PART = b"y" * 50_000
SETTINGS = Settings(access_log=False, grace=5.0, response_timeout=1.0)


class HarbourError(Exception):
    """What the consumers raise."""


def handler(consumer: Consumer, message: Message) -> Iterator[Any]:
    kind = message["type"]
    inbox, _, number = consumer.channel.partition("!")
    known = [repr(message[key]) for key in ("path", "complete", "code", "reason") if key in message]
    sys.stdout.write(" ".join(["saw", inbox, number, kind, *known]) + "\n")  # in one piece: other threads write too
    sys.stdout.flush()
    if kind == "http.request":
        consumer.state.update(path=message["path"], size=0, begun=message)
    if kind in ("http.request", "http.request.body"):
        consumer.state["size"] += len(message["body"])
        if not message["more_body"]:
            yield from answers(consumer)
    elif kind == "test.go":
        yield consumer.send, {"type": "http.response", "status": 200, "body": b"gone"}
    elif kind == "server.wake":
        yield consumer.send, {"type": "http.response", "status": 200, "body": b"awake"}
    elif kind.startswith("websocket."):
        yield from converse(consumer, message)


def answers(consumer: Consumer) -> Iterator[Any]:
    path, send = consumer.state["path"], consumer.send
    whole = {"type": "http.response", "status": 200}
    begin = {**whole, "headers": [(b"x-part", b"1")], "body": PART, "more_body": True}
    if path == "/fields":
        begun = consumer.state["begun"]
        shown = {key: begun[key] for key in ("method", "path", "raw_path", "query_string", "scheme", "http_version")}
        yield send, {**whole, "headers": [(b"x-type", begun["type"].encode())], "body": repr(shown).encode()}
    elif path == "/size":
        yield send, {**whole, "body": b"%d" % consumer.state["size"]}
    elif path == "/parts":
        yield send, begin
        for _ in range(9):
            yield send, {"type": "http.response.body", "body": PART, "more_body": True}
        yield send, {"type": "http.response.body"}
    elif path == "/poll":
        yield consumer.layer.group_add, "polls", consumer.channel
    elif path == "/go":
        yield consumer.layer.send_group, "polls", {"type": "test.go"}
        yield send, whole
    elif path == "/wake":
        yield send, {"type": "server.wake", "after": 0.1}
    elif path == "/raise":
        raise HarbourError("no water")
    elif path == "/raise-later":
        yield send, begin
        raise HarbourError("no more water")
    elif path == "/wrong":
        try:
            yield send, {**whole, "headers": [(b"X-Upper", b"1")]}
        except ValueError as error:
            yield send, {**whole, "body": str(error).encode()}


def converse(consumer: Consumer, message: Message) -> Iterator[Any]:
    send, text = consumer.send, message.get("text")
    if message["type"] == "websocket.connect" and message["path"] == "/reject":
        yield send, {"type": "websocket.reject", "status": 401, "body": b"members only"}
    elif message["type"] == "websocket.connect" and message["path"] == "/raise":
        raise HarbourError("no harbour")
    elif message["type"] == "websocket.connect":
        yield send, {"type": "websocket.accept", "subprotocol": next(iter(message["subprotocols"]), None)}
    elif text == "close":
        yield send, {"type": "websocket.close", "code": 4001, "reason": "goodbye"}
    elif text == "raise":
        raise HarbourError("it sinks")
    elif message["type"] == "websocket.receive":
        yield send, {"type": "websocket.send", "text": text, "bytes": message.get("bytes")}


def served(*, is_async: bool, types: tuple[str, ...]) -> Any:
    return as_asgi(Application(handler, is_async=is_async, types=types), MemoryLayer(), settings=SETTINGS)


asynchronous = served(is_async=True, types=WITH_LIFESPAN)
synchronous = served(is_async=False, types=WITH_LIFESPAN)
asynchronous_alone = served(is_async=True, types=WITH_LIFESPAN[1:])
synchronous_alone = served(is_async=False, types=WITH_LIFESPAN[1:])
