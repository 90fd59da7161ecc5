"""Worker threads of synchronous consumers: one hop for what is queued, and no hold on the process."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from seaway.conformance.client.http import connect, request
from seaway.reference import Server
from seaway.reference.drivers.runtime import Runtime
from seaway.reference.threads import ThreadPool

STUCK = """
import sys, threading
from seaway.reference import Settings, serve

def application(*arguments):
    def consumer(message):
        print(message["type"], flush=True)
        threading.Event().wait()
    return consumer

application.is_async = False
serve(application, uds=sys.argv[1], settings=Settings(grace=0.2), started=lambda server: print("ready", flush=True))
"""


def test_jobs_begin_in_order_and_in_no_more_threads_than_there_may_be() -> None:
    pool = ThreadPool(2)
    order: list[int] = []
    names: set[str] = set()
    done = threading.Semaphore(0)

    def job(number: int) -> None:
        names.add(threading.current_thread().name)
        order.append(number)
        done.release()

    gate = threading.Barrier(3)
    pool.submit(gate.wait)
    pool.submit(gate.wait)  # both threads are taken
    for number in range(20):
        pool.submit(lambda number=number: job(number))
    assert order == []
    gate.wait()
    for _ in range(20):
        assert done.acquire(timeout=10)

    assert sorted(order) == list(range(20))
    assert len(names) <= 2
    pool.close()


@pytest.mark.anyio
async def test_what_is_queued_for_a_synchronous_consumer_takes_one_hop(monkeypatch: pytest.MonkeyPatch) -> None:
    """CON-076: the terminal message that the response brings about included."""
    hops: list[Any] = []
    run = Runtime.run_in_thread

    async def counted(self: Runtime, function: Any) -> None:
        hops.append(function)
        await run(self, function)

    monkeypatch.setattr(Runtime, "run_in_thread", counted)
    got: list[str] = []
    ended = threading.Event()

    def application(type: str, layer: Any, channel: str, send: Any) -> Any:
        def consumer(message: Any) -> None:
            got.append(message["type"])
            if message["type"] == "http.request":
                layer.send(channel, {"type": "test.one"})
                send({"type": "http.response", "status": 200})
            else:
                ended.set()

        return consumer

    application.is_async = False  # type: ignore[attr-defined]
    async with Server(application, port=0) as server, connect(server.address) as client:
        await client.send(request("/"))
        assert (await client.response()).status == 200

    assert ended.is_set()
    assert got == ["http.request", "http.disconnect"]  # the layer's message was overtaken (CON-050)
    assert len(hops) == 1


def test_a_synchronous_call_that_never_returns_does_not_hold_the_process(tmp_path: Path) -> None:
    """CON-061, SRV-017: it is reported, and the process ends all the same."""
    path = str(tmp_path / "socket")
    command = [sys.executable, "-c", STUCK, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert process.stdout.readline() == "http.request\n"
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=30)

    assert process.returncode == 0
    assert "goes on after its connection ended" in errors
