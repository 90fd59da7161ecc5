"""Uses a layer object in a forked child and prints what happened: ``python -m seaway.conformance.fork_check``.

Standard input has one JSON object with ``target`` and ``make``. The output is one JSON object: a text for each method,
the error that it raised in the child, or ``""`` if it raised none.
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
    face = Face(raw, raw.is_async, Limits(), "asyncio")
    reading, writing = os.pipe()

    async def use() -> None:
        await face.send("work", {"type": "test.message"})

    anyio.run(use)
    child = os.fork()
    if child == 0:
        os.close(reading)
        answers: dict[str, str] = {}
        thread = threading.Thread(target=lambda: answers.update(anyio.run(_try, face)))
        thread.start()
        thread.join(10)
        os.write(writing, json.dumps(answers).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answers_of_child:
        print(answers_of_child.read())
    os.waitpid(child, 0)


async def _try(face: Face) -> dict[str, str]:
    found = {}
    for name, arguments in CALLS.items():
        outcome = await face.call(name, *arguments).outcome()
        found[name] = f"{type(outcome.error).__name__}: {outcome.error}" if outcome.error is not None else ""
    return found


if __name__ == "__main__":
    main()
