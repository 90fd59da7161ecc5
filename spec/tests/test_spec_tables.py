"""The tables of the text and the schemas say the same: keys, types, defaults, requirement."""

from __future__ import annotations

import ast
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

CHAPTERS = Path(__file__).parent.parent
SCHEMAS = files("seaway.spec") / "schemas"
COMMON = json.loads((SCHEMAS / "common.json").read_text(encoding="utf-8"))["$defs"]
PARAGRAPH = re.compile(r"^\*\*([A-Z0-9]+-\d+)\*\*.*schema, `([^`]+)`, and have these keys.*$", re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+?) \|", re.MULTILINE)


def tables() -> list[Any]:
    found = []
    for path in sorted(CHAPTERS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        for match in PARAGRAPH.finditer(text):
            table = text[match.end() :].lstrip("\n").split("\n\n")[0]
            rows = [(key, kind, default) for key, kind, default in ROW.findall(table)]
            found.append(pytest.param(match[1], match[2], rows, id=match[2]))
    return found


def kind_of(schema: dict[str, Any]) -> str:
    """Say a schema in the words of the tables."""
    if schema.get("$ref", "").endswith("/bytes"):
        return "`bytes`"
    schema = {**COMMON[schema["$ref"].rpartition("/")[2]], **schema} if "$ref" in schema else schema
    if "const" in schema:
        return f'`"{schema["const"]}"`'
    if "anyOf" in schema and {"type": "null"} in schema["anyOf"]:
        (other,) = [branch for branch in schema["anyOf"] if branch != {"type": "null"}]
        return f"{kind_of(other)} or `None`"
    types = schema.get("type", "string")
    if isinstance(types, list):
        (other,) = [one for one in types if one != "null"]
        joint = ", " if other == "number" else " or "
        return f"{kind_of({**schema, 'type': other})}{joint}`None`".replace(
            "` or `float`, `None", "`, `float` or `None"
        )
    if types == "array":
        if "prefixItems" in schema:
            return "a pair"
        inner = kind_of(schema["items"])
        return "pairs of `bytes`" if inner == "a pair" else f"list of {inner}"
    return {
        "string": "`str`",
        "integer": "`int`",
        "number": "`int` or `float`",
        "boolean": "`bool`",
        "object": "`dict`",
    }[types]


def default_of(schema: dict[str, Any]) -> str:
    if "default" not in schema:
        return "required"
    default = schema["default"]
    return '`b""`' if default == {"$bytes": ""} else f"`{default!r}`".replace("'", '"')


def test_the_text_has_a_table_for_every_message_but_those_that_it_describes_in_words() -> None:
    described = {table.values[1] for table in tables()}

    assert described == {path.name for path in SCHEMAS.iterdir()} - {"common.json", "index.json", "statistics.json"}


@pytest.mark.parametrize(("requirement", "name", "rows"), tables())
def test_a_table_and_its_schema_agree(requirement: str, name: str, rows: list[tuple[str, str, str]]) -> None:
    schema = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    pairs = re.compile(r"`\[str, (int|None)\]`(, `\[str, (int|None)\]`)?")

    assert schema["x-requirement"] == requirement
    assert [key for key, _, _ in rows] == list(schema["properties"])
    for key, kind, default in rows:
        part = schema["properties"][key]
        assert pairs.sub("a pair", kind) == kind_of(part), key
        assert default == default_of(part), key
        if default != "required":
            ast.literal_eval(default.strip("`"))
