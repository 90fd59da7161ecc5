"""Messages that many tests send."""

from __future__ import annotations

from typing import Any

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
