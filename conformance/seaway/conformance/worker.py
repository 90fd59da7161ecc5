"""The far side of `seaway.conformance.remote`: ``python -m seaway.conformance.worker``.

Reads one JSON object a line, answers with one a line. Standard output is for answers only.
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
from seaway.conformance.target import load
from seaway.spec import from_json, to_json

_answers = sys.stdout
_writing = Lock()


def main() -> None:
    """Serve until standard input ends."""
    sys.stdout = sys.stderr
    anyio.run(_serve)
    os._exit(0)  # a synchronous call may still wait in its thread


async def _serve() -> None:
    face: Face | None = None
    async with anyio.create_task_group() as tasks:
        while line := await anyio.to_thread.run_sync(sys.stdin.readline):
            request = json.loads(line)
            if request["command"] == "make":
                face = await _make(request)
            elif face is not None:
                tasks.start_soon(_call, face, request)
        tasks.cancel_scope.cancel()
    if face is not None:
        with anyio.move_on_after(1):
            await face.close().outcome()


async def _make(request: dict[str, Any]) -> Face | None:
    make = request["make"]
    try:
        raw = load(request["target"], {}, os.getcwd()).make(**make)
    except Exception as error:
        _answer({"seq": request["seq"], "error": f"{type(error).__name__}: {error}"})
        return None
    _answer({"seq": request["seq"], "value": None})
    return Face(raw, make["is_async"], Limits(), "asyncio")


async def _call(face: Face, request: dict[str, Any]) -> None:
    ended: dict[int, dict[str, Any]] = {}

    async def run(index: int, name: str, arguments: list[Any]) -> None:
        try:
            ended[index] = {"value": _encoded(await face.run(name, [_decoded(one) for one in arguments]))}
        except Exception as error:
            ended[index] = {"error": f"{type(error).__name__}: {error}"}

    async with anyio.create_task_group() as tasks:
        for index, (name, *arguments) in enumerate(request["calls"]):
            tasks.start_soon(run, index, name, arguments)
    _answer({"seq": request["seq"], "value": [ended[index] for index in sorted(ended)]})


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
