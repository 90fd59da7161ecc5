"""Messages that many tests send."""

from __future__ import annotations

from typing import Any

from seaway.spec import InvalidMessage
from seaway.spec import validate as check
from seaway.spec.schemas import Direction

SOON = 5
"""Seconds of a time-out before which a test must have done something; more only wait, beside all others that do."""

OK: dict[str, Any] = {"type": "http.response", "status": 200, "body": b"ok"}
ACCEPT: dict[str, Any] = {"type": "websocket.accept"}
REJECT: dict[str, Any] = {"type": "websocket.reject"}
CLOSE: dict[str, Any] = {"type": "websocket.close"}


def said(words: str) -> dict[str, Any]:
    """Return the message that sends *words* to a WebSocket."""
    return {"type": "websocket.send", "text": words}


def line(number: int) -> dict[str, Any]:
    """Return an application's message with a number."""
    return {"type": "test.line", "number": number}


def wake(after: float | None) -> dict[str, Any]:
    """Return the wish to be woken in so many seconds; ``None``: not at all."""
    return {"type": "server.wake", "after": after}


def validate(message: Any, direction: Direction | None = None) -> None:
    """Check what a consumer was given, as `seaway.spec.validate` does.

    Raises:
        AssertionError: the server has made a message that is not valid.
    """
    try:
        check(message, direction)
    except InvalidMessage as error:
        raise AssertionError(f"a consumer was given a {message.get('type')!r} that is not valid: {error}") from error
