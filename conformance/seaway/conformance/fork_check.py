"""Uses a layer object in a forked child and prints what happened: ``python -m seaway.conformance.fork_check``.

Standard input has one JSON object with ``target``, ``make`` and ``deadline``, the seconds for each call. The output is
one JSON object: a text for each method, the error that it raised in the child, or ``""`` if it raised none; and
``parent``, what was wrong there afterwards.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

import anyio

from seaway.conformance.face import Face, Limits
from seaway.conformance.target import load

CALLS: dict[str, tuple[Any, ...]] = {
    "send": ("work", {"type": "test.message"}),
    "receive": (["work"], 0),
    "new_channel": ("here!",),
    "send_group": ("room", {"type": "test.message"}),
}


def main() -> None:
    """Fork after the first use, and try in the child."""
    request = json.loads(sys.stdin.read())
    raw = load(request["target"], {}, os.getcwd()).make(**request["make"])
    deadline = request["deadline"]
    face = Face(raw, raw.is_async, Limits(deadline=deadline), "asyncio")
    reading, writing = os.pipe()

    async def use_and_fork() -> dict[str, str]:
        inbox = await face.new_channel()
        child = os.fork()
        if child == 0:
            _answer_and_exit(face, writing, 2 * deadline)
        os.close(writing)
        with os.fdopen(reading) as lines:
            answers: dict[str, str] = json.loads(lines.read())
        children.append(child)
        # What the child has closed is still there.
        await face.send(f"{inbox}1", {"type": "test.message"})
        _, message = await face.receive([inbox], deadline)
        answers["parent"] = "" if message == {"type": "test.message"} else f"got {message!r}"
        return answers

    children: list[int] = []
    print(json.dumps(anyio.run(use_and_fork)))
    os.waitpid(children[0], 0)


def _answer_and_exit(face: Face, writing: int, seconds: float) -> None:
    # A thread of its own, for this one seems to be in an event loop.
    answers = dict.fromkeys((*CALLS, "close"), "no answer in time")
    thread = threading.Thread(target=lambda: answers.update(anyio.run(_try, face)))
    thread.start()
    thread.join(seconds)
    os.write(writing, json.dumps(answers).encode())
    os._exit(0)


async def _try(face: Face) -> dict[str, str]:
    found = {}
    for name, arguments in CALLS.items():
        outcome = await face.call(name, *arguments).outcome()
        found[name] = f"{type(outcome.error).__name__}: {outcome.error}" if outcome.error is not None else ""
    outcome = await face.close().outcome()
    found["close"] = f"{type(outcome.error).__name__}: {outcome.error}" if outcome.error is not None else ""
    return found


if __name__ == "__main__":
    main()
