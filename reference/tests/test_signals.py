"""`serve` as a process: SIGTERM and SIGINT drain, a second one ends it at once, a failed start is told."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.conformance.client.http import connect, request
from seaway.conformance.client.websocket import websocket

from .scripted import until

PROGRAM = Path(__file__).with_name("serving_process.py")
LONG, SHORT = "60", "0.5"  # seconds of grace
anyio_test = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The client's; the server's is a parameter, for it is another process."""
    return "asyncio"


class Process:
    """The server's process, and what it has written so far."""

    def __init__(self, directory: Path, backend: str, *, grace: str, start: str) -> None:
        self.uds = str(directory / "seaway.sock")
        self.output = directory / "output"
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "PYTHONUNBUFFERED": "1",
        }
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(PROGRAM), self.uds, backend, grace, start],
                stdout=output,
                stderr=output,
                env=environment,
            )

    async def ready(self) -> None:
        def answers() -> bool:
            assert self.process.poll() is None, self.text
            return "lifespan.startup" in self.text and self.listens

        await until(answers, "the start of the server")

    @property
    def text(self) -> str:
        return self.output.read_text()

    @property
    def listens(self) -> bool:
        """Whether a client can connect."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.uds) == 0

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    async def exit(self) -> int:
        await until(lambda: self.process.poll() is not None, f"the end of the process: {self.text}")
        return self.process.wait()


@pytest.fixture
def grace() -> str:
    """Long: what a test waits for comes before its end, or the test fails."""
    return LONG


@pytest.fixture
def start() -> str:
    """How the application starts: see `serving_process`."""
    return "runs"


@pytest.fixture(params=["asyncio", "trio"])
def process(request: pytest.FixtureRequest, tmp_path: Path, grace: str, start: str) -> Iterator[Process]:
    started = Process(tmp_path, request.param, grace=grace, start=start)
    yield started
    started.process.kill()
    started.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@anyio_test
async def test_a_signal_drains(process: Process, number: int) -> None:
    """SRV-008, O1, O2: the request under way is answered, the WebSocket gets 1012, the exit is in order."""
    await process.ready()
    async with connect(process.uds) as busy, connect(process.uds) as idle, websocket(process.uds) as ws:
        await idle.ask("/")
        await busy.send(request("/slow"))
        await until(lambda: "slow" in process.text)
        process.signal(number)
        assert (await busy.response()).body == b"ok"
        assert await ws.closed() == 1012
        assert await idle.ended() == b""
        assert await process.exit() == 0

    lines = process.text.split("\n")
    assert "websocket.disconnect 1012" in lines
    assert [line for line in lines if line.startswith("lifespan")][-1].startswith("lifespan.shutdown")
    assert "Traceback" not in process.text
    assert not process.listens


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
@anyio_test
async def test_a_second_signal_ends_the_grace(process: Process, second: int) -> None:
    """SRV-009, O5: terminal messages are given, nobody waits for the rest of the grace."""
    await process.ready()
    async with connect(process.uds) as stuck:
        await stuck.send(request("/stuck"))
        await until(lambda: "stuck" in process.text)
        process.signal(signal.SIGTERM)
        await until(lambda: not process.listens)
        process.signal(second)
        await process.exit()

    assert "http.disconnect" in process.text
    assert "lifespan.shutdown" in process.text


@pytest.mark.parametrize("grace", [SHORT])
@anyio_test
async def test_a_consumer_that_ignores_its_cancellation_does_not_hold_the_process(process: Process) -> None:
    """SRV-017, O4: out by `grace` and a second (and what a loaded machine adds)."""
    await process.ready()
    async with connect(process.uds) as stuck:
        await stuck.send(request("/ignores"))
        await until(lambda: "ignores" in process.text)
        process.signal(signal.SIGTERM)
        await stuck.ended()
        await process.exit()


@pytest.mark.parametrize("start", ["waits"])
@anyio_test
async def test_a_signal_during_the_start_ends_it(process: Process) -> None:
    """O5: nobody waits for a start that may never end."""
    await until(lambda: "lifespan.startup" in process.text)
    process.signal(signal.SIGTERM)
    await process.exit()
    assert not process.listens


@pytest.mark.parametrize("start", ["sinks"])
@anyio_test
async def test_an_error_of_the_lifespan_consumer_ends_the_process_with_it(process: Process) -> None:
    """LIF-010: `lifespan.shutdown` first, then the error and a status other than 0."""
    assert await process.exit() not in (0, -signal.SIGKILL)
    assert "lifespan.shutdown" in process.text
    assert "a leak in the hull" in process.text


@pytest.mark.parametrize("start", ["fails"])
@anyio_test
async def test_a_failed_start_is_a_status_other_than_0(process: Process) -> None:
    """LIF-009."""
    assert await process.exit() not in (0, -signal.SIGKILL)
    assert "no water in the harbour" in process.text
    assert not process.listens
