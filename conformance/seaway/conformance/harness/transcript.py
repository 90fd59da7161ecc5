"""What went to a consumer and came from it, for the texts of failures.

Rules of this module: it keeps messages as they were, and shortens only what it prints.
"""

from __future__ import annotations

import reprlib
from typing import Any

Message = dict[str, Any]

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60
_SHORT.maxdict = _SHORT.maxlist = _SHORT.maxtuple = 4
_HIDDEN = frozenset(
    {"type", "raw_path", "root_path", "scheme", "http_version", "client", "server", "extensions", "headers"}
)
_LAST = 20


class Transcript:
    """The history of one consumer.

    Attributes:
        to_consumer: the messages that it was called with.
        from_consumer: the messages that its `send` accepted.
    """

    def __init__(self) -> None:
        self.to_consumer: list[Message] = []
        self.from_consumer: list[Message] = []
        self._lines: list[str] = []

    def given(self, message: Message) -> None:
        """Note a call."""
        self.to_consumer.append(message)
        self._lines.append(f"  to it:   {_shown(message, _HIDDEN | {'headers'})}")

    def sent(self, message: Message) -> None:
        """Note what it sent."""
        self.from_consumer.append(message)
        self._lines.append(f"  from it: {_shown(message)}")

    def ended(self, how: str) -> None:
        """Note how its call ended."""
        if how != "returned":
            self._lines.append(f"           the call {how}")

    def __str__(self) -> str:
        """Return the last lines."""
        if not self._lines:
            return "  it was not called yet"
        left_out = len(self._lines) - _LAST
        return "\n".join([f"  … {left_out} lines before these"] * (left_out > 0) + self._lines[-_LAST:])


def _shown(message: Message, hidden: frozenset[str] = _HIDDEN) -> str:
    keys = {key: value for key, value in message.items() if key not in hidden and value not in (None, "", b"", [])}
    return f"{message['type']} {', '.join(f'{key}={_SHORT.repr(value)}' for key, value in keys.items())}".rstrip()
