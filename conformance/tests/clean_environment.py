"""Somebody else's layer, in a folder of its own, judged in each way in which the suite can be called.

``python clean_environment.py CHECKOUT WAY…`` is run in an empty folder by an interpreter that has the suite installed
or not (then only the way ``checkout`` works). It writes two layers there, a healthy one and one that gives the last
message first, and demands that the one passes and the other fails, with a text that says what came instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LAYERS = """
from queue import SimpleQueue

import layers  # the name of a folder of ours

from seaway.conformance.zoo.broker import Broker
from seaway.conformance.zoo.model import ModelLayer

assert layers.whose == "mine"
BROKER = Broker()


class Healthy(ModelLayer):
    def __init__(self, **options):
        super().__init__(BROKER, **options)


class LastFirst(Healthy):
    def pop_normal(self, name):
        queue = self.space.channels.get(name, SimpleQueue and [])
        if queue:
            self.drop_expired(queue)
        return queue.pop() if queue else None
"""

WAYS = {
    "checkout": ["pytest", "conformance"],
    "command": ["seaway", "conformance"],
    "pyargs": ["pytest", "--pyargs", "seaway.conformance"],
}
READABLE = ("LAY-078  fail", "first_in_first_out", "assert ", "== [0, 1, 2, 3, 4, 5, ", "again: ")


def main(checkout: str, ways: list[str]) -> None:
    """Try each of *ways*, in the folder *checkout* or in this one."""
    here = Path.cwd()
    (here / "layers").mkdir(exist_ok=True)
    (here / "layers" / "__init__.py").write_text('whose = "mine"\n')
    (here / "somebody.py").write_text(LAYERS)
    for way in ways:
        folder = Path(checkout) if way == "checkout" else here
        code, output = call(way, folder, "Healthy")
        expect(way, code == 0 and " passed" in output, output)
        code, output = call(way, folder, "LastFirst")
        expect(way, code == 1 and all(text in output for text in READABLE), output)
        print(f"{way}: passes and fails as it should")


def call(way: str, folder: Path, layer: str) -> tuple[int, str]:
    """Return exit code and output of the suite, run on one of the layers."""
    program, *rest = WAYS[way]
    command = [os.fspath(Path(sys.executable).with_name(program)), *rest]
    # In a checkout the layer is found by whatever its author has set; in the author's own folder without it.
    environment = {**os.environ, "PYTHONPATH": os.fspath(Path.cwd())} if way == "checkout" else dict(os.environ)
    arguments = [f"--layer=somebody.{layer}", "-k", "smoke or order", "-q"]
    done = subprocess.run([*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def expect(way: str, is_right: bool, output: str) -> None:
    """End with *output* if it is not right."""
    if not is_right:
        sys.exit(f"{output}\n{way}: see above")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
