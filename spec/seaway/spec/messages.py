# Generated from the schemas by `python -m seaway.spec.generate`. Do not edit.
"""One class for each message type, generated from the schemas, for those who want types.

The interface itself is dicts: `to_dict` makes one to send, `from_dict` reads one that came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

from attrs import frozen

from seaway.spec import checks
from seaway.spec._message import Message

# A field is called `bytes`: inside its class, that name is no longer the type.
Bytes: TypeAlias = bytes


@frozen(kw_only=True)
class BridgeAck(Message):
    """Acknowledges; the worker's first one answers `bridge.open`.

    Args:
        connection: Names the connection; at least 96 bits of it are random.
        seq: Number of the last numbered message that this side has sent.
        ack: How many numbered messages of the other side are dealt with.
        reply_to: In the worker's first: its channel for this connection.
        window: In the worker's first: how many unacknowledged messages it takes.

    ``bridge.ack``, BRG-003.
    """

    type: ClassVar[str] = "bridge.ack"
    _check = staticmethod(checks.check_bridge_ack)
    connection: str
    seq: int
    ack: int
    reply_to: str | None = None
    window: int | None = None


@frozen(kw_only=True)
class BridgeClose(Message):
    """Ends a connection.

    Args:
        connection: Names the connection; at least 96 bits of it are random.
        seq: Number of this message among what this side sends.
        ack: How many numbered messages of the other side are dealt with.
        message: To the worker: the terminal message of the consumer.
        error: From the worker: what went wrong, its consumer or the bridge.

    ``bridge.close``, BRG-004.
    """

    type: ClassVar[str] = "bridge.close"
    _check = staticmethod(checks.check_bridge_close)
    connection: str
    seq: int
    ack: int
    message: Mapping[str, Any] | None = None
    error: Literal["consumer", "bridge"] | None = None


@frozen(kw_only=True)
class BridgeMessage(Message):
    """A message for the consumer, or from it.

    Args:
        connection: Names the connection; at least 96 bits of it are random.
        seq: Number of this message among what this side sends.
        ack: How many numbered messages of the other side are dealt with.
        message: The message itself.

    ``bridge.message``, BRG-002.
    """

    type: ClassVar[str] = "bridge.message"
    _check = staticmethod(checks.check_bridge_message)
    connection: str
    seq: int
    ack: int
    message: Mapping[str, Any]


@frozen(kw_only=True)
class BridgeOpen(Message):
    """From the front to the named channel: begins a connection.

    Args:
        connection: Names the connection; at least 96 bits of it are random.
        seq: Number of this message: the first.
        ack: Nothing to acknowledge yet.
        reply_to: Channel of the front for this connection.
        protocol: The `type` for the application.
        window: How many unacknowledged messages the front takes.
        message: First message of the consumer.

    ``bridge.open``, BRG-001.
    """

    type: ClassVar[str] = "bridge.open"
    _check = staticmethod(checks.check_bridge_open)
    connection: str
    seq: int
    ack: int = 0
    reply_to: str
    protocol: str
    window: int
    message: Mapping[str, Any]


@frozen(kw_only=True)
class HTTPDisconnect(Message):
    """The terminal message of an HTTP consumer.

    Args:
        complete: Whether the response went out whole.

    ``http.disconnect``, HTTP-004.
    """

    type: ClassVar[str] = "http.disconnect"
    _check = staticmethod(checks.check_http_disconnect)
    complete: bool


@frozen(kw_only=True)
class HTTPRequest(Message):
    """The first message of an HTTP consumer: a request, with its whole body or the first part of it.

    Args:
        method: Method of the request, in the case in which it was sent.
        path: Path of the request target, percent-decoded, UTF-8.
        raw_path: Path of the request target as it was sent, without the query.
        query_string: What followed `?` in the request target, as it was sent.
        root_path: Prefix of `path` under which the application is mounted.
        scheme: Scheme of the request.
        http_version: Version of HTTP that the request came with.
        headers: Header fields, in the order of arrival.
        client: Host and port of the peer; null where they are not known, as on a Unix socket.
        server: Host and port that was connected to, or the path of a Unix socket and null; null where it is not known.
        body: The whole body, or its first part.
        more_body: Whether parts of the body follow, as `http.request.body`.
        extensions: What is offered on this connection beyond the interface, by name, and the version of the interface
            itself.
        tls: What is known of the TLS connection; null without TLS.

    ``http.request``, HTTP-001.
    """

    type: ClassVar[str] = "http.request"
    _check = staticmethod(checks.check_http_request)
    method: str
    path: str
    raw_path: Bytes
    query_string: Bytes = b""
    root_path: str = ""
    scheme: Literal["http", "https"] = "http"
    http_version: Literal["1.0", "1.1", "2"]
    headers: Sequence[Sequence[Bytes]]
    client: Sequence[Any] | None = None
    server: Sequence[Any] | None = None
    body: Bytes = b""
    more_body: bool = False
    extensions: Mapping[str, Any]
    tls: Mapping[str, Any] | None = None


@frozen(kw_only=True)
class HTTPRequestBody(Message):
    """A further part of a request body.

    Args:
        body: This part.
        more_body: Whether another part follows.

    ``http.request.body``, HTTP-002.
    """

    type: ClassVar[str] = "http.request.body"
    _check = staticmethod(checks.check_http_request_body)
    body: Bytes = b""
    more_body: bool = False


@frozen(kw_only=True)
class HTTPRequestTrailers(Message):
    """The trailer fields of a request, after its body.

    Args:
        headers: Trailer fields, in the order of arrival.

    ``http.request.trailers``, HTTP-003.
    """

    type: ClassVar[str] = "http.request.trailers"
    _check = staticmethod(checks.check_http_request_trailers)
    headers: Sequence[Sequence[Bytes]]


@frozen(kw_only=True)
class HTTPResponse(Message):
    """Begins the response; with the defaults it is the whole response.

    Args:
        status: Status code of a final response.
        headers: Header fields, sent in this order.
        body: The whole body, or its first part.
        more_body: Whether parts of the body follow, as `http.response.body`.
        trailers: Whether trailer fields follow the body, as `http.response.trailers`.

    ``http.response``, HTTP-021.
    """

    type: ClassVar[str] = "http.response"
    _check = staticmethod(checks.check_http_response)
    status: int
    headers: Sequence[Sequence[Bytes]] = ()
    body: Bytes = b""
    more_body: bool = False
    trailers: bool = False


@frozen(kw_only=True)
class HTTPResponseBody(Message):
    """A further part of the response body.

    Args:
        body: This part.
        more_body: Whether another part follows.

    ``http.response.body``, HTTP-022.
    """

    type: ClassVar[str] = "http.response.body"
    _check = staticmethod(checks.check_http_response_body)
    body: Bytes = b""
    more_body: bool = False


@frozen(kw_only=True)
class HTTPResponseFile(Message):
    """The rest of the response body, from a file; an extension, announced as `http.response.file`.

    Args:
        path: Absolute path on the server's machine.
        offset: First byte to send.
        count: How many bytes to send; null sends all up to the end of the file.

    ``http.response.file``, HTTP-025.
    """

    type: ClassVar[str] = "http.response.file"
    _check = staticmethod(checks.check_http_response_file)
    path: str
    offset: int = 0
    count: int | None = None


@frozen(kw_only=True)
class HTTPResponseInformational(Message):
    """An interim response, before `http.response`.

    Args:
        status: Status code of an interim response; 101 is the server's.
        headers: Header fields, sent in this order.

    ``http.response.informational``, HTTP-024.
    """

    type: ClassVar[str] = "http.response.informational"
    _check = staticmethod(checks.check_http_response_informational)
    status: int
    headers: Sequence[Sequence[Bytes]] = ()


@frozen(kw_only=True)
class HTTPResponseTrailers(Message):
    """The trailer fields that `http.response` announced; they end the response.

    Args:
        headers: Trailer fields, sent in this order.

    ``http.response.trailers``, HTTP-023.
    """

    type: ClassVar[str] = "http.response.trailers"
    _check = staticmethod(checks.check_http_response_trailers)
    headers: Sequence[Sequence[Bytes]] = ()


@frozen(kw_only=True)
class HTTP2Reset(Message):
    """To a consumer: the client has reset the stream. From it: reset the stream.

    Args:
        error_code: Error code of RST_STREAM (RFC 9113 section 7).

    ``http2.reset``, H2-001.
    """

    type: ClassVar[str] = "http2.reset"
    _check = staticmethod(checks.check_http2_reset)
    error_code: int


@frozen(kw_only=True)
class LayerGap(Message):
    """Messages from the layer are missing at this position, or with `lost` here or before.

    Args:
        reason: Why: a bound was reached, they waited too long, or they cannot be shown to be complete.
        dropped: How many; null if it cannot be known.

    ``layer.gap``, GAP-001.
    """

    type: ClassVar[str] = "layer.gap"
    _check = staticmethod(checks.check_layer_gap)
    reason: Literal["overflow", "expired", "lost"]
    dropped: int | None = None


@frozen(kw_only=True)
class LifespanShutdown(Message):
    """The terminal message of a lifespan consumer: clean up.

    ``lifespan.shutdown``, LIF-002.
    """

    type: ClassVar[str] = "lifespan.shutdown"
    _check = staticmethod(checks.check_lifespan_shutdown)


@frozen(kw_only=True)
class LifespanStartup(Message):
    """The first message of a lifespan consumer: get ready. A call that returns means ready.

    Args:
        extensions: What is offered on this connection beyond the interface, by name, and the version of the interface
            itself.

    ``lifespan.startup``, LIF-001.
    """

    type: ClassVar[str] = "lifespan.startup"
    _check = staticmethod(checks.check_lifespan_startup)
    extensions: Mapping[str, Any]


@frozen(kw_only=True)
class ServerDrain(Message):
    """The server is going to close this connection.

    Args:
        reason: Why: the server stops, has too much to do, or the connection is as old as it may get.
        grace: Seconds that remain before the server closes the connection.

    ``server.drain``, SRV-001.
    """

    type: ClassVar[str] = "server.drain"
    _check = staticmethod(checks.check_server_drain)
    reason: Literal["shutdown", "overload", "max_age"]
    grace: float


@frozen(kw_only=True)
class ServerWakeFrom(Message):
    """Asks to be called with `server.wake` later, or cancels that.

    Args:
        after: Seconds until then; null cancels the wake-up that is due.

    ``server.wake``, SRV-018.
    """

    type: ClassVar[str] = "server.wake"
    _check = staticmethod(checks.check_server_wake_from)
    after: float | None


@frozen(kw_only=True)
class ServerWakeTo(Message):
    """The time that the consumer asked for has come.

    ``server.wake``, SRV-019.
    """

    type: ClassVar[str] = "server.wake"
    _check = staticmethod(checks.check_server_wake_to)


@frozen(kw_only=True)
class TaskStop(Message):
    """The terminal message of a task consumer.

    ``task.stop``, TASK-001.
    """

    type: ClassVar[str] = "task.stop"
    _check = staticmethod(checks.check_task_stop)


@frozen(kw_only=True)
class WebSocketAccept(Message):
    """Accepts the WebSocket.

    Args:
        subprotocol: The one of the offered subprotocols that was chosen; null for none.
        headers: Header fields of the answer to the handshake, beside its own, sent in this order.

    ``websocket.accept``, WS-011.
    """

    type: ClassVar[str] = "websocket.accept"
    _check = staticmethod(checks.check_websocket_accept)
    subprotocol: str | None = None
    headers: Sequence[Sequence[Bytes]] = ()


@frozen(kw_only=True)
class WebSocketClose(Message):
    """Closes an accepted WebSocket.

    Args:
        code: A WebSocket close code that may stand in a close frame (RFC 6455 section 7.4).
        reason: Why, in at most 123 bytes of UTF-8 (RFC 6455 section 5.5.1).

    ``websocket.close``, WS-014.
    """

    type: ClassVar[str] = "websocket.close"
    _check = staticmethod(checks.check_websocket_close)
    code: int = 1000
    reason: str = ""


@frozen(kw_only=True)
class WebSocketConnect(Message):
    """The first message of a WebSocket consumer: an opening handshake that waits for an answer.

    Args:
        path: Path of the request target, percent-decoded, UTF-8.
        raw_path: Path of the request target as it was sent, without the query.
        query_string: What followed `?` in the request target, as it was sent.
        root_path: Prefix of `path` under which the application is mounted.
        scheme: Scheme of the WebSocket URL.
        http_version: Version of HTTP that the request came with.
        headers: Header fields, in the order of arrival.
        client: Host and port of the peer; null where they are not known, as on a Unix socket.
        server: Host and port that was connected to, or the path of a Unix socket and null; null where it is not known.
        subprotocols: Subprotocols that the client offers, the one it likes best first.
        extensions: What is offered on this connection beyond the interface, by name, and the version of the interface
            itself.
        tls: What is known of the TLS connection; null without TLS.

    ``websocket.connect``, WS-001.
    """

    type: ClassVar[str] = "websocket.connect"
    _check = staticmethod(checks.check_websocket_connect)
    path: str
    raw_path: Bytes
    query_string: Bytes = b""
    root_path: str = ""
    scheme: Literal["ws", "wss"] = "ws"
    http_version: Literal["1.1", "2"]
    headers: Sequence[Sequence[Bytes]]
    client: Sequence[Any] | None = None
    server: Sequence[Any] | None = None
    subprotocols: Sequence[str] = ()
    extensions: Mapping[str, Any]
    tls: Mapping[str, Any] | None = None


@frozen(kw_only=True)
class WebSocketDisconnect(Message):
    """The terminal message of a WebSocket consumer.

    Args:
        code: Close code of the first close frame; 1005 if it had none, 1006 if there was no close frame.
        reason: Reason of that close frame.

    ``websocket.disconnect``, WS-003.
    """

    type: ClassVar[str] = "websocket.disconnect"
    _check = staticmethod(checks.check_websocket_disconnect)
    code: int
    reason: str = ""


@frozen(kw_only=True)
class WebSocketReceive(Message):
    """A message from the client.

    Args:
        text: Content of a text message; null when it is binary.
        bytes: Content of a binary message; null when it is text.

    ``websocket.receive``, WS-002.
    """

    type: ClassVar[str] = "websocket.receive"
    _check = staticmethod(checks.check_websocket_receive)
    text: str | None = None
    bytes: Bytes | None = None


@frozen(kw_only=True)
class WebSocketReject(Message):
    """Refuses the WebSocket with an HTTP response.

    Args:
        status: Status code of the refusal.
        headers: Header fields, sent in this order.
        body: Body of the refusal.

    ``websocket.reject``, WS-012.
    """

    type: ClassVar[str] = "websocket.reject"
    _check = staticmethod(checks.check_websocket_reject)
    status: int = 403
    headers: Sequence[Sequence[Bytes]] = ()
    body: Bytes = b""


@frozen(kw_only=True)
class WebSocketSend(Message):
    """A message to the client; before `websocket.accept` it accepts.

    Args:
        text: Content of a text message; null when it is binary.
        bytes: Content of a binary message; null when it is text.

    ``websocket.send``, WS-013.
    """

    type: ClassVar[str] = "websocket.send"
    _check = staticmethod(checks.check_websocket_send)
    text: str | None = None
    bytes: Bytes | None = None


MESSAGES: dict[str, type[Message]] = {
    "bridge.ack": BridgeAck,
    "bridge.close": BridgeClose,
    "bridge.message": BridgeMessage,
    "bridge.open": BridgeOpen,
    "http.disconnect": HTTPDisconnect,
    "http.request": HTTPRequest,
    "http.request.body": HTTPRequestBody,
    "http.request.trailers": HTTPRequestTrailers,
    "http.response": HTTPResponse,
    "http.response.body": HTTPResponseBody,
    "http.response.file": HTTPResponseFile,
    "http.response.informational": HTTPResponseInformational,
    "http.response.trailers": HTTPResponseTrailers,
    "http2.reset": HTTP2Reset,
    "layer.gap": LayerGap,
    "lifespan.shutdown": LifespanShutdown,
    "lifespan.startup": LifespanStartup,
    "server.drain": ServerDrain,
    "server.wake.from": ServerWakeFrom,
    "server.wake.to": ServerWakeTo,
    "task.stop": TaskStop,
    "websocket.accept": WebSocketAccept,
    "websocket.close": WebSocketClose,
    "websocket.connect": WebSocketConnect,
    "websocket.disconnect": WebSocketDisconnect,
    "websocket.receive": WebSocketReceive,
    "websocket.reject": WebSocketReject,
    "websocket.send": WebSocketSend,
}
"""The class of each message type, by the name of its schema."""
