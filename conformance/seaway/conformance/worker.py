"""The far side of `seaway.conformance.remote`: ``python -m seaway.conformance.worker``.

Reads one JSON object a line, answers with one a line. Standard output is for answers only. The first command is
``make``; ``call`` does calls side by side, ``act`` does a role until it is told to ``end`` it.
"""

from __future__ import annotations

import json
import os
import sys
from threading import Lock
from typing import Any

import anyio
import anyio.to_thread

from seaway.conformance.face import Face, Limits
from seaway.conformance.roles import ROLES, Task, logged
from seaway.conformance.target import load
from seaway.spec import from_json, to_json

_answers = sys.stdout
_writing = Lock()


def main() -> None:
    """Serve until standard input ends."""
    sys.stdout = sys.stderr
    request = json.loads(sys.stdin.readline())
    raw = _made(request)
    if raw is not None:
        anyio.run(_Worker(raw, request["make"]["is_async"], request["backend"]).serve, backend=request["backend"])
    os._exit(0)  # a synchronous call may still wait in its thread


def _made(request: dict[str, Any]) -> Any:
    try:
        raw = load(request["target"], {}, os.getcwd()).make(**request["make"])
    except Exception as error:
        _answer({"seq": request["seq"], "error": f"{type(error).__name__}: {error}"})
        return None
    _answer({"seq": request["seq"], "value": None})
    return raw


class _Worker:
    """A layer object and what is done with it."""

    def __init__(self, raw: Any, is_async: bool, backend: str) -> None:
        self._face = Face(raw, is_async, Limits(), backend)
        self._backend = backend
        self._logged: Face | None = None
        self._ending = anyio.Event()

    async def serve(self) -> None:
        """Do what standard input says, until it ends."""
        async with anyio.create_task_group() as tasks:
            while line := await anyio.to_thread.run_sync(sys.stdin.readline):
                request = json.loads(line)
                tasks.start_soon(getattr(self, f"_{request['command']}"), request)
            tasks.cancel_scope.cancel()
        with anyio.move_on_after(1):
            await self._face.close().outcome()

    async def _call(self, request: dict[str, Any]) -> None:
        ended: dict[int, dict[str, Any]] = {}

        async def run(index: int, name: str, arguments: list[Any]) -> None:
            try:
                ended[index] = {"value": _encoded(await self._face.run(name, [_decoded(one) for one in arguments]))}
            except Exception as error:
                ended[index] = {"error": f"{type(error).__name__}: {error}"}

        async with anyio.create_task_group() as tasks:
            for index, (name, *arguments) in enumerate(request["calls"]):
                tasks.start_soon(run, index, name, arguments)
        _answer({"seq": request["seq"], "value": [ended[index] for index in sorted(ended)]})

    async def _act(self, request: dict[str, Any]) -> None:
        task = Task(**request["task"])
        raw = self._face.raw
        if self._logged is None:
            self._logged = logged(raw, self._face.is_async, self._backend, task.name, task.log)
        try:
            await ROLES[task.role](self._logged, raw.ChannelFull, task, self._ending)
        except Exception as error:
            _answer({"seq": request["seq"], "error": f"{type(error).__name__}: {error}"})
        else:
            _answer({"seq": request["seq"], "value": None})

    async def _end(self, request: dict[str, Any]) -> None:
        self._ending.set()
        _answer({"seq": request["seq"], "value": None})


def _answer(answer: dict[str, Any]) -> None:
    with _writing:
        _answers.write(json.dumps(answer) + "\n")
        _answers.flush()


def _decoded(value: Any) -> Any:
    return from_json(value["message"]) if isinstance(value, dict) else value


def _encoded(value: Any) -> Any:
    if isinstance(value, dict):
        return {"message": to_json(value)}
    return [_encoded(one) for one in value] if isinstance(value, (tuple, list)) else value


if __name__ == "__main__":
    main()
