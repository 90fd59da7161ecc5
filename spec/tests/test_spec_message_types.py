"""Every message type that the server, the layers and the suite write down has a schema."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from seaway.spec import RESERVED_PREFIXES, schemas

ROOT = Path(__file__).parents[2]
ASGI = {  # events and extensions of another interface, which the folder `asgi` speaks beside ours
    "http.response.early_hint",
    "http.response.start",
    "lifespan.shutdown.complete",
    "lifespan.shutdown.failed",
    "lifespan.startup.complete",
    "lifespan.startup.failed",
    "websocket.http.response",
    "websocket.http.response.body",
    "websocket.http.response.start",
}
_words = "|".join(prefix.removesuffix(".") for prefix in RESERVED_PREFIXES)
_is_reserved_type = re.compile(rf"(?:{_words})(?:\.[a-z][a-z0-9_]*)+").fullmatch


def without_schema(folder: Path) -> list[str]:
    """The reserved types in the Python files under *folder* that no schema is for, each with its place."""
    return [
        f"{path.relative_to(folder)}:{node.lineno}: {node.value}"
        for path in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _is_reserved_type(node.value)
        and node.value not in schemas.types()
        and not (node.value in ASGI and path.parent.name == "asgi")
    ]


@pytest.mark.parametrize("folder", ["reference/seaway", "layers/seaway"])
def test_every_type_has_a_schema(folder: str) -> None:
    assert (ROOT / folder).is_dir()
    assert without_schema(ROOT / folder) == []


def test_a_type_without_a_schema_is_found(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(
        'send({"type": "http.response"})\nsend({"type": "http.response.push"})\nlog("http.response.push was sent")\n'
        'match kind:\n    case "server.overloaded":\n        pass\n'
    )

    (tmp_path / "asgi").mkdir()
    (tmp_path / "asgi" / "http.py").write_text('send({"type": "http.response.start"})\n')

    assert without_schema(tmp_path) == ["server.py:2: http.response.push", "server.py:5: server.overloaded"]
