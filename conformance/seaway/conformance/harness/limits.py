"""The limits and time-outs of a harness: those of a server, with the names and defaults of SRV-033."""

from __future__ import annotations

from attrs import frozen


@frozen
class Limits:
    """What a server lets its operator set, as far as a consumer can notice it. Seconds of the harness's clock, bytes.

    Args:
        body_buffer: a request body of at most so many bytes comes whole (HTTP-013).
        response_timeout: a request whose response has not begun by then is answered with 503 (HTTP-049).
        handshake_timeout: a WebSocket that is neither accepted nor rejected by then is answered with 503 (WS-026).
        send_timeout: a client that takes nothing for so long is closed (CON-064).
        grace: a call that runs for so long after its connection has ended is cancelled (CON-059).
        websocket_max_size: a message of more bytes closes the WebSocket with 1009 (WS-039).
        socket_messages: bound of the mailbox for the client's messages (CON-037).
        socket_bytes: as `socket_messages`, in bytes.
        layer_messages: bound of the mailbox for the layer's messages (CON-037).
        layer_bytes: as `layer_messages`, in bytes.
    """

    body_buffer: int = 65_536
    response_timeout: float = 60.0
    handshake_timeout: float = 10.0
    send_timeout: float = 30.0
    grace: float = 10.0
    websocket_max_size: int = 1_048_576
    socket_messages: int = 16
    socket_bytes: int = 65_536
    layer_messages: int = 100
    layer_bytes: int = 1_048_576
