"""Consumers as classes: a message of type ``group.message`` calls the method ``group_message``.

Which method handles which type is worked out in `_handlers`; here are the base classes and what they offer.

Both flavours share every line. What a helper returns is what the server's ``send`` or the layer returned:
an awaitable in an asynchronous consumer, ``None`` in a synchronous one. So nothing here is ``async``, and
nothing comes after a call of ``send``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from seaway.reference._handlers import Handlers, Message, collect, handles

__all__ = ["Consumer", "SyncConsumer", "handles"]

Headers = Iterable[tuple[bytes, bytes]]
Result = TypeVar("Result")


class _DerivedTypes:
    """The attribute ``types`` of an application: what the class handles. A class may set its own instead."""

    def __get__(self, instance: object, owner: type[_Dispatching[Any]]) -> tuple[str, ...]:
        return owner._handlers.protocols()


class _Dispatching(Generic[Result]):
    """What both flavours share: dispatching, and the messages that a consumer may send."""

    is_async: ClassVar[bool]
    types: ClassVar[Any] = _DerivedTypes()
    _handlers: ClassVar[Handlers]

    type: str
    channel_layer: Any
    consumer_channel: str
    send: Callable[[Message], Result]
    kwargs: dict[str, Any]

    def __init__(
        self,
        type: str,
        channel_layer: Any,
        consumer_channel: str,
        send: Callable[[Message], Result],
        **kwargs: Any,
    ) -> None:
        self.type = type
        self.channel_layer = channel_layer
        self.consumer_channel = consumer_channel
        self.send = send
        self.kwargs = kwargs

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "is_async" in vars(cls) and cls.__module__ == __name__:
            return
        cls._handlers = collect(cls, is_async=cls.is_async, helpers=_HELPERS, base_names=_BASE_NAMES)

    def __call__(self, message: Message) -> Result:
        """Give *message* to the method for its type. Other types are ignored, logged once for each type."""
        return self._handlers[message["type"]](self, message)  # type: ignore[no-any-return]

    @classmethod
    def url_arguments(cls) -> frozenset[str]:
        """Return the names that handlers of this class take after the message, and that have no default."""
        return cls._handlers.required

    def accept(self, subprotocol: str | None = None, headers: Headers = ()) -> Result:
        """Accept the WebSocket (``websocket.accept``)."""
        return self.send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": list(headers)})

    def reject(self, status: int = 403, body: bytes = b"", headers: Headers = ()) -> Result:
        """Refuse the WebSocket with an HTTP response, before it is accepted (``websocket.reject``)."""
        return self.send({"type": "websocket.reject", "status": status, "headers": list(headers), "body": body})

    def close(self, code: int = 1000, reason: str = "") -> Result:
        """Close the WebSocket (``websocket.close``). Before it is accepted use `reject`."""
        return self.send({"type": "websocket.close", "code": code, "reason": reason})

    def send_json(self, content: Any) -> Result:
        """Send *content* as JSON, as a text message of the WebSocket. `TypeError`: JSON cannot express it."""
        return self.send({"type": "websocket.send", "text": msgspec.json.encode(content).decode()})

    def respond(self, status: int = 200, body: bytes | str = b"", headers: Headers = ()) -> Result:
        """Answer the HTTP request with a whole response.

        A `str` is sent in UTF-8, as plain text unless *headers* (lower-case names) have a ``content-type``.
        """
        fields = list(headers)
        if isinstance(body, str):
            body = body.encode()
            if b"content-type" not in dict(fields):
                fields.append((b"content-type", b"text/plain; charset=utf-8"))
        return self.send({"type": "http.response", "status": status, "headers": fields, "body": body})

    def respond_json(self, content: Any, status: int = 200, headers: Headers = ()) -> Result:
        """Answer the HTTP request with *content* as JSON. `TypeError`: JSON cannot express it."""
        fields = [(b"content-type", b"application/json"), *headers]
        return self.respond(status, msgspec.json.encode(content), fields)

    def receive_json(self, message: Message) -> Any:
        """Return what *message* says: a ``websocket.receive``, or an ``http.request`` with its whole body.

        Raises:
            ValueError: it is not JSON (the text says where), or the body comes in parts.
        """
        if message.get("more_body"):
            raise ValueError(
                f"receive_json: the body of this {message['type']} comes in parts; join those of "
                "http.request.body until more_body is false, then decode them"
            )
        content = message.get("text")
        if content is None:
            content = message.get("bytes") or message.get("body") or b""
        try:
            return msgspec.json.decode(content)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ValueError(f"receive_json: no JSON in this {message['type']}: {error}") from error

    def group_add(self, group: str) -> Result:
        """Let this consumer get what is sent to *group*, from when this has returned."""
        return self.channel_layer.group_add(group, self.consumer_channel)  # type: ignore[no-any-return]

    def group_discard(self, group: str) -> Result:
        """Leave *group*. Needed only while the connection lives: at its end the server does it."""
        return self.channel_layer.group_discard(group, self.consumer_channel)  # type: ignore[no-any-return]

    def send_group(self, group: str, message: Message) -> Result:
        """Send *message* to every consumer in *group*, in every process, this one included if it is in it."""
        return self.channel_layer.send_group(group, message)  # type: ignore[no-any-return]


class Consumer(_Dispatching[Awaitable[None]]):
    """Base of asynchronous consumers: one object for each connection, one method for each message type.

    A handler is an ``async def`` that takes the message. It may name further arguments and gets them from the
    URL pattern (see `Router`); ``self.kwargs`` has all of them. ``type``, ``channel_layer``,
    ``consumer_channel`` and ``send`` are attributes, as the server gave them.

    An undecorated method name stands for the type with a dot for every underscore; for others see `handles`.
    Methods that handle no messages begin with an underscore. ``types`` is derived from what the class
    handles: one with ``websocket_connect`` and no ``http_request`` takes WebSockets only.

    Making a class raises `TypeError` when two types would share a method name, or when a public method with
    an underscore in its name cannot be a handler: it is not ``async``, or takes no message.
    """

    is_async = True


class SyncConsumer(_Dispatching[None]):
    """Base of synchronous consumers: as `Consumer`, with plain methods, which run in worker threads."""

    is_async = False


_HELPERS = (_Dispatching, Consumer, SyncConsumer, Generic, object)
_BASE_NAMES = frozenset(dir(Consumer)) | frozenset(_Dispatching.__annotations__)
