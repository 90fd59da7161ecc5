"""What somebody sees who gives the suite a layer that is wrong from the start: one clear message within seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(600)  # a busy machine takes minutes for what takes seconds
ROOT = Path(__file__).resolve().parents[2]

LAYERS = '''
import asyncio, time
from seaway.conformance.harness import LayerHarness

class Healthy:
    """Looks like a layer, as far as one gets."""
    is_async = False
    interface = "1.0"
    extensions = frozenset()
    class ChannelFull(Exception): pass
    class MessageTooLarge(Exception): pass
    def __init__(self, **options):
        if not set(options) <= {"namespace"}: raise TypeError("unknown option")
        self.messages = []
    def send(self, channel, message): self.messages.append((channel, message))
    def receive(self, channels, timeout=None): return self.messages.pop(0) if self.messages else (None, None)
    def close(self): pass

class NeedsUrl(Healthy):
    def __init__(self, url, **options): super().__init__(**options)

class Hangs(Healthy):
    def receive(self, channels, timeout=None):
        while True: time.sleep(3600)

class HangsAsync(Healthy):
    is_async = True
    async def send(self, channel, message): pass
    async def receive(self, channels, timeout=None):
        time.sleep(3600)
    async def close(self): pass

class HangsInConstruction(Healthy):
    def __init__(self, **options): time.sleep(3600)

class IgnoresCancellation(Healthy):
    is_async = True
    async def send(self, channel, message): pass
    async def receive(self, channels, timeout=None):
        while True:
            try: await asyncio.sleep(3600)
            except asyncio.CancelledError: pass
    async def close(self): pass

class OnAsyncio(LayerHarness):
    event_loops = ("asyncio",)
    flavours = ("async",)
    def make(self, *, is_async, **options): return IgnoresCancellation(**options)

class OtherFlavour(Healthy):
    async def send(self, channel, message): pass

class OnlyAsyncio(Healthy):
    is_async = True
    async def send(self, channel, message): await asyncio.sleep(0); Healthy.send(self, channel, message)
    async def receive(self, channels, timeout=None): return Healthy.receive(self, channels)
    async def close(self): pass

class CannotConnect(Healthy):
    def send(self, channel, message): raise ConnectionError("127.0.0.1:6379 refused the connection")

class FailsInConstruction(Healthy):
    def __init__(self, **options): raise OSError("no such file: /etc/layer.conf")

no_layer = 17

class FailingHarness(LayerHarness):
    def __init__(self, **options): raise OSError("no broker is installed")

class NoFlavour:
    pass
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "mypkg").mkdir()
    (tmp_path / "mypkg" / "__init__.py").write_text(LAYERS)
    (tmp_path / "mypkg" / "broken.py").write_text("import nothing_of_that_name\n")
    (tmp_path / "mypkg" / "script.py").write_text("raise SystemExit('usage: script')\n")
    (tmp_path / "mypkg" / "typo.py").write_text("class Layer(:\n")
    return tmp_path


def run(project: Path, *arguments: str) -> tuple[int, str]:
    """Run the suite as somebody does who has it installed; return exit code and output."""
    roots = [str(ROOT / name) for name in ("spec", "layers", "conformance")]
    command = [sys.executable, "-c", "from seaway.conformance.cli import conformance; conformance()", *arguments]
    done = subprocess.run(
        [*command, "--timescale=0.2", "-q"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(roots), "PYTEST_ADDOPTS": "-p no:hypothesispytest"},
        capture_output=True,
        text=True,
        timeout=500,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("mypkgg.Healthy", "there is no module 'mypkgg'"),
        ("mypkg.Healty", "mypkg has no 'Healty'; did you mean 'Healthy'?"),
        ("mypkg:Healty", "did you mean 'Healthy'?"),
        ("Healthy", "expected package.module.Layer"),
        (
            "mypkg.broken:Layer",
            "mypkg.broken cannot be imported: ModuleNotFoundError: No module named 'nothing_of_that_name'",
        ),
        ("mypkg.script:Layer", "it ended itself while it was imported (SystemExit: usage: script)"),
        ("mypkg.typo:Layer", "mypkg/typo.py:1)"),
        ("mypkg.HangsInConstruction", "has not ended within 10 seconds; it hangs at "),
        ("mypkg.FailingHarness", "the LayerHarness cannot be made: OSError: no broker is installed"),
        ("memory://x?capacity=many", "memory://x?capacity=many cannot be opened: "),
        ("redis://anna:hu/sh@h", "redis://anna:***@h cannot be opened: "),
        ("mypkg.no_layer", "mypkg.no_layer is 'int'; expected a layer class"),
        ("mypkg.NoFlavour", "lacks the attribute 'is_async'"),
        ("nosuch://localhost", "no layer for 'nosuch' is installed; there are memory"),
    ],
)
def test_a_target_that_cannot_be_tested_is_one_line(project: Path, target: str, expected: str) -> None:
    code, output = run(project, f"--layer={target}")
    assert code != 0
    assert expected in output
    assert len(output.strip().splitlines()) == 1, output


def test_a_class_that_needs_arguments_is_told_how_to_give_them(project: Path) -> None:
    code, output = run(project, "--layer=mypkg.NeedsUrl")
    assert code == 4
    assert "missing 1 required positional argument: 'url'" in output
    assert "--layer-option=key=value" in output
    assert "Traceback" not in output


def test_arguments_that_are_given_reach_the_class(project: Path) -> None:
    _, output = run(project, "--layer=mypkg.NeedsUrl", "--layer-option=url=redis://localhost", "-k", "smoke")
    assert "missing" not in output
    assert "passed" in output


def test_a_construction_that_fails_says_what_was_raised(project: Path) -> None:
    code, output = run(project, "--layer=mypkg.FailsInConstruction")
    assert code == 4
    assert "no such file: /etc/layer.conf" in output


@pytest.mark.parametrize("layer", ["Hangs", "HangsAsync"])
def test_a_layer_that_hangs_in_receive_is_named_and_nothing_else_is_tried(project: Path, layer: str) -> None:
    code, output = run(project, f"--layer=mypkg.{layer}", "-k", "asyncio or sync")
    assert code == 1
    assert "nothing else was tried" in output
    assert "has not returned within" in output or "event loop was blocked" in output
    assert "LAY-039" in output


def test_a_layer_that_does_not_end_when_it_is_cancelled_is_named_and_nothing_else_is_tried(project: Path) -> None:
    code, output = run(project, "--layer=mypkg.OnAsyncio")
    assert code == 1
    assert "nothing else was tried on asyncio: a call has not ended even though it was cancelled" in output
    assert "LAY-039" in output


def test_a_layer_whose_methods_are_of_the_other_flavour_is_told_so(project: Path) -> None:
    code, output = run(project, "--layer=mypkg.OtherFlavour")
    assert code == 1
    assert "nothing else was tried on sync: is_async is False, so 'send' must be an ordinary function" in output


def test_a_layer_that_works_on_asyncio_only_is_told_how_to_say_so(project: Path) -> None:
    code, output = run(project, "--layer=mypkg.OnlyAsyncio", "-k", "smoke")
    assert code == 1
    assert "nothing else was tried on trio" in output
    assert "a LayerHarness with event_loops = ('asyncio',)" in output


def test_a_layer_that_cannot_connect_is_one_cause(project: Path) -> None:
    code, output = run(project, "--layer=mypkg.CannotConnect")
    assert code == 1
    assert "127.0.0.1:6379 refused the connection" in output
    assert "nothing else was tried" in output
    assert output.count("FAILED") == 1


def test_a_first_layer_gets_to_its_first_failures(project: Path) -> None:
    code, output = run(project, "--layer=mypkg.Healthy")
    assert code == 1
    assert "LAY-045  fail" in output
    assert "does not conform" in output
