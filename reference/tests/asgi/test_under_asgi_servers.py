"""Our applications, of both flavours, under uvicorn, hypercorn (asyncio and trio), granian and daphne."""

import ast
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from seaway.conformance.client.http import IncompleteError, connect, request
from seaway.conformance.client.websocket import BINARY, frame, handshake, text, websocket

from ..scripted import until
from .asgi_servers import SERVERS, ASGIServer, ServerProcess
from .served import PART

pytestmark = pytest.mark.anyio
SERVED = f"{__package__}.served"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """The client's; the server's is its own."""
    return "asyncio"


@pytest.fixture(scope="module", params=SERVERS)
def kind(request: pytest.FixtureRequest) -> ASGIServer:
    return SERVERS[request.param]


@pytest.fixture(scope="module", params=["asynchronous", "synchronous"])
async def server(
    request: pytest.FixtureRequest, kind: ASGIServer, tmp_path_factory: pytest.TempPathFactory, anyio_backend: str
) -> AsyncIterator[ServerProcess]:
    """One process for the tests of a server: it must survive them all."""
    name = request.param if kind.has_lifespan else f"{request.param}_alone"
    process = ServerProcess(kind, f"{SERVED}:{name}", tmp_path_factory.mktemp("server"))
    try:
        await process.ready()
        yield process
    finally:
        process.kill()


async def ended(server: ServerProcess, path: str) -> list[str]:
    """The last call of the last consumer for `path`, once it has been made."""

    def last() -> list[str] | None:
        numbers = [call[1] for call in server.seen if call[3:] == [repr(path)]]
        ends = [call for call in server.seen if call[1] == numbers[-1] and call[2].endswith(".disconnect")]
        return ends[-1] if ends else None

    await until(last, f"the end of the consumer of {path}: {server.text}")
    return (last() or [])[2:]


@pytest.mark.req("HTTP-001", "CON-032")
async def test_a_request_has_its_fields(server: ServerProcess, kind: ASGIServer) -> None:
    async with connect(server.address) as client:
        response = await client.ask("/fields?q=%20")
        assert (response.status, response.field(b"x-type")) == (200, b"http.request")
        assert ast.literal_eval(response.body.decode()) == {
            "method": "GET",
            "path": "/fields",
            "raw_path": b"/fields",
            "query_string": b"q=%20",
            "scheme": "http",
            "http_version": "1.1",
        }
        assert (response.field(b"date") is not None) == kind.dates
    assert await ended(server, "/fields") == ["http.disconnect", "True"]


@pytest.mark.req("HTTP-007")
async def test_a_path_that_is_not_utf8_is_400(server: ServerProcess) -> None:
    async with connect(server.address) as client:
        assert (await client.ask("/%ff")).status == 400


@pytest.mark.req("HTTP-013", "HTTP-014", "HTTP-015")
async def test_bodies_come_whole_or_in_parts(server: ServerProcess) -> None:
    async with connect(server.address) as client:
        assert (await client.ask("/size", method="POST", body=b"x" * 60_000)).body == b"60000"
        assert (await client.ask("/size", method="POST", body=b"x" * 600_000)).body == b"600000"
        await client.send(request("/size", "Transfer-Encoding: chunked", method="POST"))
        await client.send(b"5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n")
        assert (await client.response()).body == b"8"
        await client.send(request("/size", "Expect: 100-continue", "Content-Length: 4", method="POST"))
        assert (await client.response()).status == 100
        await client.send(b"ahoy")
        assert (await client.response()).body == b"4"


@pytest.mark.req("HTTP-028", "HTTP-040", "HTTP-041", "HTTP-042")
async def test_responses_go_out_whole_and_in_parts(server: ServerProcess) -> None:
    async with connect(server.address) as client:
        parts = await client.ask("/parts")
        assert (parts.framing, parts.body, parts.field(b"x-part")) == ("chunked", 10 * PART, b"1")
        head = await client.ask("/size", method="HEAD")
        assert (head.status, head.field(b"content-length"), head.body) == (200, b"1", b"")


@pytest.mark.req("CON-026", "HTTP-048", "SRV-020")
async def test_a_response_may_wait_for_the_layer_or_the_clock(server: ServerProcess) -> None:
    async with connect(server.address) as waiting, connect(server.address) as other:
        await waiting.send(request("/poll"))
        await until(lambda: [call[3:] for call in server.seen[-1:]] == [["'/poll'"]])
        assert (await other.ask("/go")).status == 200
        assert (await waiting.response()).body == b"gone"
        assert (await other.ask("/wake")).body == b"awake"


@pytest.mark.req("HTTP-049", "HTTP-053")
async def test_a_response_that_does_not_begin_is_503(server: ServerProcess) -> None:
    async with connect(server.address) as client:
        assert (await client.ask("/nothing")).status == 503
    assert await ended(server, "/nothing") == ["http.disconnect", "False"]


@pytest.mark.req("HTTP-011", "CON-051")
async def test_a_client_that_goes_is_noticed(server: ServerProcess) -> None:
    async with connect(server.address) as client:
        await client.send(request("/poll"))
        await until(lambda: [call[3:] for call in server.seen[-1:]] == [["'/poll'"]])
    assert await ended(server, "/poll") == ["http.disconnect", "False"]


@pytest.mark.req("HTTP-050", "CON-056", "CON-057")
async def test_an_exception_is_500_and_logged_once(server: ServerProcess) -> None:
    async with connect(server.address) as client:
        assert (await client.ask("/raise")).status == 500
    assert await ended(server, "/raise") == ["http.disconnect", "False"]
    assert server.text.count("HarbourError: no water\n") == 1


@pytest.mark.req("HTTP-051")
async def test_an_exception_in_a_response_cuts_it(server: ServerProcess, kind: ASGIServer) -> None:
    """Where the server ends the connection of an incomplete response; daphne leaves its client waiting."""
    async with connect(server.address) as client:
        await client.send(request("/raise-later"))
        if kind.cuts:
            with pytest.raises(IncompleteError):
                await client.response()
        else:
            await client.line()
    assert await ended(server, "/raise-later") == ["http.disconnect", "False"]


@pytest.mark.req("HTTP-032", "CON-067")
async def test_a_wrong_message_is_refused_and_changes_nothing(server: ServerProcess) -> None:
    async with connect(server.address) as client:
        response = await client.ask("/wrong")
        assert response.status == 200
        assert b"HTTP-032" in response.body


@pytest.mark.req("WS-006", "WS-019", "WS-023")
async def test_websocket_messages_go_both_ways(server: ServerProcess, kind: ASGIServer) -> None:
    async with websocket(server.address, "/", "Sec-WebSocket-Protocol: flags, pennants") as socket:
        assert socket.response.field(b"sec-websocket-protocol") == b"flags"
        await socket.send(text("åhoj"))
        assert await socket.message() == "åhoj"
        await socket.send(frame(BINARY, b"\x00" * 70_000))
        assert await socket.message() == b"\x00" * 70_000
        await socket.close(4002)
    code = "4002" if kind.tells_codes else "1006"
    assert (await ended(server, "/"))[:2] == ["websocket.disconnect", code]


@pytest.mark.req("WS-008", "WS-038")
async def test_a_websocket_is_closed_by_its_consumer_or_by_its_failure(server: ServerProcess) -> None:
    async with websocket(server.address, "/close") as socket:
        await socket.send(text("close"))
        assert await socket.closed() == 4001
    assert await ended(server, "/close") == ["websocket.disconnect", "4001", "'goodbye'"]
    async with websocket(server.address, "/sinks") as socket:
        await socket.send(text("raise"))
        assert await socket.closed() == 1011
    assert await ended(server, "/sinks") == ["websocket.disconnect", "1011", "''"]


@pytest.mark.req("WS-022", "WS-037", "WS-033")
async def test_a_handshake_is_rejected(server: ServerProcess, kind: ASGIServer) -> None:
    for path, status in (("/reject", 401), ("/raise", 500)):
        async with connect(server.address) as client:
            await client.send(handshake(path))
            assert (await client.response()).status == (status if kind.denies else 403)
        assert (await ended(server, path))[:2] == ["websocket.disconnect", "1006"]
    async with connect(server.address) as client:
        await client.send(handshake("/", "Origin: http://evil.example"))
        assert (await client.response()).status == 403


@pytest.mark.req("CON-024", "CON-025", "CON-046", "CON-047")
async def test_a_process_has_one_inbox_and_each_consumer_one_end(server: ServerProcess) -> None:
    async with connect(server.address) as client:
        assert (await client.ask("/size")).body == b"0"
    await ended(server, "/size")
    seen = server.seen
    assert len({call[0] for call in seen}) == 1
    for number in {call[1] for call in seen if call[2] != "lifespan.startup"} - {"1"}:
        types = [call[2] for call in seen if call[1] == number]
        assert [type for type in types if type.endswith(".disconnect")] == types[-1:], types


@pytest.mark.req("LIF-003", "LIF-011")
@pytest.mark.parametrize("name", ["asynchronous", "synchronous"])
async def test_a_process_begins_and_ends_with_its_lifespan(name: str, kind: ASGIServer, tmp_path: Path) -> None:
    process = ServerProcess(kind, f"{SERVED}:{name if kind.has_lifespan else name + '_alone'}", tmp_path)
    try:
        await process.ready()
        async with connect(process.address) as client:
            assert (await client.ask("/size")).status == 200
        await ended(process, "/size")
        assert await process.exit() == kind.status
    finally:
        process.kill()

    calls = [call[2] for call in process.seen]
    if kind.has_lifespan:
        assert (calls[0], calls[-1]) == ("lifespan.startup", "lifespan.shutdown")
    assert "Traceback" not in process.text


@pytest.mark.req("LIF-003")
async def test_an_application_with_a_lifespan_is_refused_where_there_is_none(tmp_path: Path) -> None:
    process = ServerProcess(SERVERS["daphne"], f"{SERVED}:asynchronous", tmp_path)
    try:
        await process.ready()
        async with connect(process.address) as client:
            assert (await client.ask("/size")).status == 500
        await until(lambda: "LIF-003" in process.text)
    finally:
        process.kill()


async def test_a_server_without_lifespan_opens_at_the_first_connections(tmp_path: Path) -> None:
    """Several at once: one inbox all the same."""
    process = ServerProcess(SERVERS["daphne"], f"{SERVED}:asynchronous_alone", tmp_path)

    async def ask() -> None:
        async with connect(process.address) as client:
            assert (await client.ask("/size")).body == b"0"

    try:
        await process.ready()
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(ask)
        assert len({call[0] for call in process.seen}) == 1
    finally:
        process.kill()
