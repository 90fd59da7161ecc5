r"""Raw requests and what a server may do with them: rows H1 to H14 of the fault catalogue, as data.

Each request is followed by another one, for `/smuggled`, in the same bytes. So there are three verdicts:

- `refuse`: one response with a status of the set, then the end; neither request is answered with 200;
- `serve`: both are, in order, the first with the body that is told;
- `either`: the RFC leaves it open; one of the two above, and nothing between them.

Requests that differ in their fields only are tried as a WebSocket handshake too, with the same verdict.
"""

import attrs

GET, POST, HOST = b"GET / HTTP/1.1", b"POST / HTTP/1.1", b"Host: test\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
BAD = frozenset({400})
CODING = frozenset({400, 501})
SIZE = frozenset({400, 413, 431})
VERSION = frozenset({400, 505})
LONG = frozenset({414, 431})


@attrs.frozen
class Case:
    """One raw request. `clause`: of RFC 9112, unless another is named; `body`: of the response."""

    row: str
    clause: str
    name: str
    data: bytes
    statuses: frozenset[int]
    served: bool | None
    body: bytes | None = None
    fields: bytes | None = None

    @property
    def id(self) -> str:
        return f"{self.row}-{self.name}".replace(" ", "-")


_rows: list[Case] = []


def _add(row: str, clause: str, name: str, data: bytes, allowed: frozenset[int], served: bool | None) -> None:
    _rows.append(Case(row, clause, name, data, allowed, served))


def refuse(row: str, clause: str, name: str, data: bytes, statuses: frozenset[int] = BAD) -> None:
    _add(row, clause, name, data, statuses, False)


def serve(row: str, clause: str, name: str, data: bytes) -> None:
    _add(row, clause, name, data, frozenset(), True)


def either(row: str, clause: str, name: str, data: bytes, statuses: frozenset[int] = BAD) -> None:
    _add(row, clause, name, data, statuses, None)


def _fields(row: str, clause: str, served: bool | None, statuses: frozenset[int], cases: dict[str, bytes]) -> None:
    """Cases that differ in their fields only; those that are not about `Host` get a good one."""
    for name, lines in cases.items():
        fields = lines if row == "H12" else HOST + lines
        data = GET + b"\r\n" + fields + b"\r\n"
        _rows.append(Case(row, clause, name, data, statuses, served, b"/ ", fields))


def _bodies(row: str, clause: str, served: bool | None, cases: dict[str, bytes], fields: bytes = CHUNKED) -> None:
    """Cases that differ in their body only, after `fields`; served ones carry `hello`."""
    for name, body in cases.items():
        data = POST + b"\r\n" + HOST + fields + b"\r\n" + body
        _rows.append(Case(row, clause, name, data, SIZE, served, b"/ hello"))


def _lengths(served: bool | None, values: dict[str, bytes], statuses: frozenset[int] = BAD) -> None:
    for name, lines in values.items():
        data = POST + b"\r\n" + HOST + lines + b"\r\nhello"
        _rows.append(Case("H4", "6.3", name, data, statuses, served, b"/ hello"))


def _targets(served: bool | None, statuses: frozenset[int], lines: dict[str, bytes]) -> None:
    for name, line in lines.items():
        _add("H13", "3", name, line + b"\r\n" + HOST + b"\r\n", statuses, served)


# H1: content-length and transfer-encoding together
_fields(
    "H1",
    "6.1",
    False,
    BAD,
    {
        "length then coding": b"Content-Length: 5\r\n" + CHUNKED,
        "coding then length": CHUNKED + b"Content-Length: 5\r\n",
        "zero length and coding": b"Content-Length: 0\r\n" + CHUNKED,
        "length and identity": b"Content-Length: 5\r\nTransfer-Encoding: identity\r\n",
        "length and unknown coding": b"Content-Length: 5\r\nTransfer-Encoding: x\r\n",
    },
)
# H2: transfer-encoding that is not exactly chunked
_fields(
    "H2",
    "6.1",
    False,
    CODING,
    {
        name: b"Transfer-Encoding: " + value + b"\r\n"
        for name, value in {
            "xchunked": b"xchunked",
            "leading comma": b",chunked",
            "trailing comma": b"chunked,",
            "identity": b"identity",
            "gzip": b"gzip",
            "gzip then chunked": b"gzip, chunked",
            "chunked then gzip": b"chunked, gzip",
            "chunked then identity": b"chunked, identity",
            "chunked twice": b"chunked, chunked",
            "quoted": b'"chunked"',
            "with parameter": b"chunked;q=1",
            "nbsp before": b"\xa0chunked",
            "vertical tab before": b"\x0bchunked",
            "vertical tab after": b"chunked\x0b",
            "form feed after": b"chunked\x0c",
            "nul after": b"chunked\x00",
            "dotless": b"chun\xc4\xb1ked",
            "split by space": b"chunk ed",
            "empty": b"",
        }.items()
    },
)
_fields(
    "H2",
    "6.1",
    False,
    CODING,
    {"two lines": CHUNKED + CHUNKED, "second line": CHUNKED + b"TE-X: 1\r\n" + CHUNKED},
)
# H3: transfer-encoding in HTTP/1.0
refuse("H3", "6.1", "in 1.0", b"POST / HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n5\r\nhello\r\n0\r\n\r\n")
refuse(
    "H3",
    "6.1",
    "in 1.0 kept alive",
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
)

# H4: content-length that is not 1*DIGIT, or is told twice
_BAD_LENGTHS = {
    "plus": b"+5",
    "minus": b"-5",
    "underscore": b"0_5",
    "hexadecimal": b"0x5",
    "empty": b"",
    "form feed": b"\x0c5",
    "vertical tab": b"5\x0b",
    "nul": b"5\x00",
    "superscript": b"\xb2",
    "utf-8 superscript": "²".encode(),
    "arabic digit": "٥".encode(),
    "list of equals": b"5, 5",
    "list of two": b"5, 6",
    "trailing comma": b"5,",
    "two numbers": b"5 5",
    "fraction": b"5.0",
    "exponent": b"1e1",
    "quoted": b'"5"',
    "letters": b"five",
}
_lengths(False, {name: b"Content-Length: " + value + b"\r\n" for name, value in _BAD_LENGTHS.items()})
_fields(
    "H4",
    "6.3",
    False,
    BAD,
    {f"bodiless {name}": b"Content-Length: " + _BAD_LENGTHS[name] + b"\r\n" for name in _BAD_LENGTHS},
)
_lengths(False, {"5000 digits": b"Content-Length: " + b"9" * 5000 + b"\r\n"}, SIZE)
_lengths(
    False,
    {
        "two lines": b"Content-Length: 5\r\nContent-Length: 6\r\n",
        "the same twice": b"Content-Length: 5\r\ncontent-length: 5\r\n",
        "space before colon": b"Content-Length : 5\r\n",
    },
)
_lengths(
    True,
    {
        "plain": b"Content-Length: 5\r\n",
        "white space": b"Content-Length: \t 5 \t\r\n",
        "leading zeros": b"Content-Length: 0005\r\n",
    },
)

# H5: chunk sizes
_END = b"\r\nhello\r\n0\r\n\r\n"
_bodies(
    "H5",
    "7.1",
    False,
    {
        "hexadecimal prefix": b"0x5" + _END,
        "plus": b"+5" + _END,
        "minus": b"-5" + _END,
        "underscore": b"0_5" + _END,
        "leading space": b" 5" + _END,
        "leading tab": b"\t5" + _END,
        "empty": _END,
        "not a digit": b"5g" + _END,
        "superscript": b"\xb2" + _END,
        "overflow": b"10000000000000005" + _END,
        "200 kB of zeros": b"0" * 200_000 + b"5" + _END,
        "nul": b"5\x00" + _END,
        "in the last": b"5\r\nhello\r\n0x0\r\n\r\n",
        "negative zero": b"5\r\nhello\r\n-0\r\n\r\n",
    },
)
_bodies(
    "H5",
    "7.1",
    True,
    {"plain": b"5" + _END, "zeros": b"00000005" + _END, "last zeros": b"5\r\nhello\r\n000\r\n\r\n"},
)
_bodies("H5", "7.1.1", None, {"trailing space": b"5 " + _END})
# H6: chunks that do not end in CRLF
_bodies(
    "H6",
    "7.1",
    False,
    {
        "two other bytes": b"5\r\nhelloXX0\r\n\r\n",
        "nothing": b"5\r\nhello0\r\n\r\n",
        "lone lf": b"5\r\nhello\n0\r\n\r\n",
        "lone cr": b"5\r\nhello\r0\r\n\r\n",
        "two cr": b"5\r\nhello\r\r\n0\r\n\r\n",
        "longer than told": b"4\r\nhello\r\n0\r\n\r\n",
        "lf after the size": b"5\nhello\r\n0\r\n\r\n",
        "cr after the size": b"5\rhello\r\n0\r\n\r\n",
        "two cr after the size": b"5\r\r\nhello\r\n0\r\n\r\n",
        "lf after the last size": b"5\r\nhello\r\n0\n\r\n",
        "lf at the very end": b"5\r\nhello\r\n0\r\n\nX: y\r\n\r\n",
        "other bytes at the very end": b"5\r\nhello\r\n0\r\nXX",
    },
)
# H7: chunk extensions
_bodies(
    "H7",
    "7.1.1",
    False,
    {
        "lone cr": b"5;a=\rb" + _END,
        "lone lf": b"5;a=\nb" + _END,
        "lf ends it": b"5;a\nhello\r\n0\r\n\r\n",
        "nul": b"5;a=\x00" + _END,
        "crlf in quotes": b'5;a="\r\nb"' + _END,
        "64 KiB": b"5;" + b"a" * 65536 + _END,
        "64 KiB in the last": b"5\r\nhello\r\n0;" + b"a" * 65536 + b"\r\n\r\n",
        "many small ones": b"".join(b"1;" + b"a" * 100 + b"\r\nx\r\n" for _ in range(600)) + b"0\r\n\r\n",
    },
)
_bodies("H7", "7.1.1", True, {"token": b"5;a=b" + _END, "quoted": b'5;a="b;c"' + _END, "bare": b"5;a" + _END})
_bodies("H7", "7.1.1", None, {"bad white space": b"5 ; a = b" + _END})
# H8: many small chunks are slow for nobody but their sender
_bodies("H8", "7.1", True, {"a byte each": b"".join(b"1\r\n%c\r\n" % byte for byte in b"hello") + b"0\r\n\r\n"})

# H9: trailers
_LAST = b"5\r\nhello\r\n0\r\n"
_bodies(
    "H9",
    "7.1.2",
    False,
    {
        "no colon": _LAST + b"bad\r\n\r\n",
        "space before colon": _LAST + b"x : y\r\n\r\n",
        "empty name": _LAST + b": y\r\n\r\n",
        "folded": _LAST + b"x: y\r\n z\r\n\r\n",
        "leading space": _LAST + b" x: y\r\n\r\n",
        "nul": _LAST + b"x: \x00\r\n\r\n",
        "lone lf": _LAST + b"x: y\nz: w\r\n\r\n",
        "lone cr": _LAST + b"x: y\rz: w\r\n\r\n",
        "200 fields": _LAST + b"x: y\r\n" * 200 + b"\r\n",
        "64 KiB": _LAST + b"x: " + b"y" * 65536 + b"\r\n\r\n",
    },
)
_bodies("H9", "7.1.2", True, {"good": _LAST + b"x: y\r\n\r\n", "two": _LAST + b"X: y\r\nz:\r\n\r\n"})
_bodies(
    "H9",
    "9110 6.5.1",
    False,
    {
        "content-length": _LAST + b"content-length: 100\r\n\r\n",
        "transfer-encoding": _LAST + b"transfer-encoding: chunked\r\n\r\n",
        "host": _LAST + b"host: other\r\n\r\n",
        "connection": _LAST + b"connection: close\r\n\r\n",
        "expect": _LAST + b"expect: 100-continue\r\n\r\n",
        "upgrade": _LAST + b"upgrade: websocket\r\n\r\n",
    },
)

# H10: bytes that are not allowed in values, and line ends
_fields(
    "H10",
    "2.2",
    False,
    BAD,
    {
        "nul": b"X: a\x00b\r\n",
        "lone cr": b"X: a\rb\r\n",
        "cr as line end": b"X: a\rY: b\r\n",
        "lf as line end": b"X: a\nY: b\r\n",
        "two cr": b"X: a\r\r\n",
        "vertical tab": b"X: a\x0bb\r\n",
        "escape": b"X: \x1b[2J\r\n",
        "delete": b"X: a\x7f\r\n",
        "group separator": b"X: a\x1dY: b\r\n",
        "lf at the end of the head": b"X: a\r\n\nY: b\r\n",
        "cr at the end of the head": b"X: a\r\n\rY: b\r\n",
    },
)
_fields(
    "H10",
    "9110 5.5",
    True,
    BAD,
    {"high bytes": b"X: \x80\x85\xa0\xff\r\n", "tab": b"X: a\tb\r\n", "empty": b"X:\r\n"},
)
refuse("H10", "2.2", "every line end lf", b"GET / HTTP/1.1\nHost: test\n\n")
refuse("H10", "2.2", "every line end cr", b"GET / HTTP/1.1\rHost: test\r\r")
refuse("H10", "2.2", "lf after the request line", b"GET / HTTP/1.1\nHost: test\r\n\r\n")

# H11: field lines
_fields(
    "H11",
    "5.1",
    False,
    BAD,
    {
        "space before colon": b"X : y\r\n",
        "tab before colon": b"X\t: y\r\n",
        "empty name": b": y\r\n",
        "no colon": b"X\r\n",
        "only spaces": b"  \r\n",
        "folded by space": b"X: y\r\n z\r\n",
        "folded by tab": b"X: y\r\n\tz\r\n",
        "folded colon": b"X: y\r\n Z: w\r\n",
        "space in name": b"X Y: z\r\n",
        "parenthesis": b"X(: z\r\n",
        "slash": b"X/Y: z\r\n",
        "at": b"X@Y: z\r\n",
        "quoted name": b'"X": z\r\n',
        "high byte in name": b"X\xe9: z\r\n",
        "nul in name": b"X\x00: z\r\n",
        "coding with a space": b"Transfer-Encoding : chunked\r\n",
        "coding with a nul": b"Transfer-Encoding\x00: chunked\r\n",
    },
)
_fields(
    "H11",
    "5.1",
    True,
    BAD,
    {"every token byte": b"!#$%&'*+-.^_`|~09azAZ: y\r\n", "colon in value": b"X: y:z\r\n"},
)
_fields("H11", "5.1", None, BAD, {"underscores": b"Content_Length: 5\r\nTransfer_Encoding: chunked\r\n"})
refuse("H11", "2.2", "space before the first field", b"GET / HTTP/1.1\r\n Host: test\r\n\r\n")
refuse("H11", "2.2", "folded request line", b"GET / HTTP/1.1\r\n \r\nHost: test\r\n\r\n")

# H12: Host
_fields(
    "H12",
    "3.2",
    False,
    BAD,
    {
        "missing": b"X: y\r\n",
        "twice": HOST + b"Host: other\r\n",
        "the same twice": HOST + HOST,
        "two in one": b"Host: test, other\r\n",
        "space": b"Host: te st\r\n",
        "slash": b"Host: test/x\r\n",
        "user": b"Host: user@test\r\n",
        "query": b"Host: test?x\r\n",
        "fragment": b"Host: test#x\r\n",
        "backslash": b"Host: test\\x\r\n",
        "quote": b'Host: "test"\r\n',
        "open bracket": b"Host: [::1\r\n",
        "port that is no number": b"Host: test:http\r\n",
        "negative port": b"Host: test:-1\r\n",
        "two ports": b"Host: test:80:80\r\n",
        "high byte": b"Host: t\xe9st\r\n",
    },
)
_fields(
    "H12",
    "3.2",
    True,
    BAD,
    {"port": b"Host: test:8000\r\n", "v6": b"Host: [::1]:80\r\n", "v4": b"Host: 127.0.0.1\r\n"},
)
_fields(
    "H12",
    "3.2",
    None,
    BAD,
    {"empty": b"Host:\r\n", "empty port": b"Host: test:\r\n", "big port": b"Host: t:99999\r\n"},
)
refuse("H12", "3.2", "twice in 1.0", b"GET / HTTP/1.0\r\n" + HOST + b"Host: other\r\n\r\n")

# H13: the request line
_targets(
    False,
    VERSION,
    {
        "2.0": b"GET / HTTP/2.0",
        "0.9 with fields": b"GET / HTTP/0.9",
        "1.2": b"GET / HTTP/1.2",
        "9.9": b"GET / HTTP/9.9",
        "1.32": b"GET / HTTP/1.32",
        "01.1": b"GET / HTTP/01.1",
        "lower case version": b"GET / http/1.1",
        "no dot": b"GET / HTTP/11",
        "comma": b"GET / HTTP/1,1",
        "letter after": b"GET / HTTP/1.1x",
        "nul after": b"GET / HTTP/1.1\x00",
        "space after": b"GET / HTTP/1.1 ",
        "word after": b"GET / HTTP/1.1 x",
        "other protocol": b"GET / RTSP/1.0",
        "minus": b"GET / HTTP/-1.1",
        "no version": b"GET /",
        "preface of 2": b"PRI * HTTP/2.0",
    },
)
_targets(
    False,
    BAD,
    {
        "no target": b"GET  HTTP/1.1",
        "nul in target": b"GET /a\x00b HTTP/1.1",
        "space in target": b"GET /a b HTTP/1.1",
        "tab in target": b"GET /a\tb HTTP/1.1",
        "lf in target": b"GET /a\nb HTTP/1.1",
        "cr in target": b"GET /a\rb HTTP/1.1",
        "control in target": b"GET /a\x01b HTTP/1.1",
        "delete in target": b"GET /a\x7fb HTTP/1.1",
        "no slash": b"GET a HTTP/1.1",
        "authority form": b"GET test:80 HTTP/1.1",
        "absolute without host": b"GET http:///x HTTP/1.1",
        "path that is not utf-8": b"GET /%ff HTTP/1.1",
        "overlong utf-8": b"GET /%c0%af HTTP/1.1",
        "surrogate": b"GET /%ed%a0%80 HTTP/1.1",
        "bad escape": b"GET /%zz HTTP/1.1",
        "half an escape": b"GET /% HTTP/1.1",
        "fragment": b"GET /#x HTTP/1.1",
        "raw utf-8": b"GET /\xc3\xa9 HTTP/1.1",
        "asterisk with get": b"GET * HTTP/1.1",
        "high byte in target": b"GET /\xff HTTP/1.1",
        "two spaces": b"GET  / HTTP/1.1",
        "tabs": b"GET\t/\tHTTP/1.1",
        "leading space": b" GET / HTTP/1.1",
        "no method": b" / HTTP/1.1",
        "method with at": b"G@T / HTTP/1.1",
        "method with nul": b"G\x00T / HTTP/1.1",
        "method with colon": b"GET: / HTTP/1.1",
        "method with high byte": b"G\xe9T / HTTP/1.1",
        "one word": b"hello",
        "nothing but a byte": b"\x00",
        "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    },
)
_targets(False, frozenset({501}), {"connect": b"CONNECT test:80 HTTP/1.1"})
_targets(
    None,
    frozenset({400, 501, 505}),
    {
        "escaped nul": b"GET /%00 HTTP/1.1",
        "brackets": b'GET /<>"{} HTTP/1.1',
    },
)
_targets(
    True,
    BAD,
    {
        "absolute": b"GET http://test/x HTTP/1.1",
        "absolute with another host": b"GET http://other/ HTTP/1.1",
        "two slashes": b"GET //x/y HTTP/1.1",
        "query": b"GET /?a=b HTTP/1.1",
        "lower case method": b"get / HTTP/1.1",
        "unknown method": b"BREW / HTTP/1.1",
        "asterisk": b"OPTIONS * HTTP/1.1",
    },
)
refuse("H13", "3", "0.9", b"GET /\r\n", VERSION)
serve("H13", "2.2", "empty line before", b"\r\n" + GET + b"\r\n" + HOST + b"\r\n")
either("H13", "2.2", "empty lines before", b"\r\n" * 1000 + GET + b"\r\n" + HOST + b"\r\n", SIZE)
refuse("H13", "3", "128 kB target", b"GET /" + b"a" * 131072 + b" HTTP/1.1\r\n" + HOST + b"\r\n", LONG)
refuse("H13", "3", "128 kB method", b"A" * 131072 + b" / HTTP/1.1\r\n" + HOST + b"\r\n", LONG | {400, 501})

# H14: floods
_HEAD = GET + b"\r\n" + HOST
refuse("H14", "6585 5", "101 fields", _HEAD + b"x: y\r\n" * 100 + b"\r\n", frozenset({431}))
serve("H14", "6585 5", "100 fields", _HEAD + b"x: y\r\n" * 99 + b"\r\n")
refuse("H14", "6585 5", "10000 fields", _HEAD + b"x: y\r\n" * 10_000 + b"\r\n", frozenset({431}))
refuse("H14", "6585 5", "128 kB field", _HEAD + b"x: " + b"y" * 131072 + b"\r\n\r\n", frozenset({431}))
refuse("H14", "6585 5", "128 kB name", _HEAD + b"x" * 131072 + b": y\r\n\r\n", frozenset({431, 400}))
refuse(
    "H14",
    "6585 5",
    "33 KiB in sum",
    _HEAD + (b"x: " + b"y" * 1000 + b"\r\n") * 33 + b"\r\n",
    frozenset({431}),
)
serve("H14", "6585 5", "31 KiB in sum", _HEAD + (b"x: " + b"y" * 1000 + b"\r\n") * 31 + b"\r\n")
refuse("H14", "6585 5", "no end", _HEAD + b"x: " + b"y" * 65536, frozenset({431}))

CASES = tuple(_rows)
