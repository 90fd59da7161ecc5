"""What stands behind a foreign server: for each kind of failure the sentence that it breaks.

The sentences are quoted from ASGI's texts and from RFCs 9110, 9112 and 6455, with where they stand. A kind is a script
of `reproduce`, by whose name it stands here; the servers and the requirements stand in the script.
"""

from __future__ import annotations

from seaway.conformance.foreign.promises import Promise

_HOST = Promise(
    "must",
    "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a Host "
    "header field and to any request message that contains more than one Host header field line or a Host header "
    "field with an invalid field value.",
    "RFC 9112, 3.2",
)
_GRAMMAR = Promise(
    "should",
    "a sequence of octets that does not match the HTTP-message grammar ..., the server SHOULD respond with a 400 (Bad "
    "Request) response and close the connection",
    "RFC 9112, 2.2",
)
_REQUEST_LINE = Promise(
    "should",
    "Recipients of an invalid request-line SHOULD respond with either a 400 (Bad Request) error or a 301",
    "RFC 9112, 3",
)
_NOT_CHUNKED = Promise(
    "must",
    "If a Transfer-Encoding header field is present in a request and the chunked transfer coding is not the final "
    "encoding, ... the server MUST respond with the 400 (Bad Request) status code and then close the connection.",
    "RFC 9112, 6.3",
)
_PIPELINED = Promise(
    "must",
    "it MUST send the corresponding responses in the same order that the requests were received",
    "RFC 9112, 9.3.2",
)
_DATE = Promise(
    "must",
    "An origin server with a clock MUST generate a Date header field in all 2xx (Successful), 3xx (Redirection), and "
    "4xx (Client Error) responses",
    "RFC 9110, 6.6.1",
)
_HANDSHAKE = (
    "If the server ... finds that the client did not send a handshake that matches the description below, ... the "
    "server MUST stop processing the client's handshake and return an HTTP response with an appropriate error code "
    "(such as 400 Bad Request). "
)
_DISCONNECT = Promise(
    "must",
    "code (int) -- The WebSocket close code, as per the WebSocket spec.",
    "ASGI, WebSocket disconnect event",
)

PROMISES: dict[str, Promise] = {
    "accept_headers": Promise(
        "must",
        "headers -- ... Order must be preserved in the HTTP response. ... Added in spec version 2.1.",
        "ASGI, WebSocket accept event",
    ),
    "application_close_code": Promise(
        "must",
        "If this is sent after the socket is accepted, the server must close the socket with the close code passed in "
        "the message",
        "ASGI, WebSocket close event",
    ),
    "chunked_to_http_1_0": Promise(
        "must",
        "A server MUST NOT send a response containing Transfer-Encoding unless the corresponding request indicates "
        "HTTP/1.1 (or later minor revisions).",
        "RFC 9112, 6.1",
    ),
    "close_code": _DISCONNECT,
    "close_is_ignored": Promise(
        "must",
        'A server that sends a "close" connection option MUST initiate closure of the connection after it sends the '
        'response containing the "close" connection option. The server MUST NOT process any further requests received '
        "on that connection.",
        "RFC 9112, 9.6",
    ),
    "continue_to_http_1_0": Promise(
        "must",
        "A server that receives a 100-continue expectation in an HTTP/1.0 request MUST ignore that expectation.",
        "RFC 9110, 10.1.1",
    ),
    "denial_204": Promise(
        "must",
        "A server MUST NOT send a Content-Length header field in any response with a status code of 1xx "
        "(Informational) or 204 (No Content).",
        "RFC 9110, 8.6",
    ),
    "denial_without_a_date": _DATE,
    "empty_line_first": Promise(
        "should",
        "a server that is expecting to receive and parse a request-line SHOULD ignore at least one empty line (CRLF) "
        "received prior to the request-line",
        "RFC 9112, 2.2",
    ),
    "empty_text": Promise(
        "must",
        "text -- Text message content, or None. ... Exactly one of bytes or text must be non-None.",
        "ASGI, WebSocket send event",
    ),
    "failed_websocket": Promise(
        "should",
        "the endpoint SHOULD send a Close frame with an appropriate status code before proceeding to Close the "
        "WebSocket Connection",
        "RFC 6455, 7.1.7",
    ),
    "gone_before_accept": Promise(
        "must",
        "Sent to the application when either connection to the client is lost, either from the client closing the "
        "connection, the server closing the connection, or loss of the socket.",
        "ASGI, WebSocket disconnect event",
    ),
    "handshake_http_1_0": Promise(
        "must",
        "A server that receives an Upgrade header field in an HTTP/1.0 request MUST ignore that Upgrade field.",
        "RFC 9110, 7.8",
    ),
    "handshake_key": Promise(
        "must",
        _HANDSHAKE
        + "... A |Sec-WebSocket-Key| header field with a base64-encoded value that, when decoded, is 16 bytes "
        "in length.",
        "RFC 6455, 4.2.1",
    ),
    "handshake_method": Promise("must", _HANDSHAKE + "An HTTP/1.1 or higher GET request", "RFC 6455, 4.2.1"),
    "handshake_with_a_bad_coding": _NOT_CHUNKED,
    "host_invalid": _HOST,
    "host_missing": _HOST,
    "identity_coding": _NOT_CHUNKED,
    "joined_fields": Promise(
        "must",
        "Order should be preserved from the original HTTP request; duplicates are possible and must be preserved in "
        "the message as received.",
        "ASGI, WebSocket connection scope",
    ),
    "large_field": Promise(
        "must",
        "A server that receives a request header field line, field value, or set of fields larger than it wishes to "
        "process MUST respond with an appropriate 4xx (Client Error) status code.",
        "RFC 9110, 5.4",
    ),
    "length_and_coding": Promise(
        "must",
        "A server MAY reject a request that contains both Content-Length and Transfer-Encoding or process such a "
        "request in accordance with the Transfer-Encoding alone. Regardless, the server MUST close the connection "
        "after responding to such a request",
        "RFC 9112, 6.1",
    ),
    "long_target": Promise(
        "must",
        "A server that receives a request-target longer than any URI it wishes to parse MUST respond with a 414 "
        "(URI Too Long) status code",
        "RFC 9112, 3",
    ),
    "lost_code": Promise(
        "must",
        "If ... no Close control frame was received by the endpoint (such as could occur if the underlying transport "
        "connection is lost), The WebSocket Connection Close Code is considered to be 1006.",
        "RFC 6455, 7.1.5",
    ),
    "malformed_chunks": _GRAMMAR,
    "missing_field": Promise(
        "must",
        "The ASGI design decision is to transport both request and response headers as lists of 2-element [name, "
        "value] lists and preserve headers exactly as they were provided.",
        "ASGI, HTTP",
    ),
    "no_date": _DATE,
    "obs_text": Promise(
        "should",
        "A recipient SHOULD treat other allowed octets in field content (i.e., obs-text) as opaque data.",
        "RFC 9110, 5.5",
    ),
    "ping_in_a_compressed_message": Promise(
        "must",
        "Endpoints MUST be capable of handling control frames in the middle of a fragmented message.",
        "RFC 6455, 5.4",
    ),
    "port_text": Promise(
        "must",
        "client -- A two-item iterable of [host, port], where host is the remote host's IPv4 or IPv6 address, and port "
        "is the remote port as an integer.",
        "ASGI, HTTP connection scope",
    ),
    "refusal_before_a_response": _PIPELINED,
    "refusal_goes_on": _GRAMMAR,
    "refusal_in_a_response": Promise(
        "must",
        "A sender MUST NOT generate protocol elements that do not match the grammar defined by the corresponding ABNF "
        "rules.",
        "RFC 9110, 2.2",
    ),
    "request_behind_an_upgrade": _PIPELINED,
    "other_request_lines": _REQUEST_LINE,
    "subprotocol_fields": Promise(
        "must",
        "The |Sec-WebSocket-Protocol| header field MAY appear multiple times in an HTTP request (which is "
        "logically the same as a single |Sec-WebSocket-Protocol| header field that contains all values).",
        "RFC 6455, 11.3.4",
    ),
    "tab_behind_chunked": Promise(
        "must",
        "The field line value does not include that leading or trailing whitespace: OWS ... is excluded by parsers",
        "RFC 9112, 5",
    ),
    "targets": _REQUEST_LINE,
    "trailer_section": _GRAMMAR,
    "two_dates": Promise(
        "must",
        "a sender MUST NOT generate multiple field lines with the same name in a message ... unless that field's "
        "definition allows multiple field line values to be recombined as a comma-separated list",
        "RFC 9110, 5.3",
    ),
    "unknown_coding": Promise(
        "should",
        "A server that receives a request message with a transfer coding it does not understand SHOULD respond "
        "with 501 (Not Implemented).",
        "RFC 9112, 6.1",
    ),
    "unknown_method": Promise(
        "should",
        "An origin server that receives a request method that is unrecognized or not implemented SHOULD respond "
        "with the 501 (Not Implemented) status code.",
        "RFC 9110, 9.1",
    ),
    "version_of_websocket": Promise(
        "must",
        "If this version does not match a version understood by the server, the server MUST abort the WebSocket "
        "handshake ... and instead send an appropriate HTTP error code (such as 426 Upgrade Required) and a "
        "|Sec-WebSocket-Version| header field indicating the version(s) the server is capable of understanding.",
        "RFC 6455, 4.2.2",
    ),
    "version_text": Promise(
        "must",
        'http_version (Unicode string) -- One of "1.0", "1.1" or "2".',
        "ASGI, HTTP connection scope",
    ),
}
"""By the name of the script that shows what breaks it."""
