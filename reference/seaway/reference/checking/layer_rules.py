"""What both flavours of a checked layer share: the rules for its calls.

Rules of this file: it waits for nothing and calls no method of the layer. Whoever calls a layer is the *caller*.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import define

from seaway.spec import RESERVED_PREFIXES, InvalidMessage, check_channel, check_group, inbox_of, validate

from .delivery import received_faults, size_bounds, statistics_fault
from .report import Report, requirement_in

__all__ = ["Call", "CheckedLayer"]

Fault = tuple[str, str]
"""A requirement and what has broken it."""

_FORBIDDEN = tuple(prefix for prefix in RESERVED_PREFIXES if prefix != "bridge.")
_METHODS = {
    "send": "LAY-028",
    "receive": "LAY-039",
    "new_channel": "LAY-057",
    "close_channel": "LAY-063",
    "group_add": "GRP-001",
    "group_discard": "GRP-005",
    "send_group": "GRP-007",
    "close": "LAY-021",
}
_EXTENSIONS = ("flush", "statistics")
_RANDOM = 16  # characters: 96 bits, where each is one of 65 (LAY-059)


@define
class Call:
    """One call of a method: the caller's `fault`, if any, and how to check a result.

    `must_refuse`: a layer that takes the call all the same has a fault too.
    """

    method: str
    fault: Fault | None = None
    check: Callable[[Any], Iterator[Fault]] = lambda result: iter(())
    must_refuse: bool = True
    result: Any = None
    message: Any = None
    inboxes: tuple[str, ...] = ()


class CheckedLayer(ABC):
    """What both flavours share. Each has the methods of a layer and sends them through `judged`."""

    interface = "1.0"  # on the class too (LAY-007)

    def __init__(self, layer: Any, raises: bool) -> None:
        self._layer = layer
        self.interface = getattr(layer, "interface", "none")
        self._report = Report(type(layer).__name__, raises)
        self._inboxes: set[str] = set()
        self._ended: set[str] = set()
        self._receiving: Counter[str] = Counter()
        self._closed = False
        for fault in _attribute_faults(layer):
            self._report("layer", *fault)

    def __getattr__(self, name: str) -> Any:
        if name in _EXTENSIONS:
            method = getattr(self._layer, name)
            return lambda: self._extension(name, method)
        return getattr(self._layer, name)

    def __repr__(self) -> str:
        return f"<checked {self._layer!r}>"

    @abstractmethod
    def _extension(self, name: str, method: Callable[[], Any]) -> Any:
        """Call a method of an extension."""

    @contextmanager
    def judged(self, call: Call) -> Iterator[None]:
        """Around a call of the layer: tell the caller's fault, then the layer's, whether it returns or raises."""
        if self._closed and call.method != "close":
            call.fault = ("LAY-022", f"{call.method} of a layer that is closed")
            call.must_refuse = True
        if call.fault is not None:
            self._report("caller", *call.fault)
        self._receiving.update(call.inboxes)
        try:
            yield
        except Exception as error:
            for fault in self._raised(call, error):
                self._report("layer", *fault)
            raise
        finally:
            self._receiving.subtract(call.inboxes)
        if call.fault is not None and call.must_refuse:
            self._report("layer", call.fault[0], f"it took what it must refuse: {call.fault[1]}")
        if call.fault is None:
            for fault in call.check(call.result):
                self._report("layer", *fault)

    def _raised(self, call: Call, error: Exception) -> Iterator[Fault]:
        """What is wrong with an exception out of a layer. The caller's faults have been told, but for those of which
        only the layer knows."""
        layer = self._layer
        if call.method == "send_group" and isinstance(error, layer.ChannelFull):
            yield "GRP-010", "send_group raised ChannelFull"
        elif call.message is not None and isinstance(error, layer.MessageTooLarge):
            largest = size_bounds(call.message)[1]
            if largest <= layer.max_message_size:
                yield "LAY-034", f"{call.method} refused a message of at most {largest} bytes as too large"
        elif isinstance(error, ConnectionError) and call.method in ("close", "close_channel"):
            yield {"close": "LAY-021", "close_channel": "LAY-065"}[call.method], f"{call.method} raised {error!r}"
        elif isinstance(error, ValueError) and call.fault is None and call.message is not None:
            requirement = requirement_in(error)
            if requirement is None:
                yield "MSG-012", f"its ValueError names no requirement: {error}"
            else:
                self._report("caller", requirement, f"the layer refused {call.method}: {error}")

    # -- the calls -----------------------------------------------------------------------------------------

    def _sending(self, method: str, to: Any, message: Any) -> Call:
        fault, must_refuse = _message_fault(message)
        named = _fault_of(check_channel if method == "send" else check_group, to)
        if named is not None:
            fault, must_refuse = named, True

        def check(result: Any) -> Iterator[Fault]:
            yield from _nothing("LAY-028" if method == "send" else "GRP-007", method, result)
            smallest = size_bounds(message)[0]
            if smallest > self._layer.max_message_size:
                yield "LAY-033", f"{method} took a message of at least {smallest} bytes"

        return Call(method, fault, check, must_refuse, message=None if fault else message)

    def _receive(self, channels: Any, timeout: Any) -> Call:
        fault = self._channels_fault(channels) or _timeout_fault(timeout)
        call = Call("receive", fault, lambda result: received_faults(result, channels, timeout))
        if fault is None:
            call.inboxes = tuple({name for name in channels if name.endswith("!")})
            busy = [name for name in call.inboxes if self._receiving[name]]
            if busy:
                call.fault, call.must_refuse = ("LAY-052", f"a second receive on {busy[0]!r} at the same time"), False
        return call

    def _channels_fault(self, channels: Any) -> Fault | None:
        if isinstance(channels, str) or (isinstance(channels, list | tuple) and not channels):
            return "LAY-045", f"receive of {channels!r}; expected a list of one or more channels"
        if not isinstance(channels, list | tuple):
            return "LAY-044", f"receive of {channels!r}; expected a list or a tuple of channels"
        for name in channels:
            fault = _fault_of(check_channel, name)
            if fault is not None:
                return fault
            if inbox_of(name) not in (None, name):
                return "LAY-047", f"receive of {name!r}; expected the name of its inbox"
            if name.endswith("!") and name not in self._inboxes:
                return "LAY-046", f"receive of {name!r}, an inbox that is not this object's"
        return None

    def _new_channel(self, pattern: Any) -> Call:
        fault: Fault | None = None
        if not isinstance(pattern, str) or not pattern.endswith("!") or _fault_of(check_group, pattern[:-1]):
            fault = ("LAY-058", f"new_channel({pattern!r}); expected a name and '!'")

        def check(result: Any) -> Iterator[Fault]:
            prefix = f"{pattern[:-1]}."
            if not isinstance(result, str) or not result.startswith(prefix) or not result.endswith("!"):
                yield "LAY-057", f"new_channel({pattern!r}) returned {result!r}"
                return
            if result in self._inboxes or result in self._ended:
                yield "LAY-057", f"new_channel({pattern!r}) returned a name for the second time"
            if len(result) - len(prefix) - 1 < _RANDOM:
                yield "LAY-059", f"new_channel({pattern!r}) returned a name with less than 96 random bits: {result!r}"
            self._inboxes.add(result)

        return Call("new_channel", fault, check)

    def _close_channel(self, channel: Any) -> Call:
        fault = _fault_of(check_channel, channel)
        if fault is None and inbox_of(channel) not in self._inboxes | self._ended:
            fault = ("LAY-063", f"close_channel({channel!r}), which is not this object's")

        def check(result: Any) -> Iterator[Fault]:
            if channel in self._inboxes:
                self._inboxes.remove(channel)
                self._ended.add(channel)
            return _nothing("LAY-063", "close_channel", result)

        return Call("close_channel", fault, check)

    def _group(self, method: str, group: Any, channel: Any) -> Call:
        fault = _fault_of(check_group, group) or _fault_of(check_channel, channel)
        if fault is None and (channel.endswith("!") or inbox_of(channel) not in self._inboxes):
            fault = ("GRP-002", f"{method} of {channel!r}, which is not a channel under an inbox of this object")
        requirement = _METHODS[method]
        return Call(method, fault, lambda result: _nothing(requirement, method, result))

    def _close(self) -> Call:
        def check(result: Any) -> Iterator[Fault]:
            self._close_for_good()
            return _nothing("LAY-021", "close", result)

        return Call("close", check=check)

    def _close_for_good(self) -> None:
        self._closed = True
        self._ended |= self._inboxes
        self._inboxes.clear()

    def _of_extension(self, name: str) -> Call:
        def check(result: Any) -> Iterator[Fault]:
            if name not in self._layer.extensions:
                yield "LAY-106", f"{name} works and is not announced in `extensions`"
            elif name == "statistics":
                fault = statistics_fault(result)
                if fault is not None:
                    yield "LAY-107", fault

        return Call(name, check=check)


def _attribute_faults(layer: Any) -> Iterator[Fault]:
    kind = type(layer)
    if not isinstance(getattr(layer, "is_async", None), bool) or getattr(kind, "is_async", None) is not layer.is_async:
        yield "LAY-006", "is_async; expected a bool on the class and on the object"
    if getattr(layer, "interface", None) != "1.0" or getattr(kind, "interface", None) != "1.0":
        yield "LAY-007", "interface; expected '1.0' on the class and on the object"
    extensions = getattr(layer, "extensions", None)
    if not isinstance(extensions, frozenset) or not all(isinstance(name, str) for name in extensions):
        yield "LAY-008", f"extensions is {extensions!r}; expected a frozenset of str"
    for name in ("capacity", "expiry", "max_message_size"):
        value = getattr(layer, name, None)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            yield "LAY-009", f"{name} is {value!r}; expected a number above 0"
    errors = [getattr(layer, name, None) for name in ("ChannelFull", "MessageTooLarge")]
    classes = [one for one in errors if isinstance(one, type) and issubclass(one, Exception)]
    if len(classes) < 2:
        yield "LAY-010", "ChannelFull and MessageTooLarge; expected two exception classes"
    else:
        yield from _exception_faults(*classes)
    for name, requirement in _METHODS.items():
        if not callable(getattr(layer, name, None)):
            yield requirement, f"there is no method {name}"


def _exception_faults(full: type[Exception], large: type[Exception]) -> Iterator[Fault]:
    for one, others in ((full, (large, ValueError, ConnectionError)), (large, (full, ValueError, ConnectionError))):
        if issubclass(one, others):
            yield "LAY-011", f"{one.__name__} is a subclass of {one.__mro__[1].__name__}"


def _message_fault(message: Any) -> tuple[Fault | None, bool]:
    """What is wrong with a message that goes in, and whether a layer has to refuse it for that."""
    try:
        validate(message)
    except InvalidMessage as error:
        # The fields of a bridge's message are not the layer's business, nor are those of a reserved type.
        own = error.requirement.startswith("MSG-")
        if own or not message["type"].startswith(_FORBIDDEN):
            return (error.requirement, error.without_requirement), own
    if message["type"].startswith(_FORBIDDEN):
        return ("MSG-021", f"a message of the reserved type {message['type']!r}"), True
    return None, True


def _timeout_fault(timeout: Any) -> Fault | None:
    if timeout is None or (isinstance(timeout, int | float) and not isinstance(timeout, bool) and timeout >= 0):
        return None
    return "LAY-048", f"receive with timeout {timeout!r}; expected None or 0 or more seconds"


def _fault_of(check: Callable[[Any], None], name: Any) -> Fault | None:
    try:
        check(name)
    except ValueError as error:
        return requirement_in(error) or "LAY-001", str(error)
    return None


def _nothing(requirement: str, method: str, result: Any) -> Iterator[Fault]:
    if result is not None:
        yield requirement, f"{method} returned {result!r}; expected None"
