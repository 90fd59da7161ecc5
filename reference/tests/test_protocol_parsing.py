"""The parsers alone: heads, fields, chunks, handshakes, close frames; in pieces and with more behind."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from seaway.conformance.client.websocket import ACCEPT, KEY
from seaway.conformance.framing import rows
from seaway.reference.protocols.chunked import ChunkedDecoder
from seaway.reference.protocols.frames import ProtocolError, close_payload, frame, read_close
from seaway.reference.protocols.handshake import check, wanted
from seaway.reference.protocols.head import Head, Refused, open_end, parse_fields, parse_head

HOST = b"Host: test"
FIELDS = 100


def head(line: bytes = b"GET / HTTP/1.1", *fields: bytes) -> Head:
    """Parsed twice: what is remembered from the first time must not change the second."""
    block = b"\r\n".join([line, *(fields or (HOST,))])
    first, second = parse_head(block, FIELDS), parse_head(block, FIELDS)
    names = ("method", "path", "raw_path", "query_string", "http_version", "headers", "length", "chunked", "keep_alive",
             "expects", "upgrade")  # fmt: skip
    assert [getattr(first, name) for name in names] == [getattr(second, name) for name in names]
    return second


def verdict(parse: Callable[[], object]) -> int:
    """The status that a parser gives: 200 if it refuses nothing."""
    try:
        parse()
    except Refused as refused:
        return refused.status
    return 200


def status(line: bytes, *fields: bytes) -> int:
    """The status of a refusal, the same the second time."""
    found = []
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            head(line, *fields)
        assert str(caught.value)
        found.append(caught.value.status)
    assert found[0] == found[1]
    return found[0]


# -- the request line ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "path", "raw_path", "query"),
    [
        (b"/", "/", b"/", b""),
        (b"/a?", "/a", b"/a", b""),
        (b"/a?b?c", "/a", b"/a", b"b?c"),
        (b"//a/../b", "//a/../b", b"//a/../b", b""),
        (b"/%C3%A9%2f%25", "/é/%", b"/%C3%A9%2f%25", b""),
        (b"/a%3Fb?c%3F%", "/a?b", b"/a%3Fb", b"c%3F%"),
        (b"http://other", "/", b"/", b""),
        (b"HTTPS://other/a?b", "/a", b"/a", b"b"),
        (b"http://other?b", "/", b"/", b"b"),
    ],
)
def test_targets(target: bytes, path: str, raw_path: bytes, query: bytes) -> None:
    """HTTP-001, HTTP-085, HTTP-086."""
    parsed = head(b"GET " + target + b" HTTP/1.1")

    assert (parsed.path, parsed.raw_path, parsed.query_string) == (path, raw_path, query)
    assert parsed.headers == [(b"host", b"other" if b"other" in target else b"test")]


@pytest.mark.parametrize("fields", [(HOST, b"X: 1"), (b"X: 1", HOST), (b"X: 1",)])
def test_an_absolute_target_takes_the_place_of_host_in_the_old_version_too(fields: tuple[bytes, ...]) -> None:
    """HTTP-085."""
    parsed = head(b"GET http://other:81/ HTTP/1.0", *fields)

    assert parsed.headers == [(b"host", b"other:81"), (b"x", b"1")]


def test_options_of_the_whole_server() -> None:
    assert head(b"OPTIONS * HTTP/1.1").path == "*"


@pytest.mark.parametrize(
    "target",
    [b"a", b"*", b"*/", b"/a#b", b"/\x80", b"/\xc3\xa9", b"/%ff", b"/%", b"/%4", b"/%zz", b"", b"ftp://test/", b"http://",
     b"http:///a", b"http://a@test/", b"http://te st/", b"https:test", b"http://te<st/"],
)  # fmt: skip
@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
@pytest.mark.parametrize("fields", [(HOST,), (b"X: 1",)])
def test_targets_that_are_none(target: bytes, version: bytes, fields: tuple[bytes, ...]) -> None:
    """HTTP-007, HTTP-084."""
    assert status(b"GET " + target + b" " + version, *fields) == 400


@pytest.mark.parametrize("method", [b"GET", b"get", b"PURGE", b"X-Y.Z!", b"A" * 1000])
def test_methods_are_tokens_as_they_came(method: bytes) -> None:
    assert head(method + b" / HTTP/1.1").method == method.decode()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"CONNECT test:80 HTTP/1.1", 501),
        (b"CONNECT / HTTP/1.1", 501),
        (b"CONNECT http://test/ HTTP/1.1", 501),
        (b"G(T / HTTP/1.1", 400),
        (b" / HTTP/1.1", 400),
        (b"GET /", 400),
        (b"GET /  HTTP/1.1", 400),
        (b"GET / HTTP/1.1 ", 400),
        (b"GET / HTTP/1.1 x", 400),
        (b"GET /\tHTTP/1.1", 400),
        (b"GET / HTTP/1.2", 505),
        (b"GET / HTTP/2.0", 505),
        (b"GET / HTTP/0.9", 505),
        (b"GET / HTTP/11", 400),
        (b"GET / HTTP/1.10", 400),
        (b"GET / http/1.1", 400),
        (b"", 400),
    ],
)
def test_request_lines_that_are_none(line: bytes, code: int) -> None:
    """HTTP-054, HTTP-068, HTTP-083."""
    assert status(line, HOST) == code


# -- fields ----------------------------------------------------------------------------------------------------


def test_fields_keep_their_order_and_every_repetition() -> None:
    """HTTP-008."""
    parsed = head(b"GET / HTTP/1.1", b"X:", b"host: \t A.b:8 \t", b"x:  b  c ", b"Y_1:\xff", b"X: ,")

    assert parsed.headers == [(b"x", b""), (b"host", b"A.b:8"), (b"x", b"b  c"), (b"y_1", b"\xff"), (b"x", b",")]


@pytest.mark.parametrize(
    "line",
    [b"X : 1", b" X: 1", b"\tX: 1", b": 1", b"X", b"X\x80: 1", b"X(: 1", b"", b"X: a\x00", b"X: a\x7f", b"X: a\rb",
     b"X: a\nb", b"X\x0b: 1"],
)  # fmt: skip
def test_lines_that_are_no_fields(line: bytes) -> None:
    """HTTP-078 to HTTP-081, in heads and trailers alike."""
    assert status(b"GET / HTTP/1.1", HOST, line) == 400
    with pytest.raises(Refused) as caught:
        parse_fields(b"A: 1\r\n" + line, FIELDS)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "host", [b"test", b"test:", b"test:80", b"[::1]", b"[::1]:80", b"a_b.c", b"1.2.3.4:65535", b"x%20y"]
)
def test_hosts(host: bytes) -> None:
    assert head(b"GET / HTTP/1.1", b"Host: " + host).headers == [(b"host", host)]


@pytest.mark.parametrize(
    "fields",
    [
        (b"Host:",), (b"Host: a b",), (b"Host: a/b",), (b"Host: a@b",), (b"Host: a:b",), (b"Host: a:123456",),
        (b"Host: [::1",), (b"Host: a\x80",), (HOST, HOST), (b"Host: a", b"Host: b"), (b"X: 1",),
    ],
)  # fmt: skip
def test_hosts_that_are_none(fields: tuple[bytes, ...]) -> None:
    """HTTP-082."""
    assert status(b"GET / HTTP/1.1", *fields) == 400


@pytest.mark.parametrize("line", [b"Connection: close", b"Content-Length: 0", b"Expect: 100-continue"])
def test_no_host_is_refused_whatever_else_there_is(line: bytes) -> None:
    """HTTP-082."""
    assert status(b"GET / HTTP/1.1", line) == 400


def test_the_old_version_needs_no_host_and_takes_only_a_good_one() -> None:
    assert head(b"GET / HTTP/1.0", b"X: 1").headers == [(b"x", b"1")]
    assert status(b"GET / HTTP/1.0", HOST, HOST) == 400
    assert status(b"GET / HTTP/1.0", b"Host: a b") == 400


@pytest.mark.parametrize(("count", "good"), [(100, True), (101, False), (200, False)])
def test_the_number_of_fields_is_limited(count: int, good: bool) -> None:
    """HTTP-062: also beyond the line ends that are made in advance."""
    fields = [HOST, *[b"X: 1"] * (count - 1)]
    if good:
        assert len(head(b"GET / HTTP/1.1", *fields).headers) == count
    else:
        assert status(b"GET / HTTP/1.1", *fields) == 431
    block = b"\r\n".join([b"GET / HTTP/1.1", *fields])
    assert len(parse_head(block, 1000).headers) == count


@pytest.mark.parametrize(
    "name", [b"Content-Length", b"Transfer-Encoding", b"Host", b"Connection", b"Expect", b"Upgrade"]
)
def test_trailers_may_not_frame(name: bytes) -> None:
    """HTTP-089."""
    with pytest.raises(Refused) as caught:
        parse_fields(b"A: 1\r\n" + name + b": 5", FIELDS)
    assert caught.value.status == 400


# -- what the fields decide ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"close", False),
        (b"1.1", b"x, CLOSE", False),
        (b"1.1", b"closed", True),
        (b"1.1", b"keep-alive, close", False),
        (b"1.0", b"", False),
        (b"1.0", b"Keep-Alive", True),
        (b"1.0", b"keep-alive, close", False),
        (b"1.0", b"upgrade", False),
    ],
)
def test_keep_alive(version: bytes, connection: bytes, kept: bool) -> None:
    """HTTP-057, HTTP-087."""
    fields = (HOST, b"Connection: " + connection) if connection else (HOST,)

    assert head(b"GET / HTTP/" + version, *fields).keep_alive is kept


def test_expect() -> None:
    """HTTP-065, HTTP-066."""
    expect = b"Expect: 100-Continue"

    assert head(b"POST / HTTP/1.1", HOST, expect, b"Content-Length: 1").expects
    assert head(b"POST / HTTP/1.1", HOST, expect, b"Transfer-Encoding: chunked").expects
    assert not head(b"POST / HTTP/1.1", HOST, expect, b"Content-Length: 0").expects
    assert not head(b"POST / HTTP/1.0", HOST, expect, b"Content-Length: 1").expects
    assert not head(b"POST / HTTP/1.0", HOST, b"Expect: tea", b"Content-Length: 1").expects
    assert status(b"POST / HTTP/1.1", HOST, b"Expect: tea") == 417
    assert status(b"POST / HTTP/1.1", HOST, expect, expect) == 417


def test_framing() -> None:
    assert head(b"POST / HTTP/1.1", HOST, b"Content-Length: 007").length == 7
    assert head(b"POST / HTTP/1.1", HOST, b"Content-Length: " + b"9" * 18).length == 10**18 - 1
    assert head(b"POST / HTTP/1.1", HOST, b"Transfer-Encoding: Chunked").chunked


@pytest.mark.parametrize(
    ("upgrade", "connection", "version", "expected"),
    [
        (b"websocket", b"upgrade", b"1.1", True),
        (b"WebSocket", b"keep-alive, Upgrade", b"1.1", True),
        (b"h2c, websocket", b"upgrade", b"1.1", True),
        (b"h2c", b"upgrade", b"1.1", False),
        (b"websocket", b"close", b"1.1", False),
        (b"websocket", b"upgrade", b"1.0", False),
        (b"websockets", b"upgrade", b"1.1", False),
    ],
)
def test_what_is_a_handshake(upgrade: bytes, connection: bytes, version: bytes, expected: bool) -> None:
    """HTTP-067, WS-031."""
    fields = (HOST, b"Upgrade: " + upgrade, b"Connection: " + connection)
    parsed = head(b"GET / HTTP/" + version, *fields)

    assert (parsed.upgrade and wanted(parsed.headers)) is expected


@pytest.mark.parametrize(
    ("block", "count"), [(b"", 0), (b"x", 0), (b"x\r", 1), (b"x\r\n", 2), (b"x\r\n\r", 3), (b"\n\r", 1), (b"\r\r", 1)]
)
def test_line_ends_that_may_be_those_of_the_end(block: bytes, count: int) -> None:
    assert open_end(block) == count
    assert open_end(bytearray(block)) == count


# -- the handshake ---------------------------------------------------------------------------------------------

UPGRADE = (b"Upgrade: websocket", b"Connection: Upgrade")
VERSION, GOOD_KEY = b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: " + KEY.encode()


def offer(*fields: bytes, line: bytes = b"GET / HTTP/1.1", allowed: frozenset[str] = frozenset()) -> Any:
    own = (HOST, *UPGRADE, VERSION, GOOD_KEY)
    return check(parse_head(b"\r\n".join([line, *own, *fields]), FIELDS), allowed)


def test_the_key_is_answered() -> None:
    assert offer().accept == ACCEPT


@pytest.mark.parametrize(
    ("fields", "line", "code"),
    [
        ((), b"POST / HTTP/1.1", 400),
        ((), b"HEAD / HTTP/1.1", 400),
        ((b"Content-Length: 1",), b"GET / HTTP/1.1", 400),
        ((b"Transfer-Encoding: chunked",), b"GET / HTTP/1.1", 400),
        ((VERSION,), b"GET / HTTP/1.1", 426),
        ((GOOD_KEY,), b"GET / HTTP/1.1", 400),
        ((b"Sec-WebSocket-Protocol: a,,b",), b"GET / HTTP/1.1", 400),
        ((b"Sec-WebSocket-Protocol: a b",), b"GET / HTTP/1.1", 400),
        ((b"Sec-WebSocket-Protocol: a, a",), b"GET / HTTP/1.1", 400),
        ((b"Sec-WebSocket-Protocol: a", b"Sec-WebSocket-Protocol: a"), b"GET / HTTP/1.1", 400),
        ((b"Sec-WebSocket-Protocol:",), b"GET / HTTP/1.1", 400),
    ],
)
def test_handshakes_that_are_none(fields: tuple[bytes, ...], line: bytes, code: int) -> None:
    """WS-027 to WS-030."""
    with pytest.raises(Refused) as caught:
        offer(*fields, line=line)
    assert caught.value.status == code


@pytest.mark.parametrize(
    "key", [b"", b"x", b"!" * 24, b"AAAA" * 6, b"AAAAAAAAAAAAAAAAAAAAAA", b"\xff" * 24, b"!" + KEY.encode()]
)
def test_keys_that_are_none(key: bytes) -> None:
    """WS-029."""
    fields = (HOST, *UPGRADE, VERSION, b"Sec-WebSocket-Key: " + key)
    parsed = parse_head(b"\r\n".join([b"GET / HTTP/1.1", *fields]), FIELDS)

    assert verdict(lambda: check(parsed, frozenset())) == 400


def test_subprotocols_keep_their_order_over_lines() -> None:
    assert offer(b"Sec-WebSocket-Protocol: b,a", b"sec-websocket-protocol: c").subprotocols == ("b", "a", "c")


def passes(origin: bytes, host: bytes = b"test", allowed: frozenset[str] = frozenset()) -> bool:
    fields = (b"Host: " + host, *UPGRADE, VERSION, GOOD_KEY, b"Origin: " + origin)
    parsed = parse_head(b"\r\n".join([b"GET / HTTP/1.1", *fields]), FIELDS)
    found = verdict(lambda: check(parsed, allowed))
    assert found in (200, 403)
    return found == 200


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (b"http://test", b"test"), (b"https://test", b"test"), (b"HTTPS://TEST", b"Test"), (b"http://test", b"test:80"),
        (b"https://test:443", b"test"), (b"https://test", b"test:443"), (b"http://test:81", b"test:81"),
        (b"http://[::1]:81", b"[::1]:81"),
    ],
)  # fmt: skip
def test_origins_of_the_same_host_pass(origin: bytes, host: bytes) -> None:
    """WS-033, WS-035."""
    assert passes(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (b"http://other", b"test"), (b"http://test:81", b"test"), (b"http://test", b"test:81"), (b"null", b"test"),
        (b"", b"test"), (b"test", b"test"), (b"//test", b"test"), (b"https://test", b"test:80"),
        (b"http://test/", b"test"), (b"http://test/a", b"test"), (b"http://test?", b"test"), (b"http://test#", b"test"),
        (b"http://a@test", b"test"), (b"http://te\tst", b"test"), (b"http://test http://test", b"test"),
        (b"http://test.evil", b"test"), (b"http://[::1", b"test"), (b"http://test:x", b"test"), (b"http://", b"test"),
        (b"http://test:99999", b"test"), (b"http://t\xe9st", b"test"),
    ],
)  # fmt: skip
def test_other_origins_and_malformed_ones_do_not(origin: bytes, host: bytes) -> None:
    """WS-033, WS-034."""
    assert not passes(origin, host)


def test_origins_that_the_operator_allows() -> None:
    assert passes(b"https://Other.example", allowed=frozenset({"https://other.example"}))
    assert passes(b"null", allowed=frozenset({"null"}))
    assert passes(b"https://other.example", allowed=frozenset({"*"}))
    assert not passes(b"https://other.example.evil", allowed=frozenset({"https://other.example"}))


# -- chunks ----------------------------------------------------------------------------------------------------


def decode(data: bytes, step: int, decoder: ChunkedDecoder | None = None) -> tuple[bytes, bytes, ChunkedDecoder]:
    """Body and what is left over."""
    decoder = decoder or ChunkedDecoder(1000, 10)
    body = b""
    for start in range(0, len(data), step):
        part, rest = decoder.feed(data[start : start + step])
        body += part
        if decoder.done:
            return body, rest + data[start + step :], decoder
        assert rest == b""
    return body, b"", decoder


@pytest.mark.parametrize("step", [1, 2, 3, 7, 10_000])
@pytest.mark.parametrize("behind", [b"", b"\r", b"GET / HTTP/1.1\r\n\r\n"])
@pytest.mark.parametrize(
    ("data", "body", "trailers"),
    [
        (b"0\r\n\r\n", b"", []),
        (b"000\r\n\r\n", b"", []),
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello", []),
        (b"05 ; a=b\r\nhello\r\n0;last\r\n\r\n", b"hello", []),
        (b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", b"0123456789" * 2, []),
        (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n", []),
        (b"1\r\nx\r\n0\r\nA: 1\r\nb:2\r\n\r\n", b"x", [(b"a", b"1"), (b"b", b"2")]),
        (b"0000000000000001\r\nx\r\n0\r\n\r\n", b"x", []),
        (b"1;" + b"e" * 4095 + b"\r\nx\r\n0\r\n\r\n", b"x", []),
    ],
)
def test_chunked_bodies(data: bytes, body: bytes, trailers: list[Any], behind: bytes, step: int) -> None:
    found, rest, decoder = decode(data + behind, step)

    assert (found, rest, decoder.trailers, decoder.done) == (body, behind, trailers, True)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 10_000])
@pytest.mark.parametrize(
    "data",
    [b"\r\n", b"x\r\n", b"+5\r\n", b"-5\r\n", b"0x5\r\n", b"5 \r\n", b" 5\r\n", b"5_0\r\n", b"\xb2\r\n", b";a\r\n",
     b"0" * 17 + b"\r\n", b"5\n", b"5\r\nhelloX", b"5\r\nhello\n", b"5\r\nhello\rX", b"0\r\n\n", b"0\r\n\rX",
     b"0\r\n\r\r",
     b"0\r\nA: 1\n", b"0\r\nA: 1\r\n\n", b"0\r\nA : 1\r\n\r\n", b"0\r\n A: 1\r\n\r\n", b"0\r\nA\r\n\r\n",
     b"0\r\nA: \x00\r\n\r\n", b"1;a\x00\r\n", b"1;\x7f\r\n", b"1;\rx\r\n", b"1;" + b"e" * 4096 + b"\r\n",
     b"1;" + b"e" * 5000,
     b"1;" + b"e" * 4000 + b"\r\nx\r\n1;" + b"e" * 100 + b"\r\n"],
)  # fmt: skip
def test_chunks_that_are_none(data: bytes, step: int) -> None:
    """HTTP-074, HTTP-075, HTTP-076."""
    with pytest.raises(Refused) as caught:
        decode(data, step)
    assert caught.value.status == 400


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_trailers_without_an_end_are_431(step: int) -> None:
    with pytest.raises(Refused) as caught:
        decode(b"0\r\nA: " + b"x" * 2000, step)
    assert caught.value.status == 431


def test_data_that_looks_like_a_chunk_is_data() -> None:
    """However it is cut: also where a piece begins with it."""
    inner = b"1\r\nx\r\n0\r\n\r\n"
    stream = b"%x\r\n%b\r\n0\r\n\r\n" % (len(inner), inner)
    for place in range(1, len(stream)):
        decoder = ChunkedDecoder(1000, 10)
        body = b"".join(decoder.feed(piece)[0] for piece in (stream[:place], stream[place:]))
        assert (body, decoder.done) == (inner, True)


def test_a_size_beyond_memory_is_only_a_number() -> None:
    body, rest, decoder = decode(b"ffffffffffffffff\r\nabc", 100)

    assert (body, rest, decoder.done) == (b"abc", b"", False)


# -- close frames ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_frame_has_its_length_in_the_shortest_form(size: int) -> None:
    head_size = 2 if size < 126 else 4 if size < 65_536 else 10

    assert len(frame(1, b"x" * size)) == head_size + size


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1003, "ß"), (1014, "x"), (4999, "y" * 123)])
def test_close_codes_round_trip(code: int, reason: str) -> None:
    assert read_close(close_payload(code, reason)) == (code, reason)


def test_no_close_code_round_trips() -> None:
    assert read_close(close_payload(1005, "")) == (1005, "")


def test_every_other_close_code_is_refused() -> None:
    """WS-043."""
    good = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}
    for code in range(65_536):
        payload = code.to_bytes(2, "big")
        if code in good:
            assert read_close(payload) == (code, "")
            continue
        with pytest.raises(ProtocolError) as caught:
            read_close(payload)
        assert caught.value.code == 1002


def test_the_table_of_requests_is_refused_by_the_parser_where_it_is_by_the_server() -> None:
    """Cases that differ in their head only: the verdict is the parser's own."""
    wrong = {}
    for row in rows():
        if row.fields is None:
            continue
        block = (b"GET / HTTP/1.1\r\n" + row.fields).removesuffix(b"\r\n")
        found = verdict(partial(parse_head, block, FIELDS))
        if found not in row.refused | ({200} if row.served else set()):
            wrong[row.id] = found

    assert wrong == {}
