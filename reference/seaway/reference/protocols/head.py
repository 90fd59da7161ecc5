"""The head of an HTTP/1.1 request: strict, and nothing but bytes in, a `Head` or a refusal out (RFC 9112).

Rules of this file: what two readers could understand differently is refused, never repaired. Control bytes are
ruled out for the whole head at once; then names, which repeat, are looked up, and values are only stripped.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

__all__ = ["BAD_ESCAPE", "BARE_LF", "TOKEN", "Head", "Refused", "length_of", "open_end", "parse_fields", "parse_head"]

BARE_LF = re.compile(rb"(?<!\r)\n")
# Everything but controls; a head with these deleted must leave the line ends, each where the lines were split.
_PLAIN = bytes(byte for byte in range(256) if byte == 0x09 or 0x20 <= byte != 0x7F)
TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TARGET = re.compile(rb"[!\"$-~]+")  # visible ASCII without "#": a fragment is never sent (RFC 9112, 3.2)
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")
_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?]*)([^?]*)(.*)", re.DOTALL)
_METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE")}
_VERSIONS = {b"HTTP/1.1": "1.1", b"HTTP/1.0": "1.0"}
_SPECIAL = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade"})
_CODINGS = frozenset({b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress", b"br", b"zstd", b"chunked"})
_LINE_ENDS = [b"\r\n" * count for count in range(130)]
# Fields that a client repeats from request to request, and that are no secret.
_STABLE = frozenset(
    b"host user-agent accept accept-encoding accept-language accept-charset cache-control connection pragma dnt te "
    b"upgrade-insecure-requests sec-fetch-site sec-fetch-mode sec-fetch-dest sec-fetch-user sec-ch-ua sec-ch-ua-mobile "
    b"sec-ch-ua-platform sec-gpc priority origin content-type".split()
)

# What was parsed before: bounded, valid only, and of short lines, so that nobody can fill the memory with them.
_KNOWN = 1024
_KEPT = 200
_names: dict[bytes, bytes] = {}  # as sent: in lower case
_hosts: set[bytes] = set()
_field_lines: dict[bytes, tuple[bytes, bytes]] = {}
_request_lines: dict[bytes, tuple[str, str, bytes, str]] = {}  # method, version, raw path, path; without a query


class Refused(Exception):  # noqa: N818 - a verdict, not an error of ours
    """A request that is not served: `status` is the answer, the text says why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Head:
    """A request's head. `length` and `chunked` are the framing; `raw_path` and `query_string` as sent."""

    # Values of the class stand for what most requests do not have: setting twelve attributes costs more than parsing.
    method = ""
    http_version = "1.1"
    path = ""
    raw_path = b""
    query_string = b""
    length = 0
    chunked = False
    keep_alive = True
    expects = False
    upgrade = False

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []


def open_end(block: bytes | bytearray) -> int:
    """How many bytes at the end of `block` may begin the two line ends that close a section: they do not count."""
    for count in (3, 2, 1):
        if block.endswith(b"\r\n\r\n"[:count]):
            return count
    return 0


def parse_head(block: bytes, max_fields: int) -> Head:
    """Parse what stands before the blank line. Raises `Refused` with the status to answer."""
    lines = block.split(b"\r\n")
    _rule_out_controls(block, lines, max_fields)
    head = Head()
    special = _fields(lines, head.headers)
    authority = None
    known = _request_lines.get(lines[0])
    if known is not None:
        head.method, head.http_version, head.raw_path, head.path = known
    else:
        authority = _target(head, _request_line(head, lines[0]))
        if not head.query_string and authority is None and len(lines[0]) <= _KEPT:
            if len(_request_lines) >= _KNOWN:
                _request_lines.clear()
            _request_lines[lines[0]] = (head.method, head.http_version, head.raw_path, head.path)
    if special is None:
        if head.http_version == "1.1":
            raise Refused(400, "no Host header: HTTP/1.1 requires one (RFC 9112, 3.2)")
        head.keep_alive = False
    elif len(special) == 1 and b"host" in special and head.http_version == "1.1":
        _check_host(special[b"host"])  # the usual request: nothing else to decide
    else:
        _decide(head, special)
    if authority is not None:
        _check_host([authority])
        head.headers = [(b"host", authority), *(pair for pair in head.headers if pair[0] != b"host")]
    return head


def parse_fields(block: bytes, max_fields: int) -> list[tuple[bytes, bytes]]:
    """Parse trailer fields, lines without the last line end. Framing fields are refused (RFC 9110, 6.5.1)."""
    lines = [b"", *block.split(b"\r\n")]
    _rule_out_controls(b"\r\n" + block, lines, max_fields)
    headers: list[tuple[bytes, bytes]] = []
    if _fields(lines, headers):
        raise Refused(400, "a trailer carries a framing or routing field (RFC 9110, 6.5.1)")
    return headers


def _rule_out_controls(block: bytes, lines: list[bytes], max_fields: int) -> None:
    count = len(lines) - 1
    if count > max_fields:
        raise Refused(431, f"more than {max_fields} header fields (RFC 6585, 5)")
    expected = _LINE_ENDS[count] if count < len(_LINE_ENDS) else b"\r\n" * count
    if block.translate(None, _PLAIN) != expected:
        raise Refused(400, "a control byte, or a line that does not end in CRLF (RFC 9112, 2.2)")


def _request_line(head: Head, line: bytes) -> bytes:
    parts = line.split(b" ")
    if len(parts) != 3:
        raise Refused(400, "a request line is a method, a target and a version, with one space between (RFC 9112, 3)")
    method, target, version = parts
    known = _VERSIONS.get(version)
    if known is None:
        if _VERSION.fullmatch(version):
            raise Refused(505, "only HTTP/1.0 and HTTP/1.1 are served here (RFC 9110, 15.6.6)")
        raise Refused(400, "the request line does not end in an HTTP version (RFC 9112, 2.3)")
    head.http_version = known
    name = _METHODS.get(method)
    if name is None:
        if not method or method.translate(None, TOKEN):
            raise Refused(400, "the method is not a token (RFC 9110, 9.1)")
        name = method.decode("ascii")
    head.method = name
    return target


def _target(head: Head, target: bytes) -> bytes | None:
    """Fill in path and query; the authority of an absolute target, which overrides Host (RFC 9112, 3.2.2)."""
    authority = None
    if not _TARGET.fullmatch(target):
        raise Refused(400, "a byte that no request target may have (RFC 9112, 3.2)")
    if head.method == "CONNECT":
        raise Refused(501, "CONNECT is not offered (RFC 9110, 9.3.6)")
    if target[0] != 0x2F and (target != b"*" or head.method != "OPTIONS"):
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            raise Refused(400, "a request target begins with a slash (RFC 9112, 3.2.1)")
        authority = absolute[1]
        target = (absolute[2] or b"/") + absolute[3]
    raw_path, _, head.query_string = target.partition(b"?")
    head.raw_path = raw_path
    if b"%" not in raw_path:
        head.path = raw_path.decode("ascii")
        return authority
    if BAD_ESCAPE.search(raw_path):
        raise Refused(400, "a percent sign in the path without two hexadecimal digits (RFC 3986, 2.1)")
    try:
        head.path = unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        raise Refused(400, "the path is not UTF-8 once it is percent-decoded") from None
    return authority


def _fields(lines: list[bytes], headers: list[tuple[bytes, bytes]]) -> dict[bytes, list[bytes]] | None:
    """Append the fields of `lines[1:]`; returns those that decide about framing and routing, `None` for none."""
    special: dict[bytes, list[bytes]] | None = None
    known = _field_lines
    append = headers.append
    for index in range(1, len(lines)):
        line = lines[index]
        pair = known.get(line)
        if pair is None:
            pair = _parse_field(line)
        append(pair)
        if pair[0] in _SPECIAL:
            if special is None:
                special = {pair[0]: [pair[1]]}
            else:
                special.setdefault(pair[0], []).append(pair[1])
    return special


def _parse_field(line: bytes) -> tuple[bytes, bytes]:
    sent, colon, value = line.partition(b":")
    name = _names.get(sent)
    if name is None:
        name = _learn(sent)
    if not colon:
        raise Refused(400, "a header line without a colon (RFC 9112, 5)")
    pair = (name, value.strip(b" \t"))
    if name in _STABLE and len(line) <= _KEPT:
        if len(_field_lines) >= _KNOWN:
            _field_lines.clear()
        _field_lines[line] = pair
    return pair


def _learn(sent: bytes) -> bytes:
    if not sent or sent.translate(None, TOKEN):
        raise Refused(400, "a header name that is not a token, or a folded line (RFC 9112, 5.1 and 5.2)")
    name = sent.lower()
    if len(sent) <= 64 and len(_names) < _KNOWN:
        _names[sent] = name
    return name


def _check_host(values: list[bytes]) -> None:
    if len(values) != 1:
        raise Refused(400, "more than one Host header (RFC 9112, 3.2)")
    host = values[0]
    if host in _hosts:
        return
    if not _HOST.fullmatch(host):
        raise Refused(400, "the Host header is not a host and port (RFC 9112, 3.2)")
    if len(host) <= 64 and len(_hosts) < _KNOWN:
        _hosts.add(host)


def _decide(head: Head, special: dict[bytes, list[bytes]]) -> None:
    host = special.get(b"host")
    if host is not None:
        _check_host(host)
    elif head.http_version == "1.1":
        raise Refused(400, "no Host header: HTTP/1.1 requires one (RFC 9112, 3.2)")
    _decide_framing(head, special.get(b"content-length"), special.get(b"transfer-encoding"))
    options = _list(special.get(b"connection"))
    if head.http_version == "1.1":
        head.keep_alive = b"close" not in options
        head.upgrade = b"upgrade" in special and b"upgrade" in options
    else:
        head.keep_alive = b"keep-alive" in options and b"close" not in options
    expect = special.get(b"expect")
    if expect is not None and head.http_version == "1.1":
        if [value.lower() for value in expect] != [b"100-continue"]:
            raise Refused(417, "the only expectation that is understood is 100-continue (RFC 9110, 10.1.1)")
        head.expects = head.chunked or head.length > 0


def _decide_framing(head: Head, length: list[bytes] | None, coding: list[bytes] | None) -> None:
    if coding is not None:
        if length is not None:
            raise Refused(400, "both Content-Length and Transfer-Encoding (RFC 9112, 6.1)")
        if head.http_version == "1.0":
            raise Refused(400, "Transfer-Encoding in HTTP/1.0 (RFC 9112, 6.1)")
        codings = [item.strip(b" \t").lower() for value in coding for item in value.split(b",")]
        if any(not item or item.translate(None, TOKEN) for item in codings):
            raise Refused(400, "Transfer-Encoding is not a list of codings (RFC 9112, 6.1)")
        if any(item not in _CODINGS for item in codings):
            raise Refused(501, "a transfer coding that is not known here (RFC 9112, 6.1)")
        if codings.count(b"chunked") != 1 or codings[-1] != b"chunked":
            raise Refused(400, "chunked must be the last transfer coding, and stand once (RFC 9112, 6.3)")
        if len(codings) > 1:
            raise Refused(501, "the only transfer coding that is understood is chunked (RFC 9112, 6.1)")
        head.chunked = True
    elif length is not None:
        head.length = length_of(length)


def length_of(values: list[bytes]) -> int:
    """The body's length in bytes by these `content-length` values. `Refused`: not one, of 1 to 18 digits (HTTP-073)."""
    if len(values) != 1 or not values[0].isdigit() or len(values[0]) > 18:
        raise Refused(400, "Content-Length is not one number (RFC 9112, 6.3)")
    return int(values[0])


def _list(values: list[bytes] | None) -> set[bytes]:
    return {item.strip(b" \t").lower() for value in values or () for item in value.split(b",")}
