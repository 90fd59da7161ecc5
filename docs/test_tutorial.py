"""The code of the tutorial and of the README does what the page says."""

from __future__ import annotations

import importlib
import re
import sys
import threading
import urllib.request
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
    monkeypatch.syspath_prepend(str(HERE / "examples"))
    return importlib.import_module


def say_in_a_room(application: Any) -> None:
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


def test_the_room_of_the_tutorial(example: Any) -> None:
    say_in_a_room(example("tutorial_chat").application)


def test_the_room_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.search(r"```python\n(# chat\.py\n.*?)```", (HERE.parent / "README.md").read_text(), re.DOTALL)
    assert code is not None
    (tmp_path / "readme_chat.py").write_text(code[1])
    monkeypatch.syspath_prepend(str(tmp_path))
    say_in_a_room(importlib.import_module("readme_chat").application)
    del sys.modules["readme_chat"]


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


def test_long_polling(example: Any) -> None:
    application = example("tutorial_polling").application
    answers: list[bytes] = []
    with Server(application, port=0) as server:

        def wait() -> None:
            with urllib.request.urlopen(f"{server.url}/news", timeout=30) as response:
                answers.append(response.read())

        waiting = threading.Thread(target=wait)
        waiting.start()
        while waiting.is_alive():  # until the request has joined, nobody hears
            request = urllib.request.Request(f"{server.url}/publish", b"land in sight", method="POST")
            with urllib.request.urlopen(request, timeout=30) as response:
                assert response.status == 202
            waiting.join(0.02)

    assert answers == [b'{"text":"land in sight"}']
