"""Mutants of what a message may be and how it arrives."""

from __future__ import annotations

from typing import Any

import anyio

from seaway.conformance.zoo.broker import Entry, Message
from seaway.conformance.zoo.model import ModelLayer
from seaway.conformance.zoo.mutants import breaks
from seaway.spec import InvalidMessage


def changed(value: Any, change: Any) -> Any:
    """Return *value* with *change* made to everything in it, containers last."""
    if type(value) is dict:
        value = {key: changed(item, change) for key, item in value.items()}
    elif type(value) in (list, tuple):
        value = type(value)(changed(item, change) for item in value)
    return change(value)


class _ReadsOtherwise(ModelLayer):
    """Changes a message before it is checked."""

    def check_message(self, message: Any) -> Message:
        """Check what `change` makes of it."""
        return super().check_message(changed(message, self.change) if type(message) is dict else message)

    def change(self, value: Any) -> Any:
        """Return what is put in the place of *value*."""
        return value


@breaks("MSG-005", "MSG-011", "MSG-012", "MSG-013", "SEC-012")
class AcceptsNan(_ReadsOtherwise):
    """A float that is not finite is sent as 0."""

    def change(self, value: Any) -> Any:
        return 0.0 if type(value) is float and value - value != 0 else value


@breaks("MSG-004", "MSG-012", "MSG-013")
class WrapsInts(_ReadsOtherwise):
    """An int beyond 64 bits is cut."""

    def change(self, value: Any) -> Any:
        return value % 2**63 if type(value) is int and not -(2**63) <= value < 2**63 else value


@breaks("MSG-006", "MSG-012", "SEC-012")
class ReplacesSurrogates(_ReadsOtherwise):
    """A lone surrogate is replaced by a question mark."""

    def change(self, value: Any) -> Any:
        if type(value) is dict:
            return {key.encode(errors="replace").decode() if type(key) is str else key: value[key] for key in value}
        return value.encode(errors="replace").decode() if type(value) is str else value


@breaks("MSG-007", "MSG-011", "MSG-012")
class StringifiesKeys(_ReadsOtherwise):
    """Keys that are no str are made one."""

    def change(self, value: Any) -> Any:
        if type(value) is dict:
            return {key if isinstance(key, str) else f"key {key!r}": item for key, item in value.items()}
        return value


@breaks("MSG-009", "MSG-012")
class AcceptsDollarKeys(_ReadsOtherwise):
    """A key that begins with a dollar loses it."""

    def change(self, value: Any) -> Any:
        if type(value) is dict:
            return {key.lstrip("$") if isinstance(key, str) else key: item for key, item in value.items()}
        return value


@breaks("MSG-010", "MSG-011")
class AcceptsBytearray(_ReadsOtherwise):
    """A bytearray or memoryview is sent as bytes."""

    def change(self, value: Any) -> Any:
        return bytes(value) if isinstance(value, (bytearray, memoryview)) else value


@breaks("MSG-003")
class AcceptsSets(_ReadsOtherwise):
    """A set is sent as a list."""

    def change(self, value: Any) -> Any:
        return sorted(value) if isinstance(value, (set, frozenset)) else value


@breaks("MSG-002")
class MatchesTypesLoosely(ModelLayer):
    """A type may end in a newline."""

    def check_message(self, message: Any) -> Message:
        if type(message) is dict and type(kind := message.get("type")) is str:
            message = {**message, "type": kind.removesuffix("\n")}
        return super().check_message(message)


@breaks("MSG-008", "MSG-012")
class CutsDepth(ModelLayer):
    """What is nested too deep is cut off."""

    def check_message(self, message: Any) -> Message:
        return super().check_message(self._cut(message, 1) if type(message) is dict else message)

    def _cut(self, value: Any, depth: int) -> Any:
        if depth > 32 and type(value) in (dict, list):
            return None
        if type(value) is dict:
            return {key: self._cut(item, depth + 1) for key, item in value.items()}
        return [self._cut(item, depth + 1) for item in value] if type(value) is list else value


@breaks("MSG-021", "MSG-012")
class SendsReservedTypes(ModelLayer):
    """Anybody may send a message of a reserved type."""

    def check_message(self, message: Any) -> Message:
        if type(message) is dict and str(message.get("type")).startswith(("http.", "websocket.", "http2.")):
            return {**super().check_message({**message, "type": "test.message"}), "type": message["type"]}
        return super().check_message(message)


@breaks("MSG-021")
class RefusesBridge(ModelLayer):
    """The types of the bridge are refused like the other reserved ones."""

    def check_message(self, message: Any) -> Message:
        copy = super().check_message(message)
        if copy["type"].startswith("bridge."):
            raise InvalidMessage("type", "a type without reserved prefix", copy["type"], "MSG-021")
        return copy


@breaks("MSG-012", "MSG-013")
class SaysNothing(ModelLayer):
    """An error about a message names neither requirement nor field."""

    def check_message(self, message: Any) -> Message:
        try:
            return super().check_message(message)
        except ValueError:
            raise ValueError("the message is not valid") from None


@breaks("SEC-012")
class QuotesEverything(ModelLayer):
    """An error about a message quotes all of it."""

    def check_message(self, message: Any) -> Message:
        try:
            return super().check_message(message)
        except ValueError as error:
            raise ValueError(f"{error}: {message!r}") from None


@breaks("MSG-001")
class TakesAnyMapping(ModelLayer):
    """Whatever has keys is taken for a dict."""

    def check_message(self, message: Any) -> Message:
        return super().check_message(dict(message) if hasattr(message, "keys") else message)


@breaks("MSG-011", "MSG-001")
class RaisesTypeError(ModelLayer):
    """What is no dict at all raises TypeError."""

    def check_message(self, message: Any) -> Message:
        if not isinstance(message, dict):
            raise TypeError("expected a dict")
        return super().check_message(message)


@breaks("MSG-014", "MSG-016")
class FloatsBecomeInts(ModelLayer):
    """A float without a fraction arrives as an int, as through careless JSON."""

    def isolate(self, message: Message) -> Message:
        arrived: Message = changed(message, self._cut)
        return arrived

    def _cut(self, value: Any) -> Any:
        return int(value) if type(value) is float and value.is_integer() else value


@breaks("MSG-014")
class DropsOddKeys(ModelLayer):
    """Keys that are no identifiers do not arrive."""

    def isolate(self, message: Message) -> Message:
        copy = super().isolate(message)
        return {key: value for key, value in copy.items() if key.replace("_", "").isalnum() and key.isascii()}


@breaks("MSG-015")
class RefusesTuples(ModelLayer):
    """A tuple is refused."""

    def check_message(self, message: Any) -> Message:
        changed(message, self._refuse)
        return super().check_message(message)

    def _refuse(self, value: Any) -> Any:
        if type(value) is tuple:
            raise ValueError("a tuple (MSG-003)")
        return value


@breaks("MSG-016")
class RefusesSubclasses(ModelLayer):
    """A value of a subclass is refused."""

    def check_message(self, message: Any) -> Message:
        changed(message, self._refuse)
        return super().check_message(message)

    def _refuse(self, value: Any) -> Any:
        allowed = (bool, int, str, float, bytes, dict, list, tuple)
        if isinstance(value, allowed) and type(value) not in allowed:
            raise ValueError(f"{type(value).__name__} (MSG-003)")
        return value


@breaks("LAY-101")
class TakesReplyChannels(ModelLayer):
    """A reply_channel is sent like any other key."""

    def check_message(self, message: Any) -> Message:
        if type(message) is dict and "reply_channel" in message:
            reply = message["reply_channel"]
            rest = {key: value for key, value in message.items() if key != "reply_channel"}
            return {**super().check_message(rest), "reply_channel": reply}
        return super().check_message(message)


@breaks("LAY-030")
class ReadsLate(ModelLayer):
    """The message is read after the call has first suspended."""

    async def send(self, channel: str, message: Message) -> None:
        await anyio.lowlevel.checkpoint()
        await super().send(channel, message)


@breaks("LAY-094")
class SharesWithinGroups(ModelLayer):
    """All members of a group get one and the same message."""

    def isolate(self, message: Message) -> Message:
        return message


@breaks("LAY-094", "LAY-030")
class SharesWithTheSender(ModelLayer):
    """A list in a message is the sender's own."""

    def check_message(self, message: Any) -> Message:
        copy = super().check_message(message)
        for key, value in copy.items():
            if type(value) is list and type(message[key]) is list and repr(value) == repr(message[key]):
                copy[key] = message[key]
        return copy

    def isolate(self, message: Message) -> Message:
        return {
            key: value if type(value) is list else super(SharesWithTheSender, self).isolate({"v": value})["v"]
            for key, value in message.items()
        }


@breaks("LAY-035", "MSG-007", "MSG-011", "MSG-012")
class AcceptsPoison(StringifiesKeys):
    """A key that is no str is accepted, and what cannot be decoded stays at the head of the channel."""

    def pop_normal(self, name: str) -> Entry | None:
        queue = self.space.channels.get(name)
        if queue and "key 1" in repr(queue[0].message):
            return None
        return super().pop_normal(name)


@breaks("LAY-033", "LAY-010", "LAY-034")
class TakesAnySize(ModelLayer):
    """Size is not looked at in send."""

    async def send(self, channel: str, message: Message) -> None:
        limit, self.max_message_size = self.max_message_size, 2**40
        try:
            await super().send(channel, message)
        finally:
            self.max_message_size = limit


@breaks("LAY-033")
class TakesAnySizeInGroups(ModelLayer):
    """Size is not looked at in send_group."""

    async def send_group(self, group: str, message: Message) -> None:
        limit, self.max_message_size = self.max_message_size, 2**40
        try:
            await super().send_group(group, message)
        finally:
            self.max_message_size = limit


@breaks("LAY-034")
class CountsBytesFourTimes(ModelLayer):
    """bytes count four times, as in a careless text form."""

    def size(self, message: Message) -> int:
        size = super().size(message)
        if size + 3 * sum(len(value) for value in message.values() if type(value) is bytes) > self.max_message_size:
            raise self.MessageTooLarge("bytes")
        return size
