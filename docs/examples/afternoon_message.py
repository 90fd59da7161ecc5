"""What a layer and a server both have to know: names, the values of a message, and the JSON form."""

import json
import math
import re
import reprlib
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import Any

NAME = "[A-Za-z0-9_.-]+"
TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
RESERVED = ("http.", "http2.", "websocket.", "lifespan.", "task.", "server.", "layer.", "bridge.")
BYTES = "$bytes"


def check_name(name: object, grammar: str, rule: str) -> str:
    """Return a channel or group name, or raise ``ValueError``; LAY-003 bounds them all."""
    if not isinstance(name, str) or not re.fullmatch(grammar, name):
        raise ValueError(f"expected a name, got {reprlib.repr(name)} ({rule})")
    if len(name) > 200:
        raise ValueError(f"expected at most 200 characters, got {len(name)} (LAY-003)")
    return str.__str__(name)


def plain(value: Any, where: str = "", depth: int = 1) -> Any:
    """Return the JSON form of a value, in base types and sharing nothing; the message itself is at depth 1."""

    def need(fine: bool, expected: str, rule: str) -> None:
        if not fine:
            raise ValueError(f"{where[:80] or 'message'}: expected {expected}, got {reprlib.repr(value)[:90]} ({rule})")

    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        need(-(2**63) <= value < 2**63, "an int of 64 bits", "MSG-004")
        return int.__int__(value)
    if isinstance(value, float):
        need(math.isfinite(value), "a finite number", "MSG-005")
        return float.__float__(value)
    if isinstance(value, str):
        need(not re.search("[\ud800-\udfff]", value), "text without lone surrogates", "MSG-006")
        return str.__str__(value)
    if isinstance(value, bytes):
        return {BYTES: b64encode(value).decode()}
    need(isinstance(value, list | tuple | dict), "one of the types that a message may hold", "MSG-003")
    need(depth <= 32, "at most 32 levels", "MSG-008")
    if not isinstance(value, dict):
        return [plain(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
    for key in value:
        need(isinstance(key, str), "keys that are text", "MSG-007")
        need(not key.startswith("$"), "keys that do not begin with $", "MSG-009")
    return {plain(key, where): plain(item, f"{where}.{key}".lstrip("."), depth + 1) for key, item in value.items()}


def encode(message: Any) -> bytes:
    """Return the JSON form of a message, or raise ``ValueError`` that names the rule it breaks."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ValueError("type: expected a dict with a `type` that is text (MSG-001)")
    if not TYPE.fullmatch(message["type"]):
        raise ValueError(f"type: expected words joined by dots, got {message['type'][:90]!r} (MSG-002)")
    return json.dumps(plain(message), ensure_ascii=False, separators=(",", ":")).encode()


def decode(data: bytes | str) -> Any:
    """Return what the JSON form stands for; `encode` tells whether that is a message."""

    def unfold(pairs: list[tuple[str, Any]]) -> Any:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("expected each key once in an object (MSG-031)")
        if BYTES not in found:
            return found
        with suppress(ValueError, TypeError):
            value = b64decode(found[BYTES], validate=True)
            if found == {BYTES: b64encode(value).decode()}:
                return value
        raise ValueError("expected canonical base64 and no other key (MSG-029)")

    try:
        return json.loads(data, object_pairs_hook=unfold)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"expected one JSON object in UTF-8: {error} (MSG-032)") from None
