"""Bodies of requests by bytes: whole or in parts, the 100, what is left unread, faults, trailers, time."""

from typing import Any

import pytest

from .fakes import Message, Site, silent
from .replies import replies

NEXT = b"GET /next HTTP/1.1\r\nHost: test\r\n\r\n"
DISCONNECT: Message = {"type": "http.disconnect", "complete": False}
COMPLETE: Message = {"type": "http.disconnect", "complete": True}
KIB = 1024


def post(framing: bytes, *fields: bytes, method: bytes = b"POST") -> bytes:
    lines = (method + b" / HTTP/1.1", b"Host: test", framing, *fields)
    return b"".join(b"%b\r\n" % line for line in lines) + b"\r\n"


def length(size: int, *fields: bytes) -> bytes:
    return post(b"Content-Length: %d" % size, *fields)


def chunked(*fields: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", *fields)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


END = b"0\r\n\r\n"
EXPECT = b"Expect: 100-continue"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def slow(data: bytes = b"", **settings: Any) -> Site:
    """A consumer whose call with each part goes on until the test says that it has returned."""
    site = Site(silent, **settings)
    site.host.returns = False
    site.feed(data)
    return site


def held(site: Site) -> bool:
    return site.exchange.waiting is not None


# -- whole, or in parts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 1000, 64 * KIB])
def test_a_small_body_comes_whole(size: int) -> None:
    """HTTP-013."""
    site = Site()
    site.feed(length(size) + b"x" * size, 1000)

    (message,) = site.runner.messages
    assert message["body"] == b"x" * size
    assert message["more_body"] is False
    assert site.runner.sizes == [size]


@pytest.mark.parametrize("head", [length(64 * KIB + 1), chunked(), length(5, EXPECT), chunked(EXPECT)])
def test_any_other_body_begins_at_once(head: bytes) -> None:
    """HTTP-014."""
    site = slow(head)

    (message,) = site.runner.messages
    assert (message["body"], message["more_body"]) == (b"", True)


@pytest.mark.parametrize("head", [length(0), length(0, EXPECT), NEXT])
def test_no_body_is_a_whole_one(head: bytes) -> None:
    site = slow(head)

    assert site.runner.first["more_body"] is False
    assert site.written == b""


def test_the_bound_of_whole_bodies_is_a_setting() -> None:
    assert slow(length(5) + b"hello", body_buffer=4).runner.first["more_body"] is True
    assert slow(length(5) + b"hello", body_buffer=5).runner.first["body"] == b"hello"


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_parts_are_read_no_faster_than_they_are_taken(framing: str) -> None:
    """HTTP-017: what waits is one read; no part is larger than 64 KiB."""
    body = bytes(range(256)) * 4 * 300
    data = length(len(body)) + body if framing == "length" else chunked() + chunk(body) + END
    site = slow()
    site.feed(data + NEXT, 10_000)
    parts = 0
    while held(site):
        assert not site.transport.reading
        assert len(site.runner.messages) == 1 + parts
        parts += 1
        site.returned()

    assert site.runner.body == body
    assert max(site.runner.sizes) <= 64 * KIB
    assert parts > 20
    assert site.runner.messages[-1]["more_body"] is False
    site.respond()
    assert site.runner.first["path"] == "/next"


def test_a_large_read_is_given_in_parts_of_64_kib() -> None:
    site = slow(length(10**6))
    site.returned()
    site.feed(b"x" * 300_000)
    while held(site):
        site.returned()

    assert site.runner.sizes == [0, *[64 * KIB] * 4, 300_000 - 256 * KIB]


def test_a_chunk_without_data_is_no_part() -> None:
    site = slow(chunked())
    site.returned()
    site.feed(b"5;some=extension\r\n")

    assert len(site.runner.messages) == 1
    assert site.transport.reading


def test_the_end_of_a_chunked_body_may_be_a_part_without_data() -> None:
    site = slow(chunked())
    site.returned()
    site.feed(chunk(b"abc"))
    site.returned()
    site.feed(END)

    assert site.runner.messages[1:] == [
        {"type": "http.request.body", "body": b"abc", "more_body": True},
        {"type": "http.request.body", "body": b"", "more_body": False},
    ]


# -- 100 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", [length(5, EXPECT), chunked(EXPECT)])
def test_the_100_comes_when_the_consumer_returns_without_an_answer(head: bytes) -> None:
    """HTTP-015."""
    site = slow(head)
    assert site.written == b""
    site.returned()
    assert site.take() == CONTINUE
    site.feed(b"hello" if b"Length" in head else chunk(b"hello") + END)
    while held(site):
        site.returned()
    site.respond()

    assert site.runner.body == b"hello"
    assert [reply.status for reply in replies(site.written)] == [200]
    assert not site.transport.parted


@pytest.mark.parametrize("more", [False, True])
def test_no_100_once_the_response_has_begun(more: bool) -> None:
    """HTTP-016: and nobody can tell whether the body comes, so the connection ends."""
    site = slow(length(5, EXPECT))
    site.respond(more_body=more)
    site.returned()

    assert CONTINUE not in site.written
    assert replies(site.written)[0].closes
    if more:
        site.emit("http.response.body")
    assert site.transport.parted
    assert site.runner.ended == [COMPLETE]


def test_an_expectation_answered_unread_ends_although_the_client_stays() -> None:
    site = slow(length(5, EXPECT))
    site.respond()
    assert site.transport.eof
    for _ in range(10):
        site.tick(0.5)

    assert site.transport.closed


@pytest.mark.parametrize("status", [500, 503, 408])
def test_the_servers_own_answer_to_an_expectation_ends_the_connection(status: int) -> None:
    site = slow(length(5, EXPECT))
    site.exchange.refuse(status)
    site.returned()

    (reply,) = replies(site.written)
    assert (reply.status, reply.closes) == (status, True)
    assert site.transport.parted


def test_the_100_comes_even_if_the_body_did_not_wait_for_it() -> None:
    site = slow(length(5, EXPECT) + b"hello")
    site.returned()

    assert site.written == CONTINUE
    assert site.runner.body == b"hello"


# -- a body that is not read -----------------------------------------------------------------------------------


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("step", [1000, 64 * KIB, 256 * KIB])
def test_up_to_64_kib_of_an_unread_body_are_skipped(framing: str, step: int) -> None:
    """HTTP-019."""
    size = 64 * KIB
    head, body = (length(size), b"x" * size) if framing == "length" else (chunked(), chunk(b"x" * 60_000) + END)
    site = slow(head, body_buffer=10)
    site.respond()
    site.feed(body + NEXT, step)

    assert [runner.first["path"] for runner in site.runners] == ["/", "/next"]
    assert not site.transport.parted


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("step", [1000, 64 * KIB, 256 * KIB])
@pytest.mark.parametrize("size", [64 * KIB + 1, 128 * KIB, 10**6])
def test_more_than_64_kib_of_an_unread_body_end_the_connection(framing: str, step: int, size: int) -> None:
    """HTTP-019, H22: and the response can still be read."""
    head, body = (length(size), b"x" * size) if framing == "length" else (chunked(), chunk(b"x" * size) + END)
    site = slow(head)
    site.respond()
    site.feed(body + NEXT, step)

    assert len(site.runners) == 1
    assert site.transport.parted
    assert [reply.body for reply in replies(site.written)] == [b"ok"]


def test_a_body_answered_in_the_middle_gives_the_parts_that_are_filed_and_then_the_end() -> None:
    """HTTP-018."""
    site = slow(chunked())
    site.returned()
    site.feed(chunk(b"abc"))
    site.respond()
    site.feed(chunk(b"def") + END + NEXT)

    assert site.runners[0].body == b"abc"
    assert site.runners[0].ended == [COMPLETE]
    assert site.runner.first["path"] == "/next"


def test_a_fault_in_a_body_that_is_skipped_gets_no_second_response() -> None:
    site = slow(chunked())
    site.respond()
    site.feed(b"zz\r\n" + NEXT)

    assert [reply.status for reply in replies(site.written)] == [200]
    assert len(site.runners) == 1
    assert site.transport.parted


def test_a_body_that_is_skipped_must_come_in_time() -> None:
    site = slow(chunked(), body_timeout=30)
    site.respond()
    site.tick(0.1)
    site.tick(31)
    assert site.transport.eof
    site.tick(0.1)
    site.tick(5)
    assert site.transport.closed
    assert [reply.status for reply in replies(site.written)] == [200]


def test_a_response_with_close_does_not_wait_for_the_body() -> None:
    site = slow(length(10**6) + b"x" * 100)
    site.respond(headers=[(b"connection", b"close")])

    assert site.transport.eof
    assert site.transport.reading


# -- faults ----------------------------------------------------------------------------------------------------

FAULTS = {
    "size": b"zz\r\n",
    "no end": b"1\r\nxyz",
    "bare lf": b"1\nx",
    "framing trailer": b"0\r\nContent-Length: 5\r\n\r\n",
    "extensions": b"1;" + b"x" * 5000,
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("before", [b"", chunk(b"abc")], ids=["at once", "later"])
def test_a_fault_in_a_body_is_a_disconnect_and_400(fault: str, before: bytes) -> None:
    """HTTP-077."""
    site = slow(chunked() + before)
    while held(site):
        site.returned()
    site.feed(FAULTS[fault] + NEXT)
    while held(site):
        site.returned()
    (reply,) = replies(site.written)

    assert (reply.status, reply.closes) == (400, True)
    assert site.runner.ended == [DISCONNECT]
    assert len(site.runners) == 1
    with pytest.raises(ConnectionError):
        site.respond()


def test_a_fault_in_the_body_of_a_request_that_is_being_answered_cuts() -> None:
    site = slow(chunked())
    site.respond(more_body=True)
    site.returned()
    site.feed(b"zz\r\n")

    (reply,) = replies(site.written)
    assert (reply.status, reply.whole) == (200, False)
    assert site.transport.closed
    assert site.runner.ended == [DISCONNECT]


def test_an_exception_while_a_body_is_held_is_500_and_what_is_left_is_skipped() -> None:
    site = slow(chunked())
    site.returned()
    site.feed(chunk(b"abc"))
    site.exchange.failed()
    site.returned()
    site.feed(END + NEXT)

    assert [reply.status for reply in replies(site.written)] == [500]
    assert site.runners[0].ended == [DISCONNECT]
    assert site.runner.first["path"] == "/next"


# -- trailers --------------------------------------------------------------------------------------------------


def test_trailers_follow_the_last_part() -> None:
    """HTTP-009, HTTP-010."""
    site = slow(chunked() + b"3\r\nabc\r\n0\r\nX-Sum:  1 \r\nx-sum: 2\r\n\r\n")
    while held(site):
        site.returned()

    assert site.runner.messages[-2:] == [
        {"type": "http.request.body", "body": b"abc", "more_body": False},
        {"type": "http.request.trailers", "headers": [(b"x-sum", b"1"), (b"x-sum", b"2")]},
    ]
    assert dict(site.runner.first["headers"]) == {b"host": b"test", b"transfer-encoding": b"chunked"}


@pytest.mark.parametrize(("size", "status"), [(100, None), (101, 431)])
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_the_size_of_trailers_has_the_limit_of_a_head(size: int, status: int | None, step: int) -> None:
    """HTTP-064: to the byte, in pieces and whole; the two line ends do not count."""
    site = Site(max_header_size=100)
    fields = b"A: " + b"x" * (size - 3)
    site.feed(chunked() + b"0\r\n" + fields + b"\r\n\r\n", step)

    if status is None:
        assert site.runner.messages[-1] == {"type": "http.request.trailers", "headers": [(b"a", fields[3:])]}
        assert site.written == b""
    else:
        assert replies(site.written)[0].status == status


def test_the_number_of_trailers_has_the_limit_of_a_head() -> None:
    site = Site(max_header_fields=3)
    site.feed(chunked() + b"0\r\n" + b"A: 1\r\n" * 4 + b"\r\n")
    assert replies(site.written)[0].status == 431
    site = Site(max_header_fields=3)
    site.feed(chunked() + b"0\r\n" + b"A: 1\r\n" * 3 + b"\r\n")
    assert len(site.runner.messages[-1]["headers"]) == 3


@pytest.mark.parametrize("size", [100, 101])
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_the_size_of_a_head_is_limited_to_the_byte(size: int, step: int) -> None:
    """HTTP-061."""
    head = b"GET / HTTP/1.1\r\nHost: test\r\nA: "
    site = Site(max_header_size=100)
    site.feed(head + b"x" * (size - len(head)) + b"\r\n\r\n", step)

    assert bool(site.runners) is (size == 100)
    if not site.runners:
        assert replies(site.written)[0].status == 431


def test_a_head_that_is_too_large_is_refused_as_soon_as_it_is() -> None:
    """HTTP-061: it does not wait for the end."""
    site = Site(max_header_size=100)
    site.feed(b"GET /" + b"x" * 95)
    assert site.written == b""
    site.feed(b"x")
    assert replies(site.written)[0].status == 431


# -- time ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "status"), [(b"", None), (b"G", 408), (b"GET / HTTP/1.1\r\nHost: test\r\n", 408), (b"\r\n", None)]
)
def test_a_head_must_come_in_time(data: bytes, status: int | None) -> None:
    """HTTP-063: bytes give no new time."""
    site = Site(header_timeout=10)
    for _ in range(9):
        site.tick(1)
    site.feed(data)
    site.tick(0.9)
    assert not site.transport.parted
    site.tick(0.1)
    assert site.transport.parted
    assert [reply.status for reply in replies(site.written)] == ([] if status is None else [status])


def test_a_kept_connection_has_its_time_anew() -> None:
    site = Site(header_timeout=10)
    site.tick(9)
    site.feed(NEXT)
    site.tick(50)
    site.respond()
    site.tick(1)
    site.tick(9)
    assert not site.transport.parted
    site.tick(1)
    assert site.transport.closed


@pytest.mark.parametrize("head", [length(60_000), length(10**6), chunked()], ids=["whole", "parts", "chunked"])
def test_a_body_that_comes_by_the_byte_is_408(head: bytes) -> None:
    """HTTP-020, H16."""
    site = Site(body_timeout=30)
    site.feed(head)
    site.tick(0)
    for _ in range(29):
        site.feed(b"1\r\nx\r\n" if b"chunked" in head else b"x")
        site.tick(1)
        assert site.written == b""
    site.feed(b"1\r\nx\r\n" if b"chunked" in head else b"x")
    site.tick(1)

    (reply,) = replies(site.written)
    assert (reply.status, reply.closes) == (408, True)
    assert site.transport.parted
    assert [runner.ended for runner in site.runners] == [[DISCONNECT]] * len(site.runners)


@pytest.mark.parametrize("head", [length(60_000), length(10**6), chunked()], ids=["whole", "parts", "chunked"])
def test_a_body_that_comes_by_the_kib_has_its_time(head: bytes) -> None:
    """HTTP-020."""
    site = Site(body_timeout=30)
    site.feed(head)
    part = b"x" * KIB
    for _ in range(20):
        site.tick(0.1)
        site.tick(29)
        site.feed(chunk(part) if b"chunked" in head else part)

    assert site.written == b""
    assert not site.transport.parted


def test_the_time_in_which_the_consumer_holds_a_body_is_its_own() -> None:
    """HTTP-020: only while the server reads."""
    site = slow(chunked(), body_timeout=30)
    for _ in range(100):
        site.tick(10)
    site.returned()
    for _ in range(29):
        site.tick(1)
    assert site.written == b""
    for _ in range(2):
        site.tick(1)
    assert replies(site.written)[0].status == 408


def test_a_body_that_stops_while_the_response_goes_out_cuts() -> None:
    """HTTP-020."""
    site = Site(body_timeout=30)
    site.feed(chunked())
    site.respond(more_body=True)
    site.tick(1)
    site.tick(31)

    (reply,) = replies(site.written)
    assert not reply.whole
    assert site.transport.closed
    assert site.runner.ended == [DISCONNECT]


@pytest.mark.parametrize("data", [NEXT, length(5) + b"hello", chunked() + END], ids=["none", "whole", "chunked"])
def test_a_response_must_begin_in_time(data: bytes) -> None:
    """HTTP-049, HTTP-053."""
    site = Site(response_timeout=60)
    site.feed(data)
    site.tick(0)
    site.tick(59)
    assert site.written == b""
    site.tick(1)

    (reply,) = replies(site.written)
    assert (reply.status, reply.closes) == (503, True)
    assert reply.values(b"retry-after") == [b"1"]
    assert site.runner.ended == [DISCONNECT]
    assert site.transport.parted


def test_the_time_of_a_response_begins_with_the_last_part_of_the_body() -> None:
    site = slow(chunked(), response_timeout=60)
    site.tick(100)
    site.returned()
    site.feed(END)
    site.tick(0)
    site.tick(59)
    assert site.written == b""
    site.tick(2)
    assert replies(site.written)[0].status == 503


@pytest.mark.parametrize("early", [False, True])
def test_a_response_that_has_begun_has_no_time_out(early: bool) -> None:
    site = slow(chunked())
    if early:
        site.respond(more_body=True)
    site.returned()
    site.feed(END)
    if not early:
        site.respond(more_body=True)
    for _ in range(100):
        site.tick(100)

    assert not site.transport.parted
    site.emit("http.response.body")
    assert replies(site.written)[0].whole


def test_a_last_client_that_stays_is_closed() -> None:
    site = Site()
    site.feed(b"GET /\r\n\r\n")
    assert site.transport.eof
    site.tick(0)
    site.tick(1.9)
    assert not site.transport.closed
    site.tick(0.2)
    assert site.transport.closed
