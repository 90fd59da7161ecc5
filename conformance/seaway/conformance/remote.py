"""A layer object in another process, driven by JSON lines; the far side is `seaway.conformance.worker`.

Rules of this module: no pytest. A worker that dies fails every call that waits for it; nothing here waits for ever.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import anyio
from attrs import asdict

from seaway.conformance.face import Hang, Outcome
from seaway.conformance.roles import Task
from seaway.spec import from_json, to_json


def start_seconds(deadline: float) -> float:
    """Return how long a process may take to begin, where a call may take *deadline*. One that dies is noticed."""
    return 10.0 + 4 * deadline


class RemoteError(Exception):
    """What a call raised in the other process. The text begins with the name of the class."""


class WorkerDied(Exception):  # noqa: N818 - a verdict
    """The other process has ended."""


class Remote:
    """A layer object in another process. Make one with `Remote.start`."""

    def __init__(self, process: subprocess.Popen[str], deadline: float) -> None:
        self._process = process
        self._deadline = deadline
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._read, name="conformance-remote", daemon=True).start()

    @classmethod
    async def start(cls, target: str, make: dict[str, Any], backend: str, deadline: float) -> Remote:
        """Start a process that makes a layer object of *target*.

        Args:
            target: as ``--layer`` takes it.
            make: keywords for `LayerHarness.make`.
            backend: the event loop of the process.
            deadline: seconds for each call.

        Raises:
            RemoteError: the object could not be made.
            WorkerDied: the process ended.
        """
        process = subprocess.Popen(  # noqa: ASYNC220 - it returns as soon as the process has begun
            [sys.executable, "-m", "seaway.conformance.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=environment(),
        )
        remote = cls(process, deadline)
        request = {"command": "make", "target": target, "make": make, "backend": backend}
        await remote._ask(request, start_seconds(deadline))
        return remote

    async def call(self, name: str, *arguments: Any) -> Any:
        """Call the method *name* there and return what it returned.

        Raises:
            RemoteError: it raised.
            Hang: no answer in time.
            WorkerDied: the process has ended.
        """
        outcome = (await self.calls([(name, *arguments)]))[0]
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    async def calls(self, calls: Sequence[tuple[Any, ...]]) -> list[Outcome]:
        """Begin all *calls*, each a name and arguments, at once there; return how each ended."""
        request = {"command": "call", "calls": [[name, *map(_encoded, rest)] for name, *rest in calls]}
        answers = await self._ask(request, self._deadline)
        return [
            Outcome(error=RemoteError(answer["error"])) if "error" in answer else Outcome(_decoded(answer["value"]))
            for answer in answers
        ]

    async def act(self, task: Task, seconds: float) -> None:
        """Let the process do *task* by itself; return when that has ended, within *seconds* (see `end_act`).

        Raises:
            RemoteError: a call raised what no call may raise there.
            Hang: it has not ended in time.
            WorkerDied: the process has ended.
        """
        await self._ask({"command": "act", "task": asdict(task)}, seconds)

    async def end_act(self) -> None:
        """Tell the process to end what it does by itself."""
        await self._ask({"command": "end"}, self._deadline)

    async def kill(self) -> None:
        """Kill the process, as the kernel does: nothing is cleaned up there."""
        os.killpg(self._process.pid, signal.SIGKILL)
        await self._ended()
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    async def end(self) -> None:
        """Let the process close its object and end."""
        if self._process.poll() is None and self._process.stdin is not None:
            self._process.stdin.close()
            with anyio.move_on_after(self._deadline):
                await self._ended()
                return
            await self.kill()

    async def _ended(self) -> None:
        while self._process.poll() is None:
            await anyio.sleep(0.005)

    async def _ask(self, request: dict[str, Any], deadline: float) -> Any:
        number = next(self._numbers)
        answer: Future[Any] = Future()
        with self._lock:
            if self._process.poll() is not None:
                raise WorkerDied(f"the worker process has ended with {self._process.returncode}")
            self._waiting[number] = answer
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps({**request, "seq": number}) + "\n")
            self._process.stdin.flush()
        with anyio.move_on_after(deadline):
            while not answer.done():
                await anyio.sleep(0.002)
            return answer.result()
        raise Hang(f"{request['command']} in the worker process has not returned within {deadline:g} seconds")

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                answer = json.loads(line)
                future = self._waiting.pop(answer["seq"])
                if "error" in answer:
                    future.set_exception(RemoteError(answer["error"]))
                else:
                    future.set_result(answer["value"])
        self._process.wait()
        with self._lock:
            for future in self._waiting.values():
                future.set_exception(WorkerDied(f"the worker process ended with {self._process.returncode}"))
            self._waiting.clear()


def environment() -> dict[str, str]:
    """Return an environment in which another process imports what this one does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _encoded(value: Any) -> Any:
    return {"message": to_json(value)} if isinstance(value, dict) else value


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        return from_json(value["message"])
    return tuple(map(_decoded, value)) if isinstance(value, list) else value
