"""Requests and responses of `HTTP1Connection`, by bytes: states, framing, refusals, the end of a connection."""

from typing import Any

import pytest

from seaway.reference.protocols import exchange as exchange_module
from seaway.reference.protocols import head

from .fakes import DRAIN, Message, Site, advance, answering
from .replies import replies

GET = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: test\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\n\r\n"
OLD_KEPT = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
DISCONNECT: Message = {"type": "http.disconnect", "complete": False}
COMPLETE: Message = {"type": "http.disconnect", "complete": True}


def post(size: int, *fields: bytes) -> bytes:
    """The head of a request with a body of `size` bytes, or in chunks where it is negative."""
    framing = b"Content-Length: %d" % size if size >= 0 else b"Transfer-Encoding: chunked"
    return b"POST / HTTP/1.1\r\nHost: test\r\n" + b"".join(b"%b\r\n" % field for field in (framing, *fields)) + b"\r\n"


def asked(data: bytes = GET, **settings: Any) -> Site:
    site = Site(**settings)
    site.feed(data)
    return site


def raises(site: Site, type: str, **keys: Any) -> str:
    """The error of a message that is refused; nothing may have been written."""
    before = site.written
    with pytest.raises(ValueError, match=r"[A-Z]+-\d") as caught:
        site.emit(type, **keys)
    assert site.written == before
    return str(caught.value)


# -- the first message -----------------------------------------------------------------------------------------


def test_the_first_message_has_every_key() -> None:
    """HTTP-001, HTTP-008."""
    site = asked(b"GET /caf%C3%A9/%2F?q=%41 HTTP/1.1\r\nHost: Test:80\r\nX-A: \t1 \r\nx-a:2\r\n\r\n")

    assert site.runner.messages == [
        {
            "type": "http.request",
            "method": "GET",
            "path": "/café//",
            "raw_path": b"/caf%C3%A9/%2F",
            "query_string": b"q=%41",
            "root_path": "",
            "scheme": "http",
            "http_version": "1.1",
            "headers": [(b"host", b"Test:80"), (b"x-a", b"1"), (b"x-a", b"2")],
            "client": ("192.0.2.7", 40000),
            "server": ("192.0.2.1", 80),
            "body": b"",
            "more_body": False,
            "extensions": {"interface": "1.0"},
        }
    ]


@pytest.mark.parametrize(
    ("peer", "own", "client", "server"),
    [
        (("::1", 5, 0, 0), ("::1", 80, 0, 0), ("::1", 5), ("::1", 80)),
        ("", "/run/seaway", None, ("/run/seaway", None)),
        (None, None, None, None),
    ],
)
def test_addresses(peer: Any, own: Any, client: Any, server: Any) -> None:
    site = Site()
    site.transport.names = {"peername": peer, "sockname": own}
    site.connection.connection_made(site.transport)
    site.feed(GET)

    assert (site.runner.first["client"], site.runner.first["server"]) == (client, server)


# -- framing of responses --------------------------------------------------------------------------------------

ONE = [{"type": "http.response", "status": 200, "body": b"abc"}]
PARTS = [
    {"type": "http.response", "status": 200, "body": b"ab", "more_body": True},
    {"type": "http.response.body", "body": b"", "more_body": True},
    {"type": "http.response.body", "body": b"c"},
]
LENGTH = [(b"content-length", b"3")]
TRAILED = [
    {"type": "http.response", "status": 200, "body": b"abc", "trailers": True},
    {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]},
]


def with_length(messages: list[Message]) -> list[Message]:
    return [{**messages[0], "headers": LENGTH}, *messages[1:]]


@pytest.mark.parametrize(
    ("messages", "request_", "framing", "closes"),
    [
        (ONE, GET, b"content-length: 3", False),
        (PARTS, GET, b"transfer-encoding: chunked", False),
        (with_length(PARTS), GET, b"content-length: 3", False),
        (TRAILED, GET, b"transfer-encoding: chunked", False),
        (with_length(TRAILED), GET, b"content-length: 3", False),
        (ONE, OLD, b"content-length: 3", True),
        (PARTS, OLD, b"", True),
        (ONE, OLD_KEPT, b"content-length: 3", False),
        (PARTS, OLD_KEPT, b"", True),
        (with_length(PARTS), OLD_KEPT, b"content-length: 3", False),
        (TRAILED, OLD_KEPT, b"", True),
    ],
)
def test_the_server_frames(messages: list[Message], request_: bytes, framing: bytes, closes: bool) -> None:
    """HTTP-040, HTTP-046, HTTP-057, HTTP-087."""
    site = asked(request_)
    for message in messages:
        site.emit(**message)
    (reply,) = replies(site.written)

    assert reply.body == b"abc"
    assert reply.whole
    lines = [b"%b: %b" % pair for pair in reply.headers if pair[0] in (b"content-length", b"transfer-encoding")]
    assert lines == ([framing] if framing else [])
    assert site.transport.parted is closes
    assert site.runner.ended == [COMPLETE]


@pytest.mark.parametrize(
    "messages", [ONE, PARTS, with_length(PARTS), TRAILED], ids=["one", "parts", "length", "trailed"]
)
def test_head_has_the_framing_of_get_and_no_body(messages: list[Message]) -> None:
    """HTTP-041, HTTP-042."""
    framings = []
    for request, method in ((GET, "GET"), (HEAD, "HEAD")):
        site = asked(request)
        for message in messages:
            site.emit(**message)
        (reply,) = replies(site.written, method)
        framings.append([pair for pair in reply.headers if pair[0] in (b"content-length", b"transfer-encoding")])
        assert not site.transport.parted
        site.feed(GET)
        assert len(site.runners) == 2

    assert framings[0] == framings[1] != []


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("messages", [ONE, PARTS, with_length(ONE)], ids=["one", "parts", "length"])
def test_no_body_goes_out_where_none_may(status: int, messages: list[Message]) -> None:
    """HTTP-041, HTTP-043."""
    site = asked()
    site.emit(**{**messages[0], "status": status})
    for message in messages[1:]:
        site.emit(**message)
    (reply,) = replies(site.written)

    assert site.written.endswith(b"\r\n\r\n")
    assert not reply.values(b"transfer-encoding")
    if status == 204:
        assert not reply.values(b"content-length")
    assert site.host.log == [(status, 0)]


def test_a_date_of_the_consumer_is_the_only_one() -> None:
    """HTTP-044."""
    site = asked(GET * 2)
    site.respond(headers=[(b"x-a", b"1"), (b"date", b"yesterday")])
    site.respond(headers=[(b"x-date", b"never"), (b"x-a", b"date: no")])

    first, second = replies(site.written)
    assert (first.values(b"date"), second.values(b"date")) == ([b"yesterday"], [b"today"])


@pytest.mark.parametrize(("te", "wanted"), [(b"TE: trailers", True), (b"TE: gzip, Trailers", True), (b"TE: x", False)])
def test_trailers_go_to_those_who_take_them(te: bytes, wanted: bool) -> None:
    """HTTP-045."""
    site = asked(b"GET / HTTP/1.1\r\nHost: test\r\n" + te + b"\r\n\r\n")
    for message in TRAILED:
        site.emit(**message)
    (reply,) = replies(site.written)

    assert reply.trailers == (b"x-sum: 1" if wanted else b"")


def test_an_unknown_status_has_a_status_line_all_the_same() -> None:
    site = asked()
    site.respond(status=299)

    assert site.written.startswith(b"HTTP/1.1 299 \r\n")
    assert replies(site.written)[0].body == b"ok"


def test_informational_responses_come_before_the_response() -> None:
    """HTTP-047."""
    site = asked(GET)
    site.emit("http.response.informational", status=103, headers=[(b"link", b"</a>")])
    site.emit("http.response.informational", status=110)
    site.respond()

    assert [reply.status for reply in replies(site.written)] == [103, 110, 200]
    site = asked(OLD)
    site.emit("http.response.informational", status=103)
    assert site.written == b""


def test_an_informational_response_has_no_length() -> None:
    """RFC 9110, 8.6."""
    site = asked()
    site.emit("http.response.informational", status=103, headers=[(b"content-length", b"2"), (b"link", b"</a>")])

    assert site.written == b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"


# -- what may be sent when -------------------------------------------------------------------------------------

KINDS: dict[str, Message] = {
    "http.response": {"status": 200},
    "http.response.body": {"body": b"x"},
    "http.response.trailers": {},
    "http.response.informational": {"status": 103},
}


def waiting(site: Site) -> None:
    """The response has not begun."""


def in_body(site: Site) -> None:
    site.respond(more_body=True)


def before_trailers(site: Site) -> None:
    site.respond(trailers=True)


def complete(site: Site) -> None:
    site.respond()


def ended(site: Site) -> None:
    site.eof()


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        (waiting, {"http.response", "http.response.informational"}),
        (in_body, {"http.response.body"}),
        (before_trailers, {"http.response.trailers"}),
        (complete, set()),
    ],
)
@pytest.mark.parametrize("kind", [*KINDS, "http.response.file", "websocket.accept", "other.type"])
def test_a_message_out_of_turn_is_refused_and_changes_nothing(kind: str, state: Any, allowed: set[str]) -> None:
    """HTTP-026, CON-067."""
    site = asked(GET + GET)
    state(site)
    exchange = site.runners[0].exchange
    before = site.written
    message = {"type": kind, **KINDS.get(kind, {})}
    if kind in allowed:
        exchange.emit(message)
        return
    with pytest.raises(ValueError, match="HTTP-026"):
        exchange.emit(message)

    assert site.written == before
    assert not site.transport.parted


@pytest.mark.parametrize("kind", KINDS)
def test_after_the_end_send_raises_connection_error(kind: str) -> None:
    """HTTP-027."""
    site = asked()
    ended(site)
    with pytest.raises(ConnectionError):
        site.emit(kind, **KINDS[kind])


def test_nothing_may_be_sent_before_the_first_message() -> None:
    """CON-029."""
    site = asked()
    site.exchange.state = 0
    assert "CON-029" in raises(site, "http.response", status=200)


@pytest.mark.parametrize("message", [None, "http.response", [], {}, {"type": None}, {"type": b"http.response"}])
def test_what_is_no_message_is_refused(message: Any) -> None:
    """MSG-001."""
    site = asked()
    with pytest.raises(ValueError, match="MSG-001"):
        site.exchange.emit(message)
    site.respond()

    assert replies(site.written)[0].whole


def test_a_wish_to_be_woken_goes_to_the_runner_until_the_end() -> None:
    """SRV-025."""
    site = asked()
    site.emit("server.wake", after=5)
    site.emit("server.wake", after=None)
    assert site.runner.wakes == [5, None]
    with pytest.raises(ValueError, match="after"):
        site.emit("server.wake", after=-1)
    site.respond()
    with pytest.raises(ConnectionError):
        site.emit("server.wake", after=5)

    assert site.runner.wakes == [5, None]


def test_pairs_may_be_lists_and_repeat() -> None:
    site = asked()
    site.respond(headers=[[b"x-a", b"1"], (b"x-a", b"1"), [b"set-cookie", b"a"], [b"set-cookie", b"b"]])
    (reply,) = replies(site.written)

    assert (reply.values(b"x-a"), reply.values(b"set-cookie")) == ([b"1", b"1"], [b"a", b"b"])


def test_what_is_remembered_of_many_fields_is_right_and_bounded() -> None:
    """More different fields than are kept, in requests and responses."""
    site = Site(
        lambda exchange, message: exchange.emit({"type": "http.response", "status": 200, "headers": _own(message)})
    )
    for number in range(1500):
        site.feed(b"GET /%d HTTP/1.1\r\nHost: h%d\r\nX-%d: %d\r\nAccept: a/%d\r\n\r\n" % ((number,) * 5))

    for number, (runner, reply) in enumerate(zip(site.runners, replies(site.written), strict=True)):
        value = b"%d" % number
        assert runner.first["path"] == f"/{number}"
        assert runner.first["headers"] == [
            (b"host", b"h" + value),
            (b"x-" + value, value),
            (b"accept", b"a/" + value),
        ]
        assert reply.values(b"x-" + value) == [value]
    for kept in (head._names, head._hosts, head._field_lines, head._request_lines, exchange_module._lines):
        assert len(kept) <= 1024


def _own(message: Message) -> list[tuple[bytes, bytes]]:
    return [message["headers"][1]]


@pytest.mark.parametrize(
    ("headers", "requirement"),
    [
        ([(b"transfer-encoding", b"chunked")], "HTTP-033"),
        ([(b"connection", b"keep-alive")], "HTTP-034"),
        ([(b"keep-alive", b"timeout=5")], "HTTP-036"),
        ([(b"upgrade", b"h2c")], "HTTP-036"),
        ([(b"proxy-connection", b"close")], "HTTP-036"),
        ([(b"content-length", b"+5")], "HTTP-037"),
        ([(b"content-length", b"")], "HTTP-037"),
        ([(b"content-length", b"1" * 19)], "HTTP-037"),
        ([(b"content-length", b"2"), (b"content-length", b"2")], "HTTP-037"),
        ([(b"content-length", b"1")], "HTTP-038"),
    ],
)
def test_fields_that_frame_are_refused_and_another_response_may_follow(
    headers: list[tuple[bytes, bytes]], requirement: str
) -> None:
    site = asked()

    assert requirement in raises(site, "http.response", status=200, headers=headers, body=b"ok")
    site.respond()
    assert replies(site.written)[0].body == b"ok"
    assert site.runner.ended == [COMPLETE]


@pytest.mark.parametrize(
    "name", [b"content-length", b"transfer-encoding", b"host", b"set-cookie", b"keep-alive", b"te"]
)
def test_trailers_that_decide_something_are_refused(name: bytes) -> None:
    """HTTP-088."""
    site = asked()
    site.respond(trailers=True)

    assert "HTTP-088" in raises(site, "http.response.trailers", headers=[(name, b"1")])
    site.emit("http.response.trailers")
    assert replies(site.written)[0].whole


def test_more_body_than_announced_is_refused_and_the_rest_may_still_come() -> None:
    """HTTP-038."""
    site = asked()
    site.respond(b"ab", headers=[(b"content-length", b"4")], more_body=True)

    assert "HTTP-038" in raises(site, "http.response.body", body=b"cde")
    site.emit("http.response.body", body=b"cd")
    assert replies(site.written)[0].body == b"abcd"


@pytest.mark.parametrize("parts", [1, 2])
def test_less_body_than_announced_cuts_the_connection(parts: int) -> None:
    """HTTP-039."""
    site = asked(GET + GET)
    headers = [(b"content-length", b"10")]
    if parts == 2:
        site.respond(b"12", headers=headers, more_body=True)
        assert "HTTP-039" in raises(site, "http.response.body", body=b"345")
    else:
        assert "HTTP-039" in raises(site, "http.response", status=200, headers=headers, body=b"12345")

    assert site.transport.closed
    assert site.runner.ended == [DISCONNECT]
    assert len(site.runners) == 1
    assert all(not reply.whole for reply in replies(site.written))


def test_the_consumer_may_close_the_connection() -> None:
    """HTTP-035."""
    site = asked(GET + GET)
    site.respond(headers=[(b"connection", b"close")])

    (reply,) = replies(site.written)
    assert reply.values(b"connection") == [b"close"]
    assert site.transport.parted
    assert len(site.runners) == 1


def test_a_response_closes_where_the_server_drains() -> None:
    """SRV-007."""
    site = asked(GET)
    site.host.draining = DRAIN
    site.respond()

    assert replies(site.written)[0].closes
    assert site.transport.closed


# -- pipelining ------------------------------------------------------------------------------------------------


def test_the_next_request_begins_when_the_response_is_complete() -> None:
    """HTTP-058, HTTP-059, HTTP-060."""
    site = asked(b"".join(GET.replace(b"/ ", b"/%d " % number) for number in range(4)))
    for number in range(4):
        assert [runner.first["path"] for runner in site.runners] == [f"/{part}" for part in range(number + 1)]
        site.respond(b"%d" % number)

    assert [reply.body for reply in replies(site.written)] == [b"0", b"1", b"2", b"3"]


def test_the_next_request_is_never_begun_inside_a_send() -> None:
    site = asked(GET + GET)
    site.exchange.emit({"type": "http.response", "status": 200})

    assert len(site.runners) == 1
    site.run()
    assert len(site.runners) == 2


def test_a_consumer_that_answers_inside_its_call_does_not_recurse() -> None:
    site = Site(answering)
    site.feed(GET * 5000)

    assert len(replies(site.written)) == 5000


def test_bytes_between_a_response_and_what_was_put_off_start_the_next_request_once() -> None:
    site = asked(GET + GET)
    site.exchange.emit({"type": "http.response", "status": 200})
    site.connection.data_received(GET)
    assert len(site.runners) == 2
    site.run()

    assert len(site.runners) == 2
    site.respond()
    assert len(site.runners) == 3


def test_what_was_put_off_does_nothing_once_the_connection_is_lost() -> None:
    site = asked(GET + GET)
    site.exchange.emit({"type": "http.response", "status": 200})
    site.lose()
    site.run()

    assert len(site.runners) == 1


def test_read_ahead_is_bounded() -> None:
    """H23: 64 KiB and one read."""
    site = asked()
    site.feed(GET * 100_000, 4096)

    taken = len(GET) * 100_000 - sum(map(len, site.unread))
    assert not site.transport.reading
    assert taken <= 65_536 + 4096
    site.respond()
    assert len(site.runners) == 2


def test_a_client_that_reads_nothing_gets_no_further_request_served() -> None:
    """H23: responses that the server makes itself wait nowhere else than in the transport."""

    def broken(exchange: Any, message: Message) -> None:
        exchange.failed()

    site = Site(broken)
    site.feed(GET)
    site.transport.fill()
    site.feed(GET * 100, 1000)
    assert len(site.runners) <= 2
    site.transport.empty()
    site.run()

    assert len(replies(site.written)) == 101


def test_a_request_that_waits_for_a_slow_client_is_not_late() -> None:
    """HTTP-063: it is the server that does not look at it."""
    site = asked(GET, header_timeout=10, send_timeout=1000)
    site.transport.fill()
    site.respond()
    site.feed(GET)
    assert len(site.runners) == 1
    for _ in range(5):
        site.tick(11)
    assert not site.transport.parted
    site.transport.empty()
    site.run()

    assert len(site.runners) == 2
    assert [reply.status for reply in replies(site.written)] == [200]


def test_an_idle_client_that_is_slow_is_closed_all_the_same() -> None:
    site = asked(GET, header_timeout=10, send_timeout=1000)
    site.transport.fill()
    site.respond()
    site.tick(0)
    site.tick(10)

    assert site.transport.closed
    assert not site.transport.aborted


def test_a_late_consumer_of_an_old_request_does_not_move_the_new_one() -> None:
    """HTTP-017: it returns from the body of the first request while the second one's is held."""
    site = Site()
    site.host.returns = False
    site.feed(post(-1) + b"0\r\n\r\n" + post(-1))
    site.respond()
    old, new = site.runners
    site.feed(b"3\r\nabc\r\n")
    assert not site.transport.reading
    assert old.exchange.waiting is not None
    old.exchange.returned()
    site.run()

    assert len(new.messages) == 1
    assert not site.transport.reading
    new.exchange.returned()
    assert new.body == b"abc"


# -- refusals --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET /%ff HTTP/1.1\r\nHost: test\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: test\r\n\r\n", 505),
        (b"CONNECT test:80 HTTP/1.1\r\nHost: test\r\n\r\n", 501),
        (b"CONNECT / HTTP/1.1\r\nHost: test\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: test\r\nExpect: tea\r\n\r\n", 417),
        (post(-1)[:-4] + b", gzip\r\n\r\n", 400),
    ],
)
def test_a_refusal_is_a_whole_response_and_the_last(data: bytes, status: int) -> None:
    """HTTP-056: the client may read it, for what it has sent is read until it has gone."""
    site = asked(data + GET)
    (reply,) = replies(site.written)

    assert (reply.status, reply.whole, reply.closes) == (status, True, True)
    assert reply.values(b"content-type") == [b"text/plain; charset=utf-8"]
    assert reply.values(b"date") == [b"today"]
    assert site.runners == []
    assert site.transport.eof
    assert not site.transport.closed
    assert site.transport.reading
    site.feed(b"x" * 1_000_000, 65_536)
    site.tick(0.1)
    site.tick(5)
    assert site.transport.closed
    assert len(replies(site.written)) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"HEAD / HTTP/1.1\r\n\r\n",
        b"HEAD /%ff HTTP/1.1\r\nHost: test\r\n\r\n",
        b"HEAD / HTTP/1.1\r\nHost: test\r\nExpect: tea\r\n\r\n",
        b"HEAD / HTTP/1.1\r\nHost: test\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_a_refusal_of_head_has_no_body(data: bytes) -> None:
    """HTTP-056."""
    site = asked(data)
    (reply,) = replies(site.written, "HEAD")

    assert reply.status in (400, 417)
    assert site.written.endswith(b"\r\n\r\n")


def test_a_refusal_after_a_head_request_has_a_body() -> None:
    site = asked(HEAD)
    site.respond()
    site.feed(b"GET / HTTP/1.1\r\n\r\n")

    assert [reply.body != b"" for reply in replies(site.written, "HEAD", "GET")] == [False, True]


@pytest.mark.parametrize("request_", [GET, HEAD, post(5) + b"hello", post(-1) + b"0\r\n\r\n", post(10**6)])
def test_no_room_for_a_consumer_is_503(request_: bytes) -> None:
    """SRV-027, HTTP-056; a client that stays is not kept."""
    site = Site()
    site.host.most = 0
    site.feed(request_)
    (reply,) = replies(site.written, request_.partition(b" ")[0].decode())

    assert reply.status == 503
    assert reply.closes
    assert reply.values(b"retry-after")
    for _ in range(20):
        site.tick(0.5)
    assert site.transport.closed


@pytest.mark.parametrize(("types", "status"), [({"websocket"}, 426), (set[str](), 501)])
def test_plain_http_where_none_is_served(types: set[str], status: int) -> None:
    site = Site()
    site.host.types = types
    site.feed(GET)

    assert replies(site.written)[0].status == status
    assert site.runners == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_exception_before_the_response_is_500(method: str) -> None:
    """HTTP-042, HTTP-050, HTTP-053: the connection may go on."""
    site = asked(GET.replace(b"GET", method.encode()) + GET)
    site.exchange.failed()
    site.run()
    (reply,) = replies(site.written, method)

    assert reply.status == 500
    assert reply.values(b"content-length") == [b"26"]
    assert site.host.log == [(500, 0 if method == "HEAD" else 26)]
    assert site.runners[0].ended == [DISCONNECT]
    assert len(site.runners) == 2


@pytest.mark.parametrize("headers", [[], LENGTH], ids=["chunked", "length"])
def test_an_exception_in_the_body_cuts(headers: list[tuple[bytes, bytes]]) -> None:
    """HTTP-051."""
    site = asked(GET + GET)
    site.respond(b"a", headers=headers, more_body=True)
    site.exchange.failed()
    site.run()

    assert [reply.whole for reply in replies(site.written)] == [False]
    assert site.transport.closed
    assert site.runner.ended == [DISCONNECT]
    assert len(site.runners) == 1


def test_an_exception_in_a_body_that_only_the_end_frames_resets() -> None:
    """HTTP-051: an ordinary end would make it look whole."""
    site = asked(OLD)
    site.respond(b"a", more_body=True)
    site.exchange.failed()

    assert site.transport.aborted


def test_an_exception_before_trailers_cuts() -> None:
    site = asked()
    site.respond(trailers=True)
    site.exchange.failed()

    assert not replies(site.written)[0].whole
    assert site.transport.closed


def test_an_exception_after_the_response_leaves_it_whole() -> None:
    """HTTP-052."""
    site = asked()
    site.respond()
    site.exchange.failed()

    assert replies(site.written)[0].whole
    assert not site.transport.parted
    assert site.runner.ended == [COMPLETE]


# -- the end of the connection ---------------------------------------------------------------------------------

ENDS = {"eof": Site.eof, "lost": Site.lose}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    ("data", "count"),
    [(b"", 0), (b"GET / HT", 0), (post(100) + b"x", 0), (GET, 1), (post(-1), 1), (post(-1) + b"3\r\nab", 1)],
)
def test_the_end_of_the_client_in_every_state(data: bytes, count: int, end: str) -> None:
    """HTTP-011."""
    site = asked(data)
    ENDS[end](site)
    site.lose()

    assert site.transport.closed
    assert [runner.ended for runner in site.runners] == [[DISCONNECT]] * count
    assert site.written == b""
    assert site.host.connections == set()
    assert site.host.log == [(0, 0)] * count


@pytest.mark.parametrize("end", ENDS)
def test_the_end_of_the_client_in_a_response(end: str) -> None:
    site = asked(GET + GET)
    site.respond(more_body=True)
    ENDS[end](site)

    assert site.runner.ended == [DISCONNECT]
    assert site.host.log == [(200, 2)]
    with pytest.raises(ConnectionError):
        site.emit("http.response.body")


@pytest.mark.parametrize("end", ENDS)
def test_the_end_of_the_client_while_a_body_is_drained(end: str) -> None:
    site = asked(post(10**5))
    site.respond()
    ENDS[end](site)
    site.run()

    assert site.runner.ended == [COMPLETE]
    assert site.transport.closed


@pytest.mark.parametrize("end", ENDS)
def test_the_end_of_the_client_after_a_farewell(end: str) -> None:
    site = asked(b"GET /\r\n\r\n")
    ENDS[end](site)
    site.tick(10)

    assert site.transport.closed
    assert len(replies(site.written)) == 1


@pytest.mark.parametrize(
    ("data", "closed"),
    [(b"", True), (b"\r\n", True), (b"GET", False), (GET, False), (post(10), False), (post(-1), False)],
)
def test_an_idle_connection_retires_at_once_and_a_busy_one_after_its_response(data: bytes, closed: bool) -> None:
    """SRV-012, SRV-013."""
    site = asked(data)
    site.connection.retire()
    assert site.transport.closed is closed
    if not site.runners:
        return
    site.host.draining = DRAIN
    site.respond()
    assert replies(site.written)[0].closes
    assert site.transport.parted


def test_a_connection_is_busy_while_something_waits_to_be_written() -> None:
    site = asked()
    assert not site.connection.busy
    site.transport.fill()
    assert site.connection.busy


def test_a_request_that_begins_in_a_drain_is_told_of_it() -> None:
    """SRV-011."""
    site = Site()
    site.feed(GET[:20])
    site.host.draining = DRAIN
    site.feed(GET[20:])

    assert site.runner.controls == [DRAIN]
    assert site.runner.controls[0] is not DRAIN
    site.respond()
    assert replies(site.written)[0].closes


@pytest.mark.parametrize("end", [*ENDS, "taken"])
def test_a_response_that_still_waits_for_the_client_is_not_yet_complete(end: str) -> None:
    """HTTP-012: the client may go without it."""
    site = asked()
    site.transport.fill()
    site.respond()
    assert site.runner.ended == []
    with pytest.raises(ValueError, match="HTTP-026"):
        site.respond()
    if end == "taken":
        site.transport.empty()
    else:
        ENDS[end](site)
    site.lose()

    assert site.runner.ended == [COMPLETE if end == "taken" else DISCONNECT]
    assert site.host.log == [(200, 2)]


def test_the_server_may_end_a_request() -> None:
    """SRV-016."""
    site = asked(GET)
    site.exchange.end(1012, 503)

    assert replies(site.written)[0].status == 503
    assert site.transport.parted


# -- a slow client ---------------------------------------------------------------------------------------------


def test_send_waits_while_the_transport_is_full() -> None:
    """CON-062, CON-063."""
    site = asked()
    site.transport.fill()
    message = {"type": "http.response", "status": 200, "headers": [(b"x-a", b"1")], "body": b"ok"}
    sending = site.send(message)
    assert not advance(sending)
    message["headers"].append((b"x-b", b"2"))  # type: ignore[attr-defined]
    message["body"] = b"changed"
    assert site.written == b""
    site.transport.empty()
    assert advance(sending)

    (reply,) = replies(site.written)
    assert reply.body == b"ok"
    assert not reply.values(b"x-b")


def test_a_send_that_waits_raises_when_the_connection_is_lost() -> None:
    """CON-065."""
    site = asked()
    site.transport.fill()
    sending = site.send({"type": "http.response", "status": 200})
    advance(sending)
    site.lose()

    with pytest.raises(ConnectionError):
        advance(sending)


def test_a_client_that_takes_nothing_is_cut_off() -> None:
    """CON-064: any byte that leaves gives it its time anew."""
    site = asked(send_timeout=30)
    site.transport.fill(100)
    site.tick(0)
    site.tick(29)
    assert not site.transport.aborted
    site.transport.waiting = 99
    site.tick(5)
    site.tick(29)
    assert not site.transport.aborted
    site.tick(2)
    assert site.transport.aborted


def test_a_client_that_does_not_take_the_last_response_is_cut_off_too() -> None:
    """CON-064: less than fills the transport's buffer, after the connection was closed."""
    site = Site(send_timeout=30)
    site.feed(b"BAD\r\n\r\n")
    site.transport.waiting = 100
    site.tick(0)
    site.tick(3)  # the farewell is over
    site.tick(0)
    site.tick(29)
    assert not site.transport.aborted
    site.tick(2)
    assert site.transport.aborted


@pytest.mark.parametrize("more", [False, True])
def test_a_client_that_has_ended_its_side_and_takes_nothing_is_cut_off_too(more: bool) -> None:
    """CON-064: the transport still has something to write."""
    site = asked(send_timeout=30)
    site.respond(more_body=more)
    site.transport.waiting = 100
    site.eof()
    site.tick(0)
    site.tick(29)
    assert not site.transport.aborted
    site.tick(2)
    assert site.transport.aborted


def test_a_client_that_takes_everything_in_time_is_kept() -> None:
    site = asked(send_timeout=30, response_timeout=1000)
    for _ in range(5):
        site.transport.fill(100)
        site.tick(0)
        site.tick(29)
        site.transport.empty()
        site.tick(100)

    assert not site.transport.aborted
