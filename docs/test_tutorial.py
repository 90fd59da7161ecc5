"""The README's code and the tutorial's script do on a real server what the pages say.

The tutorial's consumers are tested in `examples/test_tutorial_consumers.py`.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from seaway.layers import open_layer
from seaway.reference import Server

HERE = Path(__file__).parent


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import an example by its name."""
    monkeypatch.setattr(sys, "path", [str(HERE / "examples"), *sys.path])
    return importlib.import_module


def test_the_room_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.search(r"```python\n(# chat\.py\n.*?)```", (HERE.parent / "README.md").read_text(), re.DOTALL)
    assert code is not None
    (tmp_path / "readme_chat.py").write_text(code[1])
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    application = importlib.import_module("readme_chat").application
    del sys.modules["readme_chat"]
    with Server(application, port=0) as server:
        url = server.url.replace("http", "ws")
        with (
            connect(f"{url}/rooms/harbour") as one,
            connect(f"{url}/rooms/harbour") as two,
            connect(f"{url}/rooms/open-sea") as elsewhere,
        ):
            one.send("ahoy")
            assert one.recv(timeout=30) == two.recv(timeout=30) == "ahoy"
            elsewhere.send("nobody?")
            assert elsewhere.recv(timeout=30) == "nobody?"


def test_ordinary_code_reaches_the_room(example: Any) -> None:
    announce = example("tutorial_announce").announce
    application = example("tutorial_chat").application
    with (
        Server(application, layer=open_layer("memory://tutorial"), port=0) as server,
        open_layer("memory://tutorial", is_async=False) as layer,
        connect(f"{server.url.replace('http', 'ws')}/rooms/harbour") as one,
    ):
        announce(layer, "harbour", "from a script")
        assert one.recv(timeout=30) == "from a script"
