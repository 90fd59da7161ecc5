# Generated from the schemas by `python -m seaway.spec.generate`. Do not edit.
"""One check for each message type, generated from the schemas.

A check takes a message whose ``type`` the caller has looked at, and returns ``None`` or raises
`InvalidMessage`. Keys that the schema does not name are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from seaway.spec._pairs import FieldRule, PairsCheck, Part
from seaway.spec._support import MISSING, check_text, exactly_one, is_integer, is_number
from seaway.spec.errors import invalid

Check = Callable[[dict[str, Any]], None]

_is_text_1 = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
_is_text_2 = re.compile(r"(?=.{1,200}$)[A-Za-z0-9._-]+![A-Za-z0-9._-]*").fullmatch
_is_text_3 = re.compile(r"[a-z][a-z0-9_]*").fullmatch
_is_text_4 = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_check_pairs_1 = PairsCheck(
    "a sequence of pairs of name and value",
    "a pair of name and value",
    Part(
        rb"[!#$%&'*+\-.^_`|~0-9a-z]+",
        "a field name in lower case (a token of RFC 9110 section 5.6.2)",
        None,
    ),
    Part(
        rb"(?![ \t])[\t -~\x80-\xff]*(?<![ \t])",
        "a field value without control characters, and without white space around it",
        None,
    ),
)
_is_text_5 = re.compile(r"1\.(?:0|[1-9][0-9]*)").fullmatch
_check_pairs_2 = PairsCheck(
    "a sequence of pairs of name and value",
    "a pair of name and value",
    Part(
        rb"[!#$%&'*+\-.^_`|~0-9a-z]+",
        "a field name in lower case (a token of RFC 9110 section 5.6.2)",
        None,
    ),
    Part(
        rb"(?![ \t])[\t -~\x80-\xff]*(?<![ \t])",
        "a field value without control characters, and without white space around it",
        None,
    ),
    rules=(
        FieldRule(
            rb"(content-length|transfer-encoding|host|connection|expect|upgrade)",
            "no trailer that a server refuses",
            "HTTP-089",
        ),
    ),
)
_check_pairs_3 = PairsCheck(
    "a sequence of pairs of name and value",
    "a pair of name and value",
    Part(
        rb"[!#$%&'*+\-.^_`|~0-9a-z]+",
        "a field name in lower case (a token of RFC 9110 section 5.6.2)",
        "HTTP-032",
    ),
    Part(
        rb"(?![ \t])[\t -~\x80-\xff]*(?<![ \t])",
        "a field value without control characters, and without white space around it",
        "HTTP-032",
    ),
    rules=(
        FieldRule(
            rb"transfer-encoding",
            "no transfer-encoding, for the server frames the body",
            "HTTP-033",
        ),
        FieldRule(
            rb"(keep-alive|proxy-connection|upgrade)",
            "no keep-alive, proxy-connection or upgrade, for the connection is the server's",
            "HTTP-036",
        ),
        FieldRule(
            rb"connection",
            "the value close, or no connection field",
            "HTTP-034",
            value=rb"close",
        ),
        FieldRule(
            rb"content-length",
            "at most one content-length, of 1 to 18 digits",
            "HTTP-037",
            value=rb"[0-9]{1,18}",
            once=True,
        ),
    ),
)
_check_pairs_4 = PairsCheck(
    "a sequence of pairs of name and value",
    "a pair of name and value",
    Part(
        rb"[!#$%&'*+\-.^_`|~0-9a-z]+",
        "a field name in lower case (a token of RFC 9110 section 5.6.2)",
        "HTTP-032",
    ),
    Part(
        rb"(?![ \t])[\t -~\x80-\xff]*(?<![ \t])",
        "a field value without control characters, and without white space around it",
        "HTTP-032",
    ),
    rules=(
        FieldRule(
            rb"(content-length|transfer-encoding|host|connection|keep-alive|proxy-connection|trailer|te|upgrade|content-type|content-encoding|content-range|set-cookie|authorization|cookie)",
            "no trailer that decides about framing, routing or the content",
            "HTTP-088",
        ),
    ),
)
_check_pairs_5 = PairsCheck(
    "a sequence of pairs of name and value",
    "a pair of name and value",
    Part(
        rb"[!#$%&'*+\-.^_`|~0-9a-z]+",
        "a field name in lower case (a token of RFC 9110 section 5.6.2)",
        "HTTP-032",
    ),
    Part(
        rb"(?![ \t])[\t -~\x80-\xff]*(?<![ \t])",
        "a field value without control characters, and without white space around it",
        "HTTP-032",
    ),
    rules=(
        FieldRule(
            rb"(connection|upgrade|content-length|transfer-encoding|sec-websocket-.*)",
            "no field of the handshake itself",
            "WS-020",
        ),
        FieldRule(
            rb"(keep-alive|proxy-connection|upgrade)",
            "no keep-alive, proxy-connection or upgrade, for the connection is the server's",
            "HTTP-036",
        ),
    ),
)


def check_bridge_ack(message: dict[str, Any]) -> None:
    """Check a ``bridge.ack`` (BRG-003)."""
    connection = message.get("connection", MISSING)
    if (type(connection) is not str and not issubclass(type(connection), str)) or _is_text_1(connection) is None:
        raise invalid("connection", "1 to 64 letters, digits, '-' and '_'", connection, "BRG-003")
    seq = message.get("seq", MISSING)
    if (type(seq) is not int and not is_integer(seq)) or seq < 0:
        raise invalid("seq", "an integer of at least 0", seq, "BRG-003")
    ack = message.get("ack", MISSING)
    if (type(ack) is not int and not is_integer(ack)) or ack < 0:
        raise invalid("ack", "an integer of at least 0", ack, "BRG-003")
    reply_to = message.get("reply_to")
    if reply_to is not None and (
        (type(reply_to) is not str and not issubclass(type(reply_to), str)) or _is_text_2(reply_to) is None
    ):
        raise invalid("reply_to", "a process-local channel name or null", reply_to, "BRG-003")
    window = message.get("window")
    if window is not None and ((type(window) is not int and not is_integer(window)) or not 1 <= window <= 1000):
        raise invalid("window", "an integer from 1 to 1000 or null", window, "BRG-003")


def check_bridge_close(message: dict[str, Any]) -> None:
    """Check a ``bridge.close`` (BRG-004)."""
    connection = message.get("connection", MISSING)
    if (type(connection) is not str and not issubclass(type(connection), str)) or _is_text_1(connection) is None:
        raise invalid("connection", "1 to 64 letters, digits, '-' and '_'", connection, "BRG-004")
    seq = message.get("seq", MISSING)
    if (type(seq) is not int and not is_integer(seq)) or seq < 1:
        raise invalid("seq", "an integer of at least 1", seq, "BRG-004")
    ack = message.get("ack", MISSING)
    if (type(ack) is not int and not is_integer(ack)) or ack < 0:
        raise invalid("ack", "an integer of at least 0", ack, "BRG-004")
    message_ = message.get("message")
    if message_ is not None and type(message_) is not dict and not issubclass(type(message_), dict):
        raise invalid("message", "an object or null", message_, "BRG-004")
    error = message.get("error")
    if error is not None and error not in ("consumer", "bridge"):
        raise invalid("error", "'consumer' or 'bridge' or null", error, "BRG-004")


def check_bridge_message(message: dict[str, Any]) -> None:
    """Check a ``bridge.message`` (BRG-002)."""
    connection = message.get("connection", MISSING)
    if (type(connection) is not str and not issubclass(type(connection), str)) or _is_text_1(connection) is None:
        raise invalid("connection", "1 to 64 letters, digits, '-' and '_'", connection, "BRG-002")
    seq = message.get("seq", MISSING)
    if (type(seq) is not int and not is_integer(seq)) or seq < 1:
        raise invalid("seq", "an integer of at least 1", seq, "BRG-002")
    ack = message.get("ack", MISSING)
    if (type(ack) is not int and not is_integer(ack)) or ack < 0:
        raise invalid("ack", "an integer of at least 0", ack, "BRG-002")
    message_ = message.get("message", MISSING)
    if type(message_) is not dict and not issubclass(type(message_), dict):
        raise invalid("message", "an object", message_, "BRG-002")


def check_bridge_open(message: dict[str, Any]) -> None:
    """Check a ``bridge.open`` (BRG-001)."""
    connection = message.get("connection", MISSING)
    if (type(connection) is not str and not issubclass(type(connection), str)) or _is_text_1(connection) is None:
        raise invalid("connection", "1 to 64 letters, digits, '-' and '_'", connection, "BRG-001")
    seq = message.get("seq", MISSING)
    if (type(seq) is not int and not is_integer(seq)) or not 0 <= seq <= 0:
        raise invalid("seq", "an integer from 0 to 0", seq, "BRG-001")
    ack = message.get("ack", 0)
    if (type(ack) is not int and not is_integer(ack)) or not 0 <= ack <= 0:
        raise invalid("ack", "an integer from 0 to 0", ack, "BRG-001")
    reply_to = message.get("reply_to", MISSING)
    if (type(reply_to) is not str and not issubclass(type(reply_to), str)) or _is_text_2(reply_to) is None:
        raise invalid("reply_to", "a process-local channel name", reply_to, "BRG-001")
    protocol = message.get("protocol", MISSING)
    if (type(protocol) is not str and not issubclass(type(protocol), str)) or _is_text_3(protocol) is None:
        raise invalid("protocol", "a protocol type, one word in lower case", protocol, "BRG-001")
    window = message.get("window", MISSING)
    if (type(window) is not int and not is_integer(window)) or not 1 <= window <= 1000:
        raise invalid("window", "an integer from 1 to 1000", window, "BRG-001")
    message_ = message.get("message", MISSING)
    if type(message_) is not dict and not issubclass(type(message_), dict):
        raise invalid("message", "an object", message_, "BRG-001")


def check_http_disconnect(message: dict[str, Any]) -> None:
    """Check a ``http.disconnect`` (HTTP-004)."""
    complete = message.get("complete", MISSING)
    if complete is not True and complete is not False:
        raise invalid("complete", "a boolean", complete, "HTTP-004")


def check_http_request(message: dict[str, Any]) -> None:
    """Check a ``http.request`` (HTTP-001)."""
    method = message.get("method", MISSING)
    if (type(method) is not str and not issubclass(type(method), str)) or _is_text_4(method) is None:
        raise invalid("method", "a method (a token of RFC 9110 section 5.6.2)", method, "HTTP-001")
    path = message.get("path", MISSING)
    if type(path) is not str and not issubclass(type(path), str):
        raise invalid("path", "a string", path, "HTTP-001")
    if not path.isascii():
        check_text(path, "path", "HTTP-001")
    raw_path = message.get("raw_path", MISSING)
    if type(raw_path) is not bytes and not issubclass(type(raw_path), bytes):
        raise invalid("raw_path", "bytes", raw_path, "HTTP-001")
    query_string = message.get("query_string", b"")
    if type(query_string) is not bytes and not issubclass(type(query_string), bytes):
        raise invalid("query_string", "bytes", query_string, "HTTP-001")
    root_path = message.get("root_path", "")
    if type(root_path) is not str and not issubclass(type(root_path), str):
        raise invalid("root_path", "a string", root_path, "HTTP-001")
    if not root_path.isascii():
        check_text(root_path, "root_path", "HTTP-001")
    scheme = message.get("scheme", "http")
    if scheme not in ("http", "https"):
        raise invalid("scheme", "'http' or 'https'", scheme, "HTTP-001")
    http_version = message.get("http_version", MISSING)
    if http_version not in ("1.0", "1.1", "2"):
        raise invalid("http_version", "'1.0' or '1.1' or '2'", http_version, "HTTP-001")
    headers = message.get("headers", MISSING)
    _check_pairs_1(headers, "headers", "HTTP-001")
    client = message.get("client")
    if client is not None:
        if not issubclass(type(client), (list, tuple)) or len(client) != 2:
            raise invalid("client", "a pair of host and port or null", client, "HTTP-001")
        client_0 = client[0]
        if type(client_0) is not str and not issubclass(type(client_0), str):
            raise invalid("client[0]", "a string", client_0, "HTTP-001")
        if not client_0.isascii():
            check_text(client_0, "client[0]", "HTTP-001")
        client_1 = client[1]
        if (type(client_1) is not int and not is_integer(client_1)) or not 0 <= client_1 <= 65535:
            raise invalid("client[1]", "an integer from 0 to 65535", client_1, "HTTP-001")
    server = message.get("server")
    if server is not None:
        if not issubclass(type(server), (list, tuple)) or len(server) != 2:
            raise invalid("server", "a pair of host and port or null", server, "HTTP-001")
        server_0 = server[0]
        if type(server_0) is not str and not issubclass(type(server_0), str):
            raise invalid("server[0]", "a string", server_0, "HTTP-001")
        if not server_0.isascii():
            check_text(server_0, "server[0]", "HTTP-001")
        server_1 = server[1]
        if server_1 is not None and (
            (type(server_1) is not int and not is_integer(server_1)) or not 0 <= server_1 <= 65535
        ):
            raise invalid("server[1]", "an integer from 0 to 65535 or null", server_1, "HTTP-001")
    body = message.get("body", b"")
    if type(body) is not bytes and not issubclass(type(body), bytes):
        raise invalid("body", "bytes", body, "HTTP-001")
    more_body = message.get("more_body", False)
    if more_body is not True and more_body is not False:
        raise invalid("more_body", "a boolean", more_body, "HTTP-001")
    extensions = message.get("extensions", MISSING)
    if type(extensions) is not dict and not issubclass(type(extensions), dict):
        raise invalid("extensions", "an object", extensions, "HTTP-006")
    interface = extensions.get("interface", MISSING)
    if (type(interface) is not str and not issubclass(type(interface), str)) or _is_text_5(interface) is None:
        raise invalid("extensions.interface", "'1.0' or a later minor version", interface, "HTTP-006")
    for key, item in extensions.items():
        if key not in ("interface",) and type(item) is not dict and not issubclass(type(item), dict):
            raise invalid(f"extensions.{key}", "an object", item, "HTTP-006")
    tls = message.get("tls")
    if tls is not None:
        if type(tls) is not dict and not issubclass(type(tls), dict):
            raise invalid("tls", "an object or null", tls, "HTTP-005")
        version = tls.get("version", MISSING)
        if type(version) is not str and not issubclass(type(version), str):
            raise invalid("tls.version", "a string", version, "HTTP-005")
        if not version.isascii():
            check_text(version, "tls.version", "HTTP-005")
        cipher = tls.get("cipher")
        if cipher is not None:
            if type(cipher) is not str and not issubclass(type(cipher), str):
                raise invalid("tls.cipher", "a string or null", cipher, "HTTP-005")
            if not cipher.isascii():
                check_text(cipher, "tls.cipher", "HTTP-005")
        server_name = tls.get("server_name")
        if server_name is not None:
            if type(server_name) is not str and not issubclass(type(server_name), str):
                raise invalid("tls.server_name", "a string or null", server_name, "HTTP-005")
            if not server_name.isascii():
                check_text(server_name, "tls.server_name", "HTTP-005")
        client_certificates = tls.get("client_certificates", ())
        if not issubclass(type(client_certificates), (list, tuple)):
            raise invalid("tls.client_certificates", "an array", client_certificates, "HTTP-005")
        for index, item in enumerate(client_certificates):
            if type(item) is not bytes and not issubclass(type(item), bytes):
                raise invalid(f"tls.client_certificates[{index}]", "bytes", item, "HTTP-005")


def check_http_request_body(message: dict[str, Any]) -> None:
    """Check a ``http.request.body`` (HTTP-002)."""
    body = message.get("body", b"")
    if type(body) is not bytes and not issubclass(type(body), bytes):
        raise invalid("body", "bytes", body, "HTTP-002")
    more_body = message.get("more_body", False)
    if more_body is not True and more_body is not False:
        raise invalid("more_body", "a boolean", more_body, "HTTP-002")


def check_http_request_trailers(message: dict[str, Any]) -> None:
    """Check a ``http.request.trailers`` (HTTP-003)."""
    headers = message.get("headers", MISSING)
    _check_pairs_2(headers, "headers", "HTTP-003")


def check_http_response(message: dict[str, Any]) -> None:
    """Check a ``http.response`` (HTTP-021)."""
    status = message.get("status", MISSING)
    if (type(status) is not int and not is_integer(status)) or not 200 <= status <= 599:
        raise invalid("status", "an integer from 200 to 599", status, "HTTP-021")
    headers = message.get("headers", ())
    _check_pairs_3(headers, "headers", "HTTP-021")
    body = message.get("body", b"")
    if type(body) is not bytes and not issubclass(type(body), bytes):
        raise invalid("body", "bytes", body, "HTTP-021")
    more_body = message.get("more_body", False)
    if more_body is not True and more_body is not False:
        raise invalid("more_body", "a boolean", more_body, "HTTP-021")
    trailers = message.get("trailers", False)
    if trailers is not True and trailers is not False:
        raise invalid("trailers", "a boolean", trailers, "HTTP-021")


def check_http_response_body(message: dict[str, Any]) -> None:
    """Check a ``http.response.body`` (HTTP-022)."""
    body = message.get("body", b"")
    if type(body) is not bytes and not issubclass(type(body), bytes):
        raise invalid("body", "bytes", body, "HTTP-022")
    more_body = message.get("more_body", False)
    if more_body is not True and more_body is not False:
        raise invalid("more_body", "a boolean", more_body, "HTTP-022")


def check_http_response_file(message: dict[str, Any]) -> None:
    """Check a ``http.response.file`` (HTTP-025)."""
    path = message.get("path", MISSING)
    if type(path) is not str and not issubclass(type(path), str):
        raise invalid("path", "a string", path, "HTTP-025")
    if not path.isascii():
        check_text(path, "path", "HTTP-025")
    offset = message.get("offset", 0)
    if (type(offset) is not int and not is_integer(offset)) or offset < 0:
        raise invalid("offset", "an integer of at least 0", offset, "HTTP-025")
    count = message.get("count")
    if count is not None and ((type(count) is not int and not is_integer(count)) or count < 0):
        raise invalid("count", "an integer of at least 0 or null", count, "HTTP-025")


def check_http_response_informational(message: dict[str, Any]) -> None:
    """Check a ``http.response.informational`` (HTTP-024)."""
    status = message.get("status", MISSING)
    if (type(status) is not int and not is_integer(status)) or not 102 <= status <= 199:
        raise invalid("status", "an integer from 102 to 199", status, "HTTP-024")
    headers = message.get("headers", ())
    _check_pairs_3(headers, "headers", "HTTP-024")


def check_http_response_trailers(message: dict[str, Any]) -> None:
    """Check a ``http.response.trailers`` (HTTP-023)."""
    headers = message.get("headers", ())
    _check_pairs_4(headers, "headers", "HTTP-023")


def check_http2_reset(message: dict[str, Any]) -> None:
    """Check a ``http2.reset`` (H2-001)."""
    error_code = message.get("error_code", MISSING)
    if (type(error_code) is not int and not is_integer(error_code)) or not 0 <= error_code <= 4294967295:
        raise invalid("error_code", "an integer from 0 to 4294967295", error_code, "H2-001")


def check_layer_gap(message: dict[str, Any]) -> None:
    """Check a ``layer.gap`` (GAP-001)."""
    reason = message.get("reason", MISSING)
    if reason not in ("overflow", "expired", "lost"):
        raise invalid("reason", "'overflow' or 'expired' or 'lost'", reason, "GAP-001")
    dropped = message.get("dropped")
    if dropped is not None and ((type(dropped) is not int and not is_integer(dropped)) or dropped < 1):
        raise invalid("dropped", "an integer of at least 1 or null", dropped, "GAP-001")


def check_lifespan_shutdown(message: dict[str, Any]) -> None:
    """Check a ``lifespan.shutdown`` (LIF-002)."""


def check_lifespan_startup(message: dict[str, Any]) -> None:
    """Check a ``lifespan.startup`` (LIF-001)."""
    extensions = message.get("extensions", MISSING)
    if type(extensions) is not dict and not issubclass(type(extensions), dict):
        raise invalid("extensions", "an object", extensions, "LIF-004")
    interface = extensions.get("interface", MISSING)
    if (type(interface) is not str and not issubclass(type(interface), str)) or _is_text_5(interface) is None:
        raise invalid("extensions.interface", "'1.0' or a later minor version", interface, "LIF-004")
    for key, item in extensions.items():
        if key not in ("interface",) and type(item) is not dict and not issubclass(type(item), dict):
            raise invalid(f"extensions.{key}", "an object", item, "LIF-004")


def check_server_drain(message: dict[str, Any]) -> None:
    """Check a ``server.drain`` (SRV-001)."""
    reason = message.get("reason", MISSING)
    if reason not in ("shutdown", "overload", "max_age"):
        raise invalid("reason", "'shutdown' or 'overload' or 'max_age'", reason, "SRV-001")
    grace = message.get("grace", MISSING)
    if not is_number(grace) or grace < 0:
        raise invalid("grace", "a number of at least 0", grace, "SRV-001")


def check_server_wake_from(message: dict[str, Any]) -> None:
    """Check a ``server.wake`` (SRV-018)."""
    after = message.get("after", MISSING)
    if after is not None and (not is_number(after) or after < 0):
        raise invalid("after", "a number of at least 0 or null", after, "SRV-018")


def check_server_wake_to(message: dict[str, Any]) -> None:
    """Check a ``server.wake`` (SRV-019)."""


def check_task_stop(message: dict[str, Any]) -> None:
    """Check a ``task.stop`` (TASK-001)."""


def check_websocket_accept(message: dict[str, Any]) -> None:
    """Check a ``websocket.accept`` (WS-011)."""
    subprotocol = message.get("subprotocol")
    if subprotocol is not None and (
        (type(subprotocol) is not str and not issubclass(type(subprotocol), str)) or _is_text_4(subprotocol) is None
    ):
        raise invalid("subprotocol", "a subprotocol (a token of RFC 9110 section 5.6.2) or null", subprotocol, "WS-019")
    headers = message.get("headers", ())
    _check_pairs_5(headers, "headers", "WS-011")


def check_websocket_close(message: dict[str, Any]) -> None:
    """Check a ``websocket.close`` (WS-014)."""
    code = message.get("code", 1000)
    if (type(code) is not int and not is_integer(code)) or not (
        1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
    ):
        raise invalid(
            "code", "a close code that may be sent: 1000 to 1003, 1007 to 1014, or 3000 to 4999", code, "WS-014"
        )
    reason = message.get("reason", "")
    if type(reason) is not str and not issubclass(type(reason), str):
        raise invalid("reason", "a string of at most 123 bytes in UTF-8", reason, "WS-014")
    if not reason.isascii():
        check_text(reason, "reason", "WS-014")
    if len(reason.encode()) > 123:
        raise invalid("reason", "a string of at most 123 bytes in UTF-8", reason, "WS-014")


def check_websocket_connect(message: dict[str, Any]) -> None:
    """Check a ``websocket.connect`` (WS-001)."""
    path = message.get("path", MISSING)
    if type(path) is not str and not issubclass(type(path), str):
        raise invalid("path", "a string", path, "WS-001")
    if not path.isascii():
        check_text(path, "path", "WS-001")
    raw_path = message.get("raw_path", MISSING)
    if type(raw_path) is not bytes and not issubclass(type(raw_path), bytes):
        raise invalid("raw_path", "bytes", raw_path, "WS-001")
    query_string = message.get("query_string", b"")
    if type(query_string) is not bytes and not issubclass(type(query_string), bytes):
        raise invalid("query_string", "bytes", query_string, "WS-001")
    root_path = message.get("root_path", "")
    if type(root_path) is not str and not issubclass(type(root_path), str):
        raise invalid("root_path", "a string", root_path, "WS-001")
    if not root_path.isascii():
        check_text(root_path, "root_path", "WS-001")
    scheme = message.get("scheme", "ws")
    if scheme not in ("ws", "wss"):
        raise invalid("scheme", "'ws' or 'wss'", scheme, "WS-001")
    http_version = message.get("http_version", MISSING)
    if http_version not in ("1.1", "2"):
        raise invalid("http_version", "'1.1' or '2'", http_version, "WS-001")
    headers = message.get("headers", MISSING)
    _check_pairs_1(headers, "headers", "WS-001")
    client = message.get("client")
    if client is not None:
        if not issubclass(type(client), (list, tuple)) or len(client) != 2:
            raise invalid("client", "a pair of host and port or null", client, "WS-001")
        client_0 = client[0]
        if type(client_0) is not str and not issubclass(type(client_0), str):
            raise invalid("client[0]", "a string", client_0, "WS-001")
        if not client_0.isascii():
            check_text(client_0, "client[0]", "WS-001")
        client_1 = client[1]
        if (type(client_1) is not int and not is_integer(client_1)) or not 0 <= client_1 <= 65535:
            raise invalid("client[1]", "an integer from 0 to 65535", client_1, "WS-001")
    server = message.get("server")
    if server is not None:
        if not issubclass(type(server), (list, tuple)) or len(server) != 2:
            raise invalid("server", "a pair of host and port or null", server, "WS-001")
        server_0 = server[0]
        if type(server_0) is not str and not issubclass(type(server_0), str):
            raise invalid("server[0]", "a string", server_0, "WS-001")
        if not server_0.isascii():
            check_text(server_0, "server[0]", "WS-001")
        server_1 = server[1]
        if server_1 is not None and (
            (type(server_1) is not int and not is_integer(server_1)) or not 0 <= server_1 <= 65535
        ):
            raise invalid("server[1]", "an integer from 0 to 65535 or null", server_1, "WS-001")
    subprotocols = message.get("subprotocols", ())
    if not issubclass(type(subprotocols), (list, tuple)):
        raise invalid("subprotocols", "a sequence of subprotocols", subprotocols, "WS-001")
    for index, item in enumerate(subprotocols):
        if (type(item) is not str and not issubclass(type(item), str)) or _is_text_4(item) is None:
            raise invalid(f"subprotocols[{index}]", "a subprotocol (a token of RFC 9110 section 5.6.2)", item, "WS-001")
    extensions = message.get("extensions", MISSING)
    if type(extensions) is not dict and not issubclass(type(extensions), dict):
        raise invalid("extensions", "an object", extensions, "WS-004")
    interface = extensions.get("interface", MISSING)
    if (type(interface) is not str and not issubclass(type(interface), str)) or _is_text_5(interface) is None:
        raise invalid("extensions.interface", "'1.0' or a later minor version", interface, "WS-004")
    for key, item in extensions.items():
        if key not in ("interface",) and type(item) is not dict and not issubclass(type(item), dict):
            raise invalid(f"extensions.{key}", "an object", item, "WS-004")
    tls = message.get("tls")
    if tls is not None:
        if type(tls) is not dict and not issubclass(type(tls), dict):
            raise invalid("tls", "an object or null", tls, "HTTP-005")
        version = tls.get("version", MISSING)
        if type(version) is not str and not issubclass(type(version), str):
            raise invalid("tls.version", "a string", version, "HTTP-005")
        if not version.isascii():
            check_text(version, "tls.version", "HTTP-005")
        cipher = tls.get("cipher")
        if cipher is not None:
            if type(cipher) is not str and not issubclass(type(cipher), str):
                raise invalid("tls.cipher", "a string or null", cipher, "HTTP-005")
            if not cipher.isascii():
                check_text(cipher, "tls.cipher", "HTTP-005")
        server_name = tls.get("server_name")
        if server_name is not None:
            if type(server_name) is not str and not issubclass(type(server_name), str):
                raise invalid("tls.server_name", "a string or null", server_name, "HTTP-005")
            if not server_name.isascii():
                check_text(server_name, "tls.server_name", "HTTP-005")
        client_certificates = tls.get("client_certificates", ())
        if not issubclass(type(client_certificates), (list, tuple)):
            raise invalid("tls.client_certificates", "an array", client_certificates, "HTTP-005")
        for index, item in enumerate(client_certificates):
            if type(item) is not bytes and not issubclass(type(item), bytes):
                raise invalid(f"tls.client_certificates[{index}]", "bytes", item, "HTTP-005")


def check_websocket_disconnect(message: dict[str, Any]) -> None:
    """Check a ``websocket.disconnect`` (WS-003)."""
    code = message.get("code", MISSING)
    if (type(code) is not int and not is_integer(code)) or not 1000 <= code <= 4999:
        raise invalid("code", "an integer from 1000 to 4999", code, "WS-003")
    reason = message.get("reason", "")
    if type(reason) is not str and not issubclass(type(reason), str):
        raise invalid("reason", "a string", reason, "WS-003")
    if not reason.isascii():
        check_text(reason, "reason", "WS-003")


def check_websocket_receive(message: dict[str, Any]) -> None:
    """Check a ``websocket.receive`` (WS-002)."""
    text = message.get("text")
    if text is not None:
        if type(text) is not str and not issubclass(type(text), str):
            raise invalid("text", "a string or null", text, "WS-002")
        if not text.isascii():
            check_text(text, "text", "WS-002")
    bytes_ = message.get("bytes")
    if bytes_ is not None and type(bytes_) is not bytes and not issubclass(type(bytes_), bytes):
        raise invalid("bytes", "bytes or null", bytes_, "WS-002")
    if (text is None) == (bytes_ is None):
        raise exactly_one("WS-002", text=text, bytes=bytes_)


def check_websocket_reject(message: dict[str, Any]) -> None:
    """Check a ``websocket.reject`` (WS-012)."""
    status = message.get("status", 403)
    if (type(status) is not int and not is_integer(status)) or not 200 <= status <= 599:
        raise invalid("status", "an integer from 200 to 599", status, "WS-012")
    headers = message.get("headers", ())
    _check_pairs_3(headers, "headers", "WS-012")
    body = message.get("body", b"")
    if type(body) is not bytes and not issubclass(type(body), bytes):
        raise invalid("body", "bytes", body, "WS-012")


def check_websocket_send(message: dict[str, Any]) -> None:
    """Check a ``websocket.send`` (WS-013)."""
    text = message.get("text")
    if text is not None:
        if type(text) is not str and not issubclass(type(text), str):
            raise invalid("text", "a string or null", text, "WS-013")
        if not text.isascii():
            check_text(text, "text", "WS-013")
    bytes_ = message.get("bytes")
    if bytes_ is not None and type(bytes_) is not bytes and not issubclass(type(bytes_), bytes):
        raise invalid("bytes", "bytes or null", bytes_, "WS-013")
    if (text is None) == (bytes_ is None):
        raise exactly_one("WS-013", text=text, bytes=bytes_)


FROM_CONSUMER: dict[str, Check] = {
    "http.response": check_http_response,
    "http.response.body": check_http_response_body,
    "http.response.file": check_http_response_file,
    "http.response.informational": check_http_response_informational,
    "http.response.trailers": check_http_response_trailers,
    "http2.reset": check_http2_reset,
    "server.wake": check_server_wake_from,
    "websocket.accept": check_websocket_accept,
    "websocket.close": check_websocket_close,
    "websocket.reject": check_websocket_reject,
    "websocket.send": check_websocket_send,
}
"""The check of each message type that a consumer may send."""

TO_CONSUMER: dict[str, Check] = {
    "http.disconnect": check_http_disconnect,
    "http.request": check_http_request,
    "http.request.body": check_http_request_body,
    "http.request.trailers": check_http_request_trailers,
    "http2.reset": check_http2_reset,
    "layer.gap": check_layer_gap,
    "lifespan.shutdown": check_lifespan_shutdown,
    "lifespan.startup": check_lifespan_startup,
    "server.drain": check_server_drain,
    "server.wake": check_server_wake_to,
    "task.stop": check_task_stop,
    "websocket.connect": check_websocket_connect,
    "websocket.disconnect": check_websocket_disconnect,
    "websocket.receive": check_websocket_receive,
}
"""The check of each message type that a consumer may be given."""

LAYER: dict[str, Check] = {
    "bridge.ack": check_bridge_ack,
    "bridge.close": check_bridge_close,
    "bridge.message": check_bridge_message,
    "bridge.open": check_bridge_open,
    "layer.gap": check_layer_gap,
}
"""The check of each message type of the interface that travels through a layer."""

CHECKS: dict[str, Check] = {**LAYER, **TO_CONSUMER, **FROM_CONSUMER}
"""The check of each message type; of one that travels both ways, the check of what a consumer sends."""
