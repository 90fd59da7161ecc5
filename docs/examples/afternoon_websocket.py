"""What a WebSocket server has to know and needs no connection for: the handshake, the frames, what may be sent."""

import base64
import hashlib
import re
from collections.abc import AsyncGenerator, Iterable
from email.utils import formatdate
from http.client import responses
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from afternoon_message import encode

TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
HOST = r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~!$&'()*+,;=%-]+)(?::([0-9]{1,5}))?"
SERVERS_OWN = {b"connection", b"upgrade", b"content-length", b"transfer-encoding"}
Headers = list[tuple[bytes, bytes]]


class Refusal(Exception):  # noqa: N818 - nothing is wrong with the server
    """A request that gets no further than this answer; one *to_head* has no body."""

    to_head = False

    def __init__(self, status: int, text: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(text)
        self.status, self.headers = status, list(headers)


class Broken(Exception):  # noqa: N818
    """What the client has sent closes the WebSocket with `code`."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def need(fine: Any, status: int, text: str, *headers: tuple[bytes, bytes]) -> None:
    """Refuse a request unless it is fine."""
    if not fine:
        raise Refusal(status, text, *headers)


def parse(head: bytes, types: Iterable[str], origins: Iterable[str], max_fields: int) -> dict[str, Any]:
    """Return the `websocket.connect` that a header section stands for, or raise `Refusal`."""
    start, *lines = head.removesuffix(b"\r\n\r\n").decode("latin-1").split("\r\n")
    need(len(lines) <= max_fields, 431, "too many header fields")
    need(not re.search("[\x00-\x08\x0a-\x1f\x7f]", start + "".join(lines)), 400, "a control character")
    request = re.fullmatch(rf"({TOKEN}) ([!-\"$-~]+) HTTP/([0-9]\.[0-9])", start)
    need(request, 400, "not a request line of HTTP")
    assert request
    method, target, version = request.groups()
    need(version in ("1.0", "1.1"), 505, "only HTTP/1.1 is spoken here")
    fields = [re.fullmatch(rf"({TOKEN}):(.*)", line) for line in lines]
    need(all(fields), 400, "not a header line of HTTP")
    headers = [(field[1].lower(), field[2].strip(" \t")) for field in fields if field]

    def values(name: str) -> list[str]:
        return [value for key, value in headers if key == name]

    def items(name: str) -> list[str]:
        return [item.strip(" \t") for value in values(name) for item in value.split(",")]

    host = re.fullmatch(HOST, values("host")[0]) if len(values("host")) == 1 else None
    need(host, 400, "expected one host")
    need(target.startswith("/"), 400, "expected a path")
    path, _, query = target.partition("?")
    need(not re.search("%(?![0-9A-Fa-f]{2})", path), 400, "a % without two digits")
    try:
        decoded = unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        raise Refusal(400, "a path that is not UTF-8") from None
    upgrades = {item.lower() for item in items("upgrade")}, {item.lower() for item in items("connection")}
    wanted = version == "1.1" and "websocket" in upgrades[0] and "upgrade" in upgrades[1]
    need("websocket" in types, 501, "nothing here speaks HTTP alone")
    need(wanted, 426, "only WebSocket is spoken here", (b"upgrade", b"websocket"))
    need(method == "GET", 400, "expected GET")
    need(not values("transfer-encoding") and set(values("content-length")) <= {"0"}, 400, "expected no body")
    need(values("sec-websocket-version") == ["13"], 426, "expected version 13", (b"sec-websocket-version", b"13"))
    key = values("sec-websocket-key")
    need(len(key) == 1 and re.fullmatch("[0-9A-Za-z+/]{21}[AQgw]==", key[0]), 400, "expected one key of 16 bytes")
    offered = items("sec-websocket-protocol")
    distinct = len(set(offered)) == len(offered)
    need(distinct and all(re.fullmatch(TOKEN, item) for item in offered), 400, "expected distinct subprotocols")
    assert host
    need(_passes(values("origin"), host, set(origins)), 403, "not from this origin")
    return {
        "type": "websocket.connect",
        "path": decoded,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "scheme": "ws",
        "http_version": "1.1",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "subprotocols": offered,
        "extensions": {"interface": "1.0"},
        "tls": None,
    }


def _passes(given: list[str], host: re.Match[str], allowed: set[str]) -> bool:
    if not given or (len(given) == 1 and given[0] in allowed):
        return True
    origin = re.fullmatch(rf"([A-Za-z][A-Za-z0-9+.-]*)://{HOST}", given[0]) if len(given) == 1 else None
    if not origin:
        return False
    usual = {"http": 80, "https": 443}.get(origin[1].lower())
    ours, theirs = (int(port) if port else usual for port in (host[2], origin[3]))
    return ours is not None and ours == theirs and host[1].lower() == origin[2].lower()


def response(status: int, headers: Headers, body: bytes = b"") -> bytes:
    """Return a response after which the connection is closed; with status 101, one that begins a WebSocket."""
    names = {name for name, _ in headers}
    own = [] if b"date" in names else [(b"date", formatdate(usegmt=True).encode())]
    if status in (204, 304):
        headers, body = [pair for pair in headers if pair[0] != b"content-length"], b""
    elif status != 101 and b"content-length" not in names:
        own.append((b"content-length", b"%d" % len(body)))
    if status != 101 and b"connection" not in names:
        own.append((b"connection", b"close"))
    start = f"HTTP/1.1 {status} {responses.get(status, '')}".encode()
    lines = [start, *(name + b": " + value for name, value in headers + own)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def accept(connect: dict[str, Any], message: dict[str, Any]) -> bytes:
    """Return the 101 response that a `websocket.accept` stands for."""
    subprotocol = message.get("subprotocol")
    if subprotocol is not None and subprotocol not in connect["subprotocols"]:
        raise ValueError(f"subprotocol: expected one that the client offers, got {subprotocol[:90]!r} (WS-019)")
    key = next(value for name, value in connect["headers"] if name == b"sec-websocket-key")
    proof = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    headers = [(b"upgrade", b"websocket"), (b"connection", b"upgrade"), (b"sec-websocket-accept", proof)]
    if subprotocol is not None:
        headers.append((b"sec-websocket-protocol", subprotocol.encode()))
    return response(101, [*headers, *message.get("headers", [])])


def frame(opcode: int, payload: bytes) -> bytes:
    """Return one frame of a server."""
    size = len(payload)
    if size < 126:
        return bytes([0x80 | opcode, size]) + payload
    if size < 1 << 16:
        return bytes([0x80 | opcode, 126]) + size.to_bytes(2) + payload
    return bytes([0x80 | opcode, 127]) + size.to_bytes(8) + payload


def may_be_sent(code: int) -> bool:
    """Tell whether a close code may stand in a close frame."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


class Reader(Protocol):
    """Where bytes come from: an `asyncio.StreamReader`, for instance."""

    async def readexactly(self, n: int, /) -> bytes:
        """Return `n` bytes."""


async def incoming(reader: Reader, limit: int) -> AsyncGenerator[tuple[str, Any], None]:
    """Yield ("text", str), ("bytes", bytes), ("ping", bytes) and, last, ("close", (code, reason))."""
    kind, parts, size = 0, list[bytes](), 0
    while True:
        first, second = await reader.readexactly(2)
        last, opcode, length = first & 0x80, first & 0x0F, second & 0x7F
        if first & 0x70 or opcode not in (0, 1, 2, 8, 9, 10) or not second & 0x80:
            raise Broken(1002, "a reserved bit or opcode, or no mask")
        if opcode >= 8 and (length > 125 or not last):
            raise Broken(1002, "a control frame in parts or above 125 bytes")
        if opcode < 8 and (opcode == 0) != (kind != 0):
            raise Broken(1002, "a continuation without a beginning, or a beginning in a message")
        if length > 125:
            least, length = (126, 65536)[length - 126], int.from_bytes(await reader.readexactly((2, 8)[length - 126]))
            if not least <= length < 1 << 63:
                raise Broken(1002, "a length that is not in its shortest form")
        if opcode < 8 and (size + length > limit or len(parts) >= 4096):
            raise Broken(1009, "a message that is too large")
        mask = await reader.readexactly(4)
        payload = await reader.readexactly(length)
        pad = (mask * (length // 4 + 1))[:length]
        payload = (int.from_bytes(payload) ^ int.from_bytes(pad)).to_bytes(length)
        try:
            if opcode == 8:
                code = int.from_bytes(payload[:2]) if payload else 1005
                if payload and not may_be_sent(code):
                    raise Broken(1002, "a close code that may not be sent")
                yield "close", (code, payload[2:].decode())
                return
            if opcode == 9:
                yield "ping", payload
            if opcode >= 8:
                continue
            kind, size = kind or opcode, size + length
            parts.append(payload)
            if last:
                whole = b"".join(parts)
                yield ("text", whole.decode()) if kind == 1 else ("bytes", whole)
                kind, parts, size = 0, [], 0
        except UnicodeDecodeError:
            raise Broken(1007, "text that is not UTF-8") from None


def check_sent(message: Any) -> str:
    """Return the type of a message that a WebSocket consumer may send; else raise ``ValueError``."""
    encode(message)  # the rules for the values of every message

    def need(fine: bool, where: str, expected: str, rule: str) -> None:
        if not fine:
            raise ValueError(f"{where}: expected {expected} ({rule})")

    kind, get = message["type"], message.get
    if kind == "server.wake":
        after = get("after", "absent")
        fine = after is None or (isinstance(after, int | float) and not isinstance(after, bool) and after >= 0)
        need(fine, "after", "seconds, 0 or more, or None", "SRV-018")
    elif kind == "websocket.send":
        text, data = get("text"), get("bytes")
        need(text is None or isinstance(text, str), "text", "text or None", "WS-013")
        need(data is None or isinstance(data, bytes), "bytes", "bytes or None", "WS-013")
        need((text is None) != (data is None), "text", "exactly one of text and bytes", "WS-013")
    elif kind == "websocket.close":
        code, reason = get("code", 1000), get("reason", "")
        need(isinstance(code, int) and may_be_sent(code), "code", "a code that may be sent", "WS-014")
        need(isinstance(reason, str) and len(reason.encode()) <= 123, "reason", "at most 123 bytes of text", "WS-014")
    elif kind == "websocket.accept":
        subprotocol = get("subprotocol")
        fine = subprotocol is None or (isinstance(subprotocol, str) and re.fullmatch(TOKEN, subprotocol) is not None)
        need(fine, "subprotocol", "a token or None", "WS-019")
        for where, name, _ in _check_headers(get("headers", []), "WS-011"):
            need(name not in SERVERS_OWN and not name.startswith(b"sec-websocket-"), where, "no such header", "WS-020")
    elif kind == "websocket.reject":
        status, body, lengths = get("status", 403), get("body", b""), 0
        need(type(status) is not bool and isinstance(status, int) and 200 <= status <= 599, "status", "200 to 599",
             "WS-012")  # fmt: skip
        need(isinstance(body, bytes), "body", "bytes", "WS-012")
        for where, name, value in _check_headers(get("headers", []), "WS-012"):
            need(name != b"transfer-encoding", where, "no such header", "HTTP-033")
            need(name != b"connection" or value == b"close", where, "close", "HTTP-034")
            lengths += name == b"content-length"
            fine = name != b"content-length" or (lengths == 1 and re.fullmatch(b"[0-9]{1,18}", value) is not None)
            need(fine, where, "one length of 1 to 18 digits", "HTTP-037")
        stated = [int(value) for name, value in get("headers", []) if name == b"content-length"]
        if status in (204, 304):  # what they would be the length of is not sent
            stated = []
        need(not stated or stated == [len(body)], "headers", "the length of the body as content-length", "HTTP-038")
    else:
        raise ValueError(f"type: expected one that a WebSocket consumer sends, got {kind[:90]!r} (MSG-027)")
    return str(kind)


def _check_headers(headers: Any, rule: str) -> list[tuple[str, bytes, bytes]]:
    if not isinstance(headers, list | tuple):
        raise ValueError(f"headers: expected a list of pairs ({rule})")
    for i, pair in enumerate(headers):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ValueError(f"headers[{i}]: expected a pair ({rule})")
        name, value = pair
        if not isinstance(name, bytes) or not re.fullmatch(b"[!#$%&'*+.^_`|~0-9a-z-]+", name):
            raise ValueError(f"headers[{i}][0]: expected a token in lower case (HTTP-032)")
        if not isinstance(value, bytes) or value.strip(b" \t") != value or re.search(rb"[\0-\x08\n-\x1f\x7f]", value):
            raise ValueError(f"headers[{i}][1]: expected no control character and no white space around (HTTP-032)")
        if name in (b"keep-alive", b"proxy-connection") or (name == b"upgrade" and rule == "WS-012"):
            raise ValueError(f"headers[{i}]: expected no such header (HTTP-036)")
    return [(f"headers[{i}]", name, value) for i, (name, value) in enumerate(headers)]
