"""`checked`: any application, of either flavour, with every message and call held to the specification."""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any

from seaway.spec import check_channel, inbox_of

from .conversation import Conversation, Message
from .report import Report

__all__ = ["CheckedApplication", "checked"]

_VIEW = (
    *("send", "send_group", "group_add", "group_discard", "is_async", "interface", "extensions"),
    *("capacity", "expiry", "max_message_size", "ChannelFull", "MessageTooLarge"),
)
_KNOWN_CHANNELS = 10_000
_is_type = re.compile(r"[a-z][a-z0-9_]*").fullmatch


def checked(application: Any, *, raises: bool = False) -> CheckedApplication:
    """Return *application* in a wrapper that checks it and the server that calls it.

    Its flavour and `types` are those of *application*. Checked are the calls (one at a time, the first message first,
    the terminal message once and last, the flavour), the values of every message and whether it may travel now.

    - *raises*: raise `RequirementBroken` too: out of `send` to the application, out of a call to the server. Without
      it everything goes on as it would without the wrapper.

    Violations are logged to `seaway.check`. To send to a client that has gone is none.
    """
    return CheckedApplication(application, raises)


class CheckedApplication:
    """An application that is checked; see `checked`."""

    def __init__(self, application: Any, raises: bool) -> None:
        self._application = application
        self._raises = raises
        self._channels: dict[str, None] = {}

    def __getattr__(self, name: str) -> Any:
        # `is_async` and `types` above all: what the application has not, the wrapper has not.
        return getattr(self._application, name)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call the application, and return its consumer in a wrapper."""
        report = Report("the application call", self._raises)
        if len(arguments) != 4:
            report("server", "CON-001", f"it called with {len(arguments)} positional arguments, expected four")
            return self._application(*arguments, **keywords)
        type_, layer, channel, send = arguments
        report.subject = f"{type_} {channel}"
        is_async = self._flavour(layer, report)
        self._check_call(type_, layer, channel, is_async, report)
        conversation = Conversation(type_, report)
        sender = (_AsyncSend if is_async else _SyncSend)(send, conversation)
        consumer = self._application(type_, layer, channel, sender, **keywords)
        if callable(consumer):
            return (_AsyncConsumer if is_async else _SyncConsumer)(consumer, conversation)
        if inspect.isawaitable(consumer):
            report("application", "CON-004", "the application is a coroutine function; expected an ordinary one")
        else:
            report("application", "CON-003", f"the application returned {consumer!r}; expected a consumer, a callable")
        return consumer

    def _flavour(self, layer: Any, report: Report) -> bool:
        own = getattr(self._application, "is_async", None)
        if own is None:
            return bool(getattr(layer, "is_async", True))
        if not isinstance(own, bool):
            report("application", "CON-013", f"is_async is {own!r}; expected True or False")
        return bool(own)

    def _check_call(self, type_: Any, layer: Any, channel: Any, is_async: bool, report: Report) -> None:
        types = getattr(self._application, "types", None) or ("http", "websocket")
        if not isinstance(type_, str) or not _is_type(type_):
            report("server", "CON-006", f"type is {type_!r}; expected a name such as 'http'")
        elif type_ not in types:
            report("server", "CON-007", f"type is {type_!r}; the application takes {', '.join(sorted(types))}")
        missing = [name for name in _VIEW if not hasattr(layer, name)]
        if missing:
            report("server", "CON-019", f"channel_layer has no {', '.join(missing)}")
        elif layer.is_async is not is_async:
            report("server", "CON-015", f"channel_layer.is_async is {layer.is_async!r}; the application's {is_async}")
        self._check_channel(channel, report)

    def _check_channel(self, channel: Any, report: Report) -> None:
        try:
            check_channel(channel)
        except ValueError as error:
            report("server", "CON-024", f"consumer_channel: {error}")
            return
        if inbox_of(channel) in (None, channel):
            report("server", "CON-024", f"consumer_channel is {channel!r}; expected a process-local name")
        elif channel in self._channels:
            report("server", "CON-025", "consumer_channel was another consumer's")
        self._channels[channel] = None
        if len(self._channels) > _KNOWN_CHANNELS:
            del self._channels[next(iter(self._channels))]


class _Consumer:
    """A consumer that is checked. Nobody but the server holds it: when it is let go, its life is over."""

    def __init__(self, consumer: Any, conversation: Conversation) -> None:
        self._consumer = consumer
        self._conversation = conversation

    def __del__(self) -> None:
        if not sys.is_finalizing():
            self._conversation.end()


class _AsyncConsumer(_Consumer):
    async def __call__(self, message: Message) -> None:
        with self._conversation.call(message):
            result = self._consumer(message)
            if not inspect.isawaitable(result):
                text = f"the consumer returned {result!r}, which cannot be awaited: write `async def`"
                self._conversation.report("application", "CON-017", text)
                raise TypeError(f"{text}, or set `is_async = False` on the application (CON-017)")
            await result


class _SyncConsumer(_Consumer):
    def __call__(self, message: Message) -> Any:
        with self._conversation.call(message):
            result = self._consumer(message)
            if inspect.isawaitable(result):
                text = "the consumer returned something to await: write `def`, not `async def`"
                self._conversation.report("application", "CON-018", text)
            return result


class _Send:
    """What the application gets as `send`."""

    def __init__(self, send: Any, conversation: Conversation) -> None:
        self._send = send
        self._conversation = conversation


class _AsyncSend(_Send):
    async def __call__(self, message: Message) -> None:
        with self._conversation.sending(message):
            result = self._send(message)
            if inspect.isawaitable(result):
                await result
                return
        self._conversation.report("server", "CON-015", f"its send returned {result!r} to an asynchronous application")


class _SyncSend(_Send):
    def __call__(self, message: Message) -> None:
        with self._conversation.sending(message):
            result = self._send(message)
        if inspect.isawaitable(result):
            if inspect.iscoroutine(result):
                result.close()
            self._conversation.report("server", "CON-015", "its send is asynchronous, the application is not")
