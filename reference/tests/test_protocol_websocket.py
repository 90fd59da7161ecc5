"""`WebSocket` by bytes: frames, limits, closing in each state, a full mailbox, a slow client, silence."""

from typing import Any

import pytest

from seaway.conformance.client.websocket import (
    ACCEPT,
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close_frame,
    frame,
    handshake,
    text,
)

from .fakes import FakeHost, Message, Site, advance, silent
from .replies import replies

GET = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
LOST: Message = {"type": "websocket.disconnect", "code": 1006, "reason": ""}


def connecting(rest: bytes = b"", *fields: str, **settings: Any) -> Site:
    site = Site(silent, **settings)
    site.feed(handshake("/chat?a=b", *fields) + rest)
    return site


def opened(**settings: Any) -> Site:
    site = connecting(**settings)
    site.emit("websocket.accept")
    site.take()
    return site


def closing(code: int = 1000) -> Site:
    site = opened()
    site.emit("websocket.close", code=code)
    site.take()
    return site


def sent(data: bytes) -> list[tuple[int, bytes]]:
    """The frames of the server in `data`: opcode and payload."""
    found = []
    while data:
        assert data[0] & 0xF0 == 0x80, "one whole frame without reserved bits"
        size, start = data[1], 2
        if size > 125:
            wide = 2 if size == 126 else 8
            size, start = int.from_bytes(data[2 : 2 + wide], "big"), 2 + wide
        assert len(data) >= start + size
        found.append((data[0] & 0x0F, data[start : start + size]))
        data = data[start + size :]
    return found


def received(site: Site) -> list[str | bytes]:
    messages = [message for message in site.runner.messages if message["type"] == "websocket.receive"]
    return [message.get("text", message.get("bytes")) for message in messages]


def close_of(code: int, reason: bytes = b"") -> tuple[int, bytes]:
    return (CLOSE, code.to_bytes(2, "big") + reason)


def ended_with(site: Site) -> int:
    (message,) = site.runner.ended
    assert message["type"] == "websocket.disconnect"
    return int(message["code"])


# -- the handshake ---------------------------------------------------------------------------------------------


def test_the_first_message_has_every_key() -> None:
    """WS-001, WS-004."""
    site = connecting(b"", "Sec-WebSocket-Protocol: chat.v2, chat.v1")
    first = dict(site.runner.first)
    headers = first.pop("headers")

    assert (b"sec-websocket-protocol", b"chat.v2, chat.v1") in headers
    assert first == {
        "type": "websocket.connect",
        "path": "/chat",
        "raw_path": b"/chat",
        "query_string": b"a=b",
        "root_path": "",
        "scheme": "ws",
        "http_version": "1.1",
        "client": ("192.0.2.7", 40000),
        "server": ("192.0.2.1", 80),
        "subprotocols": ["chat.v2", "chat.v1"],
        "extensions": {"interface": "1.0"},
    }


def test_accept_answers_the_key() -> None:
    site = connecting(b"", "Sec-WebSocket-Protocol: a, b")
    site.emit("websocket.accept", subprotocol="b", headers=[(b"x-a", b"1")])
    (reply,) = replies(site.written)

    assert reply.status == 101
    assert reply.values(b"sec-websocket-accept") == [ACCEPT]
    assert reply.values(b"sec-websocket-protocol") == [b"b"]
    assert reply.values(b"x-a") == [b"1"]
    assert reply.values(b"date") == [b"today"]
    assert site.host.log == [(101, 0)]


@pytest.mark.parametrize("answer", ["accept", "reject"])
def test_a_date_of_the_consumer_is_the_only_one(answer: str) -> None:
    """HTTP-044."""
    site = connecting()
    site.emit(f"websocket.{answer}", headers=[(b"date", b"yesterday")])

    assert replies(site.written)[0].values(b"date") == [b"yesterday"]


@pytest.mark.parametrize(("status", "body"), [(403, b"no"), (401, b""), (503, b""), (204, b"x"), (304, b"x")])
def test_reject_is_a_whole_response_and_the_end(status: int, body: bytes) -> None:
    """WS-010, WS-022, HTTP-041."""
    site = connecting(text("early"))
    site.emit("websocket.reject", status=status, body=body, headers=[(b"x-a", b"1")])
    (reply,) = replies(site.written)

    assert (reply.status, reply.closes, reply.whole) == (status, True, True)
    assert reply.body == (body if status >= 400 else b"")
    assert reply.values(b"content-length") == ([b"%d" % len(body)] if status >= 400 else [])
    assert site.runner.ended == [LOST]
    assert site.transport.eof
    assert received(site) == []
    site.tick(0)
    site.tick(3)
    assert site.transport.closed


def test_reject_may_tell_the_length_of_its_body() -> None:
    site = connecting()
    site.emit("websocket.reject", status=404, body=b"no", headers=[(b"content-length", b"2")])

    assert replies(site.written)[0].values(b"content-length") == [b"2"]


def test_a_refused_answer_leaves_the_other_answers_possible() -> None:
    """CON-067."""
    site = connecting()
    for wrong in (
        {"type": "websocket.accept", "subprotocol": "nobody"},
        {"type": "websocket.accept", "headers": [(b"sec-websocket-accept", b"x")]},
        {"type": "websocket.accept", "headers": [(b"content-length", b"0")]},
        {"type": "websocket.accept", "headers": [(b"connection", b"close")]},
        {"type": "websocket.reject", "headers": [(b"content-length", b"5")]},
        {"type": "websocket.reject", "status": 1000},
        {"type": "websocket.close"},
        {"type": "websocket.send"},
        {"type": "websocket.send", "text": "a", "bytes": b"b"},
        {"type": "http.response", "status": 200},
    ):
        with pytest.raises(ValueError, match=r"[A-Z]+-\d"):
            site.emit(**wrong)
    assert site.written == b""
    site.emit("websocket.send", text="x")

    assert [reply.status for reply in replies(site.written)] == [101]


def test_a_handshake_that_is_not_answered_is_503() -> None:
    """WS-026."""
    site = connecting(handshake_timeout=10)
    site.tick(0)
    site.tick(9)
    assert site.written == b""
    site.tick(1)

    assert [reply.status for reply in replies(site.written)] == [503]
    assert ended_with(site) == 1006
    with pytest.raises(ConnectionError):
        site.emit("websocket.accept")


def test_an_exception_before_accept_is_500() -> None:
    """WS-037."""
    site = connecting()
    site.exchange.failed()

    assert [reply.status for reply in replies(site.written)] == [500]
    assert site.transport.parted


def test_no_room_for_a_consumer_is_503() -> None:
    """SRV-027."""
    site = Site()
    site.host.most = 0
    site.feed(handshake("/") + text("early"))

    assert [reply.status for reply in replies(site.written)] == [503]
    assert site.transport.parted


@pytest.mark.parametrize("step", [1, 3, 10_000])
def test_frames_behind_the_handshake_wait_for_accept(step: int) -> None:
    """WS-005, WS-032."""
    site = Site(silent)
    site.feed(handshake("/") + text("one") + text("two") + frame(PING, b"?"), step)
    assert received(site) == []
    site.emit("websocket.accept")
    assert received(site) == ["one", "two"]
    (reply,) = replies(site.take())
    assert sent(reply.body) == [(PONG, b"?")]
    site.feed(text("three"))

    assert received(site) == ["one", "two", "three"]


def test_what_may_come_before_accept_is_bounded() -> None:
    """64 KiB and one read; it is all there afterwards."""
    site = connecting(frame(BINARY, b"x" * 1000), websocket_max_size=10**6)
    site.feed(frame(BINARY, b"y" * 1000) * 200, 4096)

    assert not site.transport.reading
    assert sum(map(len, site.unread)) >= 200 * 1000 - 64 * 1024 - 4096
    site.emit("websocket.accept")
    assert len(received(site)) == 201


def test_a_first_piece_may_fill_what_may_come_before_accept() -> None:
    site = connecting(frame(BINARY, b"x" * 70_000))

    assert not site.transport.reading


def test_early_frames_do_not_overfill_the_mailbox() -> None:
    """CON-040: bytes come between accept and what was put off, and fill it."""
    site = connecting(text("one"))
    site.exchange.emit({"type": "websocket.accept"})
    site.runner.room = False
    site.websocket.data_received(text("two") + text("three"))
    assert received(site) == ["one"]
    site.run()

    assert received(site) == ["one"]
    assert not site.transport.reading


def test_a_rejected_websocket_drops_what_was_put_off() -> None:
    site = connecting(text("one"))
    site.exchange.emit({"type": "websocket.accept"})
    site.lose()
    site.run()

    assert received(site) == []


def test_nothing_may_be_sent_before_the_first_message() -> None:
    """CON-029."""
    site = connecting()
    site.exchange.started = False
    with pytest.raises(ValueError, match="CON-029"):
        site.emit("websocket.accept")


def test_a_wish_to_be_woken_goes_to_the_runner() -> None:
    site = connecting()
    site.emit("server.wake", after=5)

    assert site.runner.wakes == [5]


# -- messages --------------------------------------------------------------------------------------------------

SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [1009, 10**6])
def test_messages_of_every_size_come_and_go(size: int, step: int) -> None:
    """WS-002, WS-023."""
    site = opened()
    site.feed(frame(BINARY, b"x" * size) + frame(TEXT, b"y" * size), step)
    assert received(site) == [b"x" * size, "y" * size]
    assert site.runner.sizes[1:] == [size, size]
    site.emit("websocket.send", bytes=b"x" * size)
    site.emit("websocket.send", text="y" * size)

    assert sent(site.written) == [(BINARY, b"x" * size), (TEXT, b"y" * size)]


@pytest.mark.parametrize("key", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\x02\x03\x04"])
def test_every_mask_is_taken_off(key: bytes) -> None:
    site = opened()
    site.feed(frame(BINARY, bytes(range(256)), mask=key))

    assert received(site) == [bytes(range(256))]


def test_fragments_are_one_message_with_control_frames_between() -> None:
    """WS-006, WS-007, WS-044."""
    site = opened()
    word = "Ölfaß".encode()
    parts = [word[start : start + 1] for start in range(len(word))]
    stream = frame(TEXT, b"", fin=False) + b"".join(
        frame(CONTINUATION, part, fin=False) + frame(PING, part) + frame(PONG, b"any") for part in parts
    )
    site.feed(stream + frame(CONTINUATION, b"") + frame(BINARY, b"a", fin=False) + frame(CONTINUATION, b"b"), 5)

    assert received(site) == ["Ölfaß", b"ab"]
    assert sent(site.written) == [(PONG, part) for part in parts]


def test_one_text_to_many_is_one_frame() -> None:
    host = FakeHost()
    shared = "to all"
    sites = [opened() for _ in range(3)]
    for site in sites:
        site.websocket.host = host
        site.emit("websocket.send", text=shared)
        site.emit("websocket.send", text="own")

    assert [sent(site.written) for site in sites] == [[(TEXT, b"to all"), (TEXT, b"own")]] * 3


# -- what breaks the protocol ----------------------------------------------------------------------------------

MANY = frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) * 4095
BROKEN: dict[str, tuple[bytes, int]] = {
    "not masked": (frame(TEXT, b"a", mask=None), 1002),
    "first reserved bit": (frame(TEXT, b"a", rsv=4), 1002),
    "last reserved bit": (frame(BINARY, b"a", rsv=1), 1002),
    "reserved bit of a ping": (frame(PING, b"a", rsv=4), 1002),
    "reserved data opcode": (frame(3, b"a"), 1002),
    "reserved control opcode": (frame(0xB, b"a"), 1002),
    "ping in fragments": (frame(PING, b"a", fin=False), 1002),
    "long ping": (frame(PING, b"a" * 126), 1002),
    "long close": (frame(CLOSE, b"\x03\xe8" + b"a" * 124), 1002),
    "continuation of nothing": (frame(CONTINUATION, b"a"), 1002),
    "message in a message": (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), 1002),
    "length not in its shortest form": (b"\x81\xfe\x00\x05\x00\x00\x00\x00hello", 1002),
    "long length not in its shortest form": (b"\x82\xff" + (200).to_bytes(8, "big") + b"\0" * 204, 1002),
    "text is not UTF-8": (frame(TEXT, b"\xed\xa0\x80"), 1007),
    "text in fragments is not UTF-8": (frame(TEXT, b"\xc3", fin=False) + frame(CONTINUATION, b"("), 1007),
    "close with one byte": (frame(CLOSE, b"\x03"), 1002),
    **{f"close with {code}": (close_frame(code), 1002) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000)},
    "close reason is not UTF-8": (close_frame(1000, b"\xff"), 1007),
    "too large": (frame(BINARY, b"", length=101), 1009),
    "announced too large": (frame(TEXT, b"", length=2**62), 1009),
    "too large in fragments": (
        frame(TEXT, b"a" * 60, fin=False) + frame(CONTINUATION, b"", length=41, fin=False),
        1009,
    ),
    "too many fragments": (MANY, 1009),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("step", [1, 10**6])
def test_a_broken_frame_closes_with_its_code(name: str, step: int) -> None:
    """WS-039 to WS-043, W3, W4: what has come before is given, what comes behind is not."""
    data, code = BROKEN[name]
    site = opened(websocket_max_size=100)
    site.feed(text("good") + data, step)
    site.feed(text("late"), step)
    frames = sent(site.written)

    assert received(site) == ["good"]
    assert [opcode for opcode, _ in frames] == [CLOSE]
    assert frames[0][1][:2] == code.to_bytes(2, "big")
    assert len(frames[0][1]) <= 125
    assert frames[0][1][2:].decode() == site.runner.ended[0]["reason"]
    assert ended_with(site) == code
    assert site.transport.eof
    assert site.transport.reading
    with pytest.raises(ConnectionError):
        site.emit("websocket.send", text="x")
    site.tick(0)
    site.tick(3)
    assert site.transport.closed


def test_a_message_of_the_limit_is_no_fault() -> None:
    site = opened(websocket_max_size=100)
    site.feed(frame(BINARY, b"a" * 100) + frame(BINARY, b"b" * 60, fin=False) + frame(CONTINUATION, b"c" * 40))
    site.feed(frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) * 4094 + frame(CONTINUATION, b"!"))

    assert received(site) == [b"a" * 100, b"b" * 60 + b"c" * 40, "!"]


def test_the_size_of_one_message_does_not_count_for_the_next() -> None:
    site = opened(websocket_max_size=100)
    for _ in range(5):
        site.feed(frame(BINARY, b"a" * 60, fin=False) + frame(CONTINUATION, b"b" * 40))

    assert len(received(site)) == 5


def test_a_control_frame_may_come_in_a_message_of_the_limit() -> None:
    site = opened(websocket_max_size=100)
    site.feed(frame(BINARY, b"a" * 100, fin=False) + frame(PING, b"p" * 125) + frame(CONTINUATION, b""))

    assert received(site) == [b"a" * 100]


# -- closing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999])
def test_a_close_is_answered_with_its_code(code: int) -> None:
    """WS-008, WS-045."""
    site = opened()
    site.feed(close_frame(code, "ß".encode()) + text("late"))

    assert sent(site.written) == [close_of(code)]
    assert site.runner.ended == [{"type": "websocket.disconnect", "code": code, "reason": "ß"}]
    assert site.transport.closed
    assert received(site) == []
    with pytest.raises(ConnectionError):
        site.emit("websocket.send", text="x")


def test_a_close_without_a_code_is_1005() -> None:
    """WS-009."""
    site = opened()
    site.feed(close_frame(None))

    assert sent(site.written) == [(CLOSE, b"")]
    assert ended_with(site) == 1005


def test_a_close_of_the_consumer_waits_for_the_clients() -> None:
    """WS-008, WS-024: the first close frame tells the code."""
    site = opened()
    site.feed(text("before"))
    site.emit("websocket.close", code=4001, reason="over")
    assert sent(site.take()) == [close_of(4001, b"over")]
    assert not site.transport.parted
    site.feed(text("after") + frame(PING, b"x") + frame(TEXT, b"half", fin=False) + close_frame(4002))

    assert site.written == b""
    assert site.transport.closed
    assert received(site) == ["before"]
    assert site.runner.ended == [{"type": "websocket.disconnect", "code": 4001, "reason": "over"}]


def test_a_close_that_the_client_does_not_answer_ends_in_time() -> None:
    """WS-025."""
    site = closing()
    site.tick(0)
    for _ in range(9):
        site.feed(text("on and on"))
        site.tick(1)
    assert not site.transport.closed
    site.tick(1)
    assert site.transport.closed


def test_a_client_that_breaks_the_protocol_while_it_closes_is_let_go() -> None:
    site = closing()
    site.feed(frame(TEXT, b"x", mask=None))

    assert site.written == b""
    assert site.transport.eof
    assert ended_with(site) == 1000


@pytest.mark.parametrize("kind", ["websocket.send", "websocket.close", "websocket.accept", "websocket.reject"])
@pytest.mark.parametrize("answered", [False, True])
def test_after_a_close_of_ones_own_send_raises_value_error(kind: str, answered: bool) -> None:
    """WS-015."""
    site = closing()
    if answered:
        site.feed(close_frame(1000))
    keys = {"text": "x"} if kind == "websocket.send" else {}

    with pytest.raises(ValueError, match="WS-015"):
        site.emit(kind, **keys)


@pytest.mark.parametrize("kind", ["websocket.send", "websocket.close", "websocket.accept", "websocket.reject"])
def test_after_a_close_of_somebody_else_send_raises_connection_error(kind: str) -> None:
    """WS-016."""
    keys = {"text": "x"} if kind == "websocket.send" else {}
    for end in (Site.eof, Site.lose, lambda site: site.exchange.end(1012, 503), lambda site: site.exchange.failed()):
        site = opened()
        end(site)
        with pytest.raises(ConnectionError):
            site.emit(kind, **keys)


@pytest.mark.parametrize("end", [Site.eof, Site.lose])
@pytest.mark.parametrize("make", [connecting, opened])
def test_a_connection_that_is_lost_is_1006(make: Any, end: Any) -> None:
    """WS-010."""
    site = make()
    end(site)
    site.lose()

    assert site.runner.ended == [LOST]
    assert site.transport.closed
    assert site.host.connections == set()


@pytest.mark.parametrize("end", [Site.eof, Site.lose])
def test_a_connection_that_is_lost_while_it_closes_keeps_its_code(end: Any) -> None:
    site = closing(4000)
    end(site)

    assert ended_with(site) == 4000


def test_the_server_ends_with_a_code_of_its_own() -> None:
    """SRV-005, WS-038."""
    for end, code in ((lambda exchange: exchange.end(1012, 503), 1012), (lambda exchange: exchange.failed(), 1011)):
        site = opened()
        end(site.exchange)
        end(site.exchange)
        assert sent(site.written) == [close_of(code)]
        assert ended_with(site) == code
        site.feed(close_frame(code))
        assert site.transport.closed


def test_the_server_ends_nothing_twice() -> None:
    site = closing(4000)
    site.exchange.end(1012, 503)
    site.exchange.failed()
    site.feed(close_frame(4000))
    site.exchange.end(1012, 503)

    assert site.written == b""
    assert ended_with(site) == 4000


def test_retiring_is_left_to_the_server() -> None:
    site = opened()
    site.websocket.retire()

    assert not site.transport.parted


# -- a full mailbox --------------------------------------------------------------------------------------------


def test_a_full_mailbox_stops_reading_and_keeps_the_rest() -> None:
    """CON-040."""
    site = opened()
    site.runner.room = False
    site.feed(b"".join(text(str(number)) for number in range(5)))
    for number in range(5):
        assert not site.transport.reading
        assert received(site) == [str(part) for part in range(number + 1)]
        site.exchange.resume()
    site.runner.room = True
    site.exchange.resume()
    site.feed(text("5"))

    assert received(site) == [str(number) for number in range(6)]
    assert site.transport.reading


def test_a_read_that_was_under_way_when_the_mailbox_filled_waits() -> None:
    """A transport may bring one more piece after it was told to pause."""
    site = opened()
    site.runner.room = False
    site.feed(text("one"))
    for piece in (text("two"), text("three")[:3], text("three")[3:]):
        site.websocket.data_received(piece)
    assert received(site) == ["one"]
    site.runner.room = True
    site.exchange.resume()

    assert received(site) == ["one", "two", "three"]


def test_a_frame_in_pieces_goes_on_after_a_full_mailbox() -> None:
    site = opened()
    site.runner.room = False
    large = frame(BINARY, b"x" * 70_000)
    site.feed(large[:100])
    site.feed(large[100:] + text("two")[:4])
    assert received(site) == [b"x" * 70_000]
    site.runner.room = True
    site.exchange.resume()
    site.feed(text("two")[4:])

    assert received(site) == [b"x" * 70_000, "two"]


@pytest.mark.parametrize("ender", ["consumer", "server"])
def test_a_close_reads_on_behind_a_full_mailbox(ender: str) -> None:
    """WS-024, WS-045: the client's close frame stands behind messages that had no room."""
    site = opened()
    site.runner.room = False
    large = frame(BINARY, b"x" * 70_000)
    site.feed(large[:100])
    site.feed(large[100:] + text("no room"))
    if ender == "consumer":
        site.emit("websocket.close")
    else:
        site.exchange.failed()
        site.run()
    site.feed(close_frame(1000))

    assert site.transport.closed
    assert received(site) == [b"x" * 70_000]


def test_a_close_finds_the_clients_that_has_come_before_it() -> None:
    site = opened()
    site.runner.room = False
    site.feed(text("one") + text("no room") + close_frame(1000))
    site.emit("websocket.close", code=4000)

    assert site.transport.closed
    assert ended_with(site) == 4000


@pytest.mark.parametrize("end", [Site.eof, Site.lose])
def test_a_resume_after_the_end_does_nothing(end: Any) -> None:
    site = opened()
    site.runner.room = False
    site.feed(text("one") + text("two"))
    end(site)
    site.exchange.resume()

    assert received(site) == ["one"]
    assert site.runner.ended == [LOST]


# -- a slow client ---------------------------------------------------------------------------------------------


def test_of_the_pings_that_wait_only_the_latest_is_answered() -> None:
    """WS-044, W5."""
    site = opened()
    site.transport.fill()
    for number in range(1000):
        site.feed(frame(PING, b"%d" % number))
    assert site.written == b""
    site.transport.empty()
    assert sent(site.take()) == [(PONG, b"999")]
    site.transport.fill()
    site.transport.empty()

    assert site.written == b""


@pytest.mark.parametrize(
    "end", [text("\xff").replace(b"\x81", b"\x83", 1), frame(TEXT, b"x", mask=None), close_frame(1000)]
)
def test_no_pong_follows_the_end(end: bytes) -> None:
    """A transport refuses a write behind its end."""
    site = opened()
    site.transport.fill()
    site.feed(frame(PING, b"?") + end)
    site.transport.empty()

    assert [opcode for opcode, _ in sent(site.written)] == [CLOSE]


def test_no_pong_follows_a_close_of_ones_own() -> None:
    site = opened()
    site.transport.fill()
    site.feed(frame(PING, b"?"))
    site.emit("websocket.close")
    site.transport.empty()

    assert [opcode for opcode, _ in sent(site.written)] == [CLOSE]


def test_send_waits_while_the_transport_is_full() -> None:
    """CON-062, CON-063."""
    site = opened()
    site.transport.fill()
    message = {"type": "websocket.send", "text": "x"}
    sending = site.send(message)
    assert not advance(sending)
    message["text"] = "y"
    site.transport.empty()
    assert advance(sending)

    assert sent(site.written) == [(TEXT, b"x")]


@pytest.mark.parametrize("end", [Site.lose, lambda site: site.feed(close_frame(1000))])
def test_a_send_that_waits_raises_when_the_websocket_ends(end: Any) -> None:
    """CON-065."""
    site = opened()
    site.transport.fill()
    sending = site.send({"type": "websocket.send", "text": "x"})
    advance(sending)
    end(site)
    if not site.websocket.lost:
        site.transport.empty()

    with pytest.raises(ConnectionError):
        advance(sending)


def test_a_client_that_takes_nothing_is_cut_off() -> None:
    """CON-064, W6."""
    site = opened(send_timeout=30)
    site.transport.fill(100)
    site.tick(0)
    site.tick(29)
    assert not site.transport.aborted
    site.tick(1)
    assert site.transport.aborted


# -- silence ---------------------------------------------------------------------------------------------------


def test_a_silent_client_is_pinged_and_then_lost() -> None:
    """WS-046: within 40 seconds, looked at every half second."""
    site = opened()
    pings = 0
    for _ in range(80):
        assert not site.transport.aborted or pings
        pings += sent(site.take()) == [(PING, b"")]
        site.tick(0.5)

    assert pings == 1
    assert site.transport.aborted


def test_any_byte_ends_the_silence() -> None:
    site = opened()
    for _ in range(10):
        for _ in range(37):
            site.tick(0.5)
        site.feed(frame(PONG, b""), 3)
    assert site.written == b""
    for _ in range(10):
        for _ in range(50):
            site.tick(0.5)
        assert sent(site.take()) == [(PING, b"")]
        site.feed(text("half of it")[:4])
        site.feed(text("half of it")[4:])

    assert not site.transport.aborted


def test_a_client_that_we_do_not_read_is_not_silent() -> None:
    site = opened()
    site.runner.room = False
    site.feed(text("one"))
    for _ in range(300):
        site.tick(1)

    assert not site.transport.aborted


def test_no_ping_waits_behind_a_full_transport() -> None:
    site = opened(send_timeout=1000)
    site.transport.fill()
    for _ in range(30):
        site.tick(1)

    assert site.written == b""


# -- sends from inside -----------------------------------------------------------------------------------------


def test_a_consumer_that_echoes_inside_its_call() -> None:
    def echo(exchange: Any, message: Message) -> None:
        if message["type"] == "websocket.connect":
            exchange.emit({"type": "websocket.accept"})
        else:
            exchange.emit({**message, "type": "websocket.send"})

    site = Site(echo)
    site.feed(handshake("/") + b"".join(text(str(number)) for number in range(2000)), 1000)
    (reply,) = replies(site.written)

    assert sent(reply.body) == [(TEXT, b"%d" % number) for number in range(2000)]


def test_a_consumer_that_closes_inside_its_call() -> None:
    def once(exchange: Any, message: Message) -> None:
        exchange.emit({"type": "websocket.accept" if message["type"] == "websocket.connect" else "websocket.close"})

    site = Site(once)
    site.feed(handshake("/") + text("one") + text("two") + close_frame(1000) + text("three"))
    (reply,) = replies(site.written)

    assert received(site) == ["one"]
    assert sent(reply.body) == [close_of(1000)]
    assert site.transport.closed


def test_a_consumer_that_fails_inside_its_call() -> None:
    def fails(exchange: Any, message: Message) -> None:
        exchange.emit({"type": "websocket.accept"}) if message["type"] == "websocket.connect" else exchange.failed()

    site = Site(fails)
    site.feed(handshake("/") + text("one") + text("two"))
    (reply,) = replies(site.written)

    assert received(site) == ["one"]
    assert sent(reply.body) == [close_of(1011)]
    assert ended_with(site) == 1011
