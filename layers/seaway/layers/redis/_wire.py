"""What an object of ours writes to the broker, and reads from it: heads of entries, and payloads.

Rules of this module: no I/O. Both flavours use it, so there is one wire format. What cannot be decoded is `None`, never
an exception: a broker holds what anybody wrote there (SEC-010).

An entry of an inbox has one field: its name is the head (format, kind, milliseconds until it expires, and a local name
or a group), its value the payload. An entry of a list is a deadline, the format and the payload.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import attrs
import msgspec

from seaway.layers.base import Message, decode

Command = tuple[Any, ...]
Id = tuple[int, int]
"""The id of an entry of a stream: milliseconds of the broker's clock, and a number."""

PLAIN, ENCRYPTED = b"1", b"2"
_CACHED_HEADS = 4096
_FOR_EVER = 1e9
_LONGEST_HEAD = 512


@attrs.frozen
class Head:
    """What stands before a payload: whether *target* is a group or a local name, and *life*, in seconds."""

    is_group: bool
    life: float
    target: str
    encrypted: bool


class Codec:
    """Payloads and heads.

    Args:
        keys: Fernet keys (SEC-013): the first encrypts, any decrypts; none: nothing is encrypted.

    Attributes:
        heads: those that `head` has read lately.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._format = PLAIN
        self._fernet: Any = None
        self.heads: dict[bytes, Head | None] = {}
        self._made: dict[tuple[float, str], bytes] = {}
        if keys:
            self._fernet = _fernet(keys)
            self._format = ENCRYPTED

    def seal(self, encoded: bytes) -> bytes:
        """Return what is written for a message that is *encoded*."""
        if self._fernet is None:
            return encoded
        sealed: bytes = self._fernet.encrypt(encoded)
        return sealed

    def local_head(self, life: float, target: str) -> bytes:
        """Return what stands before a message for *target*, a local name, that expires after *life* seconds."""
        try:
            return self._made[life, target]
        except KeyError:
            pass
        if len(self._made) >= _CACHED_HEADS:
            self._made.clear()
        head = self._made[life, target] = b"%bc%d:%b" % (self._format, milliseconds(life), target.encode())
        return head

    def group_head(self, life: float, group: str) -> bytes:
        """Return what stands before a message for *group*."""
        return b"%bg%d:%b" % (self._format, milliseconds(life), group.encode())

    def in_list(self, encoded: bytes) -> bytes:
        """Return what a list holds for a message."""
        return self._format + self.seal(encoded)

    def from_list(self, payload: bytes) -> Message | None:
        return self.message(payload[:1] == ENCRYPTED, payload[1:]) if payload[:1] in (PLAIN, ENCRYPTED) else None

    def head(self, field: bytes) -> Head | None:
        """Return what the name of an entry's field says."""
        try:
            return self.heads[field]
        except KeyError:
            pass
        if len(self.heads) >= _CACHED_HEADS:
            self.heads.clear()
        head = _parse_head(field)
        if head is not None:  # what is none may be of any length
            self.heads[field] = head
        return head

    def encoded(self, encrypted: bool, payload: bytes) -> bytes | None:
        """Return the encoding of a message; the refusal of a wrong key is ``None``."""
        if not encrypted:
            return payload
        if self._fernet is None:
            return None
        try:
            opened: bytes = self._fernet.decrypt(payload)
        except Exception:  # InvalidToken of a package that may not be installed
            return None
        return opened

    def message(self, encrypted: bool, payload: bytes) -> Message | None:
        encoded = self.encoded(encrypted, payload) if encrypted else payload
        if encoded is None:
            return None
        try:
            message = decode(encoded)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None
        return message if type(message) is dict and type(message.get("type")) is str else None


def _fernet(keys: tuple[str, ...]) -> Any:
    try:
        from cryptography.fernet import Fernet, MultiFernet
    except ImportError as error:
        raise ValueError("encryption_keys: needs the package 'cryptography'; install seaway[encryption]") from error
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise ValueError("encryption_keys: expected keys made by cryptography.fernet.Fernet.generate_key()") from None


def _parse_head(field: bytes) -> Head | None:
    try:
        text = field.decode("ascii")
        life, mark, target = text[2:].partition(":")
        if text[0] not in "12" or text[1] not in "cg" or not mark or len(text) > _LONGEST_HEAD or not life.isdigit():
            return None
        return Head(text[1] == "g", int(life) / 1000, target, text[0] == "2")
    except (ValueError, IndexError):
        return None


def milliseconds(seconds: float) -> int:
    """Return *seconds* as the broker counts: rounded up, for nothing expires early; a life of 30 years is for ever."""
    return ceil(min(seconds, _FOR_EVER) * 1000)


def parse_id(text: bytes) -> Id:
    ms, _, number = text.partition(b"-")
    return int(ms), int(number)


def show_id(id_: Id) -> str:
    return f"{id_[0]}-{id_[1]}"
