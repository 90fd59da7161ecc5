"""Responses as a client reads them, out of bytes."""

import re

import attrs


@attrs.frozen
class Reply:
    """One response as a client reads it. `whole`: False when its framing says that something is missing."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    whole: bool = True
    trailers: bytes = b""

    def values(self, name: bytes) -> list[bytes]:
        return [value for own, value in self.headers if own == name]

    @property
    def closes(self) -> bool:
        return b"close" in self.values(b"connection")


def replies(data: bytes, *methods: str) -> list[Reply]:
    """All responses in `data`, which must hold nothing else; `methods` of the requests, GET where none is told.

    Behind a 101 everything is frames: they are its body.
    """
    found: list[Reply] = []
    asked = iter(methods)
    while data:
        head, blank, data = data.partition(b"\r\n\r\n")
        assert blank, f"a head without an end: {head!r}"
        line, *fields = head.split(b"\r\n")
        match = re.fullmatch(rb"HTTP/1\.1 ([0-9]{3}) [^\r\n]*", line)
        assert match, f"no status line: {line!r}"
        headers = [(name, value) for name, _, value in (field.partition(b": ") for field in fields)]
        status = int(match[1])
        method = "" if status < 200 else next(asked, "GET")
        reply, data = _body(Reply(status, headers, b""), method, data)
        if status == 101:
            reply, data = attrs.evolve(reply, body=data), b""
        found.append(reply)
    return found


def _body(reply: Reply, method: str, data: bytes) -> tuple[Reply, bytes]:
    length = reply.values(b"content-length")
    assert len(length) <= 1, f"more than one content-length in {reply}"
    if method == "HEAD" or reply.status in (204, 304) or reply.status < 200:
        return reply, data
    if reply.values(b"transfer-encoding") == [b"chunked"]:
        assert not length
        return _chunks(reply, data)
    if length:
        size = int(length[0])
        return attrs.evolve(reply, body=data[:size], whole=len(data) >= size), data[size:]
    return attrs.evolve(reply, body=data), b""


def _chunks(reply: Reply, data: bytes) -> tuple[Reply, bytes]:
    body = b""
    while True:
        line, end, data = data.partition(b"\r\n")
        if not end:
            return attrs.evolve(reply, body=body, whole=False), b""
        size = int(line, 16)
        if not size:
            break
        body += data[:size]
        assert data[size : size + 2] == b"\r\n"
        data = data[size + 2 :]
    lines = []
    while True:
        line, end, data = data.partition(b"\r\n")
        if not end:
            return attrs.evolve(reply, body=body, whole=False), b""
        if not line:
            return attrs.evolve(reply, body=body, trailers=b"\r\n".join(lines)), data
        lines.append(line)
