"""What holds for any bytes: nothing is raised out of `data_received`, and what was sent is what arrives."""

from inspect import signature
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.conformance.client.websocket import BINARY, CONTINUATION, PING, PONG, TEXT, close_frame, frame, handshake
from seaway.reference import Settings
from seaway.reference.protocols.chunked import ChunkedDecoder
from seaway.reference.protocols.head import Refused, parse_fields, parse_head
from seaway.reference.runner import Runner

from .fakes import FakeRunner, Message, Site, answering, any_speed
from .replies import replies
from .workers import Worker

# -- any bytes -------------------------------------------------------------------------------------------------

PIECES = [
    b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n", b"HEAD * HTTP/1.0\r\n", b"Host: test\r\n", b"Host: test\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Content-Length: 70000\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: close\r\n", b"\r\n", b"\n", b"\r", b"5\r\nhello\r\n", b"0\r\n", b"0\r\n\r\n",
    b"hello", b"x" * 70_000, b" ", b"\0",
    handshake("/"), frame(TEXT, b"a"), frame(PING, b"b"), close_frame(1000), frame(TEXT, b"", fin=False),
]  # fmt: skip
streams = st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=12)


def check(site: Site) -> None:
    """What holds for a connection in every state."""
    before_upgrade, upgrade, _ = site.written.partition(b"HTTP/1.1 101 ")
    found = replies(before_upgrade)
    if not upgrade and site.transport.parted:
        assert len(found) <= len(site.runners) + 1, "one response for each request, and one refusal"
    for runner in site.runners:
        assert len(runner.ended) <= 1
        assert [message.get("more_body") for message in runner.messages].count(False) <= 1


@any_speed
@given(streams, st.booleans())
def test_no_bytes_raise_out_of_a_connection(pieces: list[bytes], returns: bool) -> None:
    site = Site(answering)
    site.host.returns = returns
    for piece in pieces:
        site.feed(piece)
        site.tick(0.1)
    check(site)
    for seconds in (0, 31, 0, 31):
        site.tick(seconds)
    site.lose()
    check(site)

    assert site.host.connections == set()
    assert all(runner.ended for runner in site.runners)


@any_speed
@given(st.lists(st.binary(max_size=30), max_size=10))
def test_no_bytes_raise_out_of_a_websocket(pieces: list[bytes]) -> None:
    site = Site(answering)
    site.feed(handshake("/"))
    for piece in pieces:
        site.feed(piece)
    site.lose()

    assert len(site.runner.ended) == 1


payloads = st.binary(max_size=140)
frames = st.builds(
    frame,
    st.integers(0, 15),
    payloads,
    fin=st.booleans(),
    rsv=st.sampled_from([0, 0, 0, 0, 1, 4]),
    mask=st.sampled_from([b"\1\2\3\4", b"\1\2\3\4", b"\1\2\3\4", None]),
)


@any_speed
@given(st.lists(frames, max_size=8), st.integers(1, 50), st.lists(st.booleans(), max_size=8))
def test_no_frames_raise_out_of_a_websocket(stream: list[bytes], step: int, room: list[bool]) -> None:
    site = Site(answering, websocket_max_size=300)
    site.feed(handshake("/"))
    for index, data in enumerate(stream):
        site.runner.room = room[index] if index < len(room) else True
        site.feed(data, step)
        if not site.transport.reading:
            site.runner.room = True
            site.exchange.resume()
            site.run()
    site.lose()
    codes = [message["code"] for message in site.runner.ended]

    assert len(codes) == 1
    assert codes[0] in {1002, 1005, 1006, 1007, 1009} or 1000 <= codes[0] < 5000


@any_speed
@given(st.binary(max_size=200), st.integers(0, 10))
def test_the_parser_of_heads_refuses_or_parses(data: bytes, most: int) -> None:
    for parse in (parse_head, parse_fields):
        try:
            parse(data, most)
        except Refused as refused:
            assert 400 <= refused.status < 600  # noqa: PT017 - most are refused


# -- what is sent is what arrives ------------------------------------------------------------------------------

TCHAR = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
tokens = st.text(TCHAR, min_size=1, max_size=12).map(str.encode)
values = (
    st.binary(max_size=20)
    .filter(lambda value: not any((byte < 32 and byte != 9) or byte == 127 for byte in value))
    .map(lambda value: value.strip(b" \t"))
)
SPECIAL = {b"host", b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade"}
fields = st.lists(st.tuples(tokens, values).filter(lambda pair: pair[0].lower() not in SPECIAL), max_size=6)
paths = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=4).map("/".join)
queries = st.text("".join(map(chr, range(0x21, 0x7F))).replace("#", ""), max_size=20).map(str.encode)


UNQUOTED = TCHAR.translate(str.maketrans("", "", "%#")) + "/"


def quoted(path: str) -> bytes:
    return b"".join(bytes([byte]) if chr(byte) in UNQUOTED else b"%%%02X" % byte for byte in path.encode())


@attrs.frozen
class Request:
    method: bytes
    path: str
    query: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes
    cuts: list[int] | None  # sizes of chunks; None: content-length
    trailers: list[tuple[bytes, bytes]]

    @property
    def data(self) -> bytes:
        target = b"/" + quoted(self.path) + (b"?" + self.query if self.query else b"")
        framing = b"Content-Length: %d" % len(self.body) if self.cuts is None else b"Transfer-Encoding: chunked"
        head = [
            self.method + b" " + target + b" HTTP/1.1",
            b"Host: test",
            framing,
            *(b"%b:\t%b " % p for p in self.fields),
        ]
        return b"\r\n".join(head) + b"\r\n\r\n" + (self.body if self.cuts is None else self.chunks)

    @property
    def chunks(self) -> bytes:
        parts, position = [], 0
        for size in [*(self.cuts or ()), len(self.body)]:
            part = self.body[position : position + size]
            position += len(part)
            if part:
                parts.append(b"%x\r\n%b\r\n" % (len(part), part))
        lines = b"".join(b"%b: %b\r\n" % pair for pair in self.trailers)
        return b"".join(parts) + b"0\r\n" + lines + b"\r\n"


requests = st.builds(
    Request,
    tokens.filter(lambda method: method not in (b"CONNECT", b"HEAD")),
    paths,
    queries,
    fields,
    st.binary(max_size=300),
    st.none() | st.lists(st.integers(1, 50), max_size=5),
    fields,
)


@any_speed
@given(st.lists(requests, min_size=1, max_size=3), st.integers(1, 400))
def test_requests_arrive_as_they_were_sent(sent: list[Request], step: int) -> None:
    site = Site(answering)
    site.feed(b"".join(request.data for request in sent), step)

    assert [reply.status for reply in replies(site.written)] == [200] * len(sent)
    for request, runner in zip(sent, site.runners, strict=True):
        first = runner.first
        assert first["method"].encode() == request.method
        assert first["path"] == "/" + request.path
        assert first["query_string"] == request.query
        assert first["headers"][2:] == [(name.lower(), value) for name, value in request.fields]
        assert runner.body == request.body
        trailers = [message["headers"] for message in runner.messages if message["type"] == "http.request.trailers"]
        expected = [(name.lower(), value) for name, value in request.trailers]
        assert trailers == ([expected] if request.cuts is not None and expected else [])
        assert runner.ended == [{"type": "http.disconnect", "complete": True}]


@any_speed
@given(st.binary(max_size=500), st.lists(st.integers(1, 60), max_size=8), st.integers(1, 100), st.binary(max_size=5))
def test_a_body_in_any_chunks_is_the_same_body(body: bytes, cuts: list[int], step: int, behind: bytes) -> None:
    stream = Request(b"POST", "", b"", [], body, cuts, []).chunks + behind
    decoder = ChunkedDecoder(1000, 10)
    found, rest = b"", b""
    for start in range(0, len(stream), step):
        piece = stream[start : start + step]
        if decoder.done:
            rest += piece
            continue
        part, rest = decoder.feed(piece)
        found += part

    assert (found, rest, decoder.done) == (body, behind, True)


messages = st.text(max_size=80) | st.binary(max_size=80)


def in_fragments(message: str | bytes, cuts: list[int], controls: list[bytes]) -> bytes:
    data = message.encode() if isinstance(message, str) else message
    places = sorted({min(cut, len(data)) for cut in cuts})
    parts = [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
    opcode = TEXT if isinstance(message, str) else BINARY
    stream = b""
    for index, part in enumerate(parts):
        stream += frame(CONTINUATION if index else opcode, part, fin=index == len(parts) - 1)
        if index < len(controls):
            stream += frame(PING, controls[index]) + frame(PONG, controls[index])
    return stream


@any_speed
@given(
    st.lists(
        st.tuples(messages, st.lists(st.integers(0, 80), max_size=3), st.lists(st.binary(max_size=5), max_size=3)),
        max_size=5,
    ),
    st.integers(1, 200),
    st.lists(st.booleans(), max_size=6),
)
def test_messages_arrive_as_they_were_sent(sent: list[Any], step: int, room: list[bool]) -> None:
    """In fragments, with pings and pongs between, in pieces, and through a mailbox that is full now and then."""
    site = Site(answering)
    site.feed(handshake("/"))
    turns = iter(room)
    for message, cuts, controls in sent:
        site.runner.room = next(turns, True)
        site.feed(in_fragments(message, cuts, controls), step)
        while not site.transport.reading:
            site.runner.room = next(turns, True)
            site.exchange.resume()
            site.run()
    received = [message.get("text", message.get("bytes")) for message in site.runner.messages[1:]]

    assert received == [message for message, _, _ in sent]


@pytest.mark.parametrize("is_text", [True, False])
@given(payload=st.binary(max_size=300))
def test_text_that_is_not_utf_8_is_refused_and_nothing_else(is_text: bool, payload: bytes) -> None:
    site = Site(answering)
    site.feed(handshake("/") + frame(TEXT if is_text else BINARY, payload))
    try:
        payload.decode()
        good = True
    except UnicodeDecodeError:
        good = not is_text

    assert len(site.runner.messages) == (2 if good else 1)
    assert [message["code"] for message in site.runner.ended] == ([] if good else [1007])


# -- the mailbox -----------------------------------------------------------------------------------------------


@attrs.define
class Model:
    """What a mailbox must do, told as simply as it can be: what was filed, in order, for each source."""

    socket: list[Message] = attrs.Factory(list)
    layer: list[Message] = attrs.Factory(list)


STEPS = st.lists(st.sampled_from(["socket", "layer", "layer", "layer", "control", "gap", "go on"]), max_size=60)


@settings(any_speed, max_examples=150)
@given(STEPS, st.integers(1, 4))
def test_nothing_is_lost_without_a_count(steps: list[str], most: int) -> None:
    """CON-031, CON-041: each source in order; what the layer's misses is what the gaps count, where they stand."""
    worker = Worker(mailbox=attrs.evolve(Settings().mailbox, layer_messages=most, socket_messages=2))
    worker.holds |= {"test.part", "note.number", "server.drain", "layer.gap"}
    worker.begin()
    model = Model()
    for number, step in enumerate(steps):
        if step == "socket":
            model.socket.append({"type": "test.part", "number": number})
            worker.runner.file_socket(model.socket[-1], 1)
        elif step == "layer":
            model.layer.append({"type": "note.number", "number": number})
            worker.runner.file_layer(model.layer[-1])
        elif step == "control":
            worker.runner.file_control({"type": "server.drain"})
        elif step == "gap":
            worker.runner.file_layer({"type": "layer.gap", "reason": "lost", "dropped": None})
        elif worker.runner in worker.runtime.pumps:
            worker.go_on()
    Worker.end_all()
    calls = worker.calls[1:]

    assert [message for message in calls if message["type"] == "test.part"] == model.socket
    assert sum(message["type"] == "server.drain" for message in calls) == steps.count("control")
    expected = iter(model.layer)
    for message in calls:
        if message["type"] == "note.number":
            assert message == next(expected)
        elif message["type"] == "layer.gap" and message["reason"] == "overflow":
            for _ in range(message["dropped"]):
                next(expected)
    assert list(expected) == []


@pytest.mark.parametrize("name", ["file_socket", "file_control", "finish", "wake_after"])
def test_the_fake_runner_is_called_as_the_real_one(name: str) -> None:
    """Otherwise a change of `Runner` would go unnoticed here."""
    assert signature(getattr(FakeRunner, name)) == signature(getattr(Runner, name), eval_str=True)
