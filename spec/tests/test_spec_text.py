"""The chapters hold together: links lead somewhere, identifiers exist, messages in examples are valid."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest

from seaway.spec import RESERVED_PREFIXES, from_json, validate
from seaway.spec.registry import CHAPTERS, requirements

TEXTS = {path.name: path.read_text(encoding="utf-8") for path in sorted(CHAPTERS.glob("*.md"))}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", TEXTS[name])):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = CHAPTERS / file if file else CHAPTERS / name
        assert path.exists(), target
        assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("name", TEXTS)
def test_every_identifier_that_is_named_exists(name: str) -> None:
    prefixes = {identifier.partition("-")[0] for identifier in requirements()}
    named = re.findall(r"\b([A-Z][A-Z0-9]*)-(\d{3})\b", TEXTS[name])

    assert {f"{prefix}-{number}" for prefix, number in named if prefix in prefixes} <= set(requirements())


def whole(code: str) -> str:
    """Return *code*, with the `match` around it if it is nothing but its cases."""
    if not code.startswith("case "):
        return code
    return "match message:\n" + "".join(f"    {line}\n" for line in code.splitlines())


def in_python(code: str) -> list[dict[str, Any]]:
    """The dicts of constants in *code* whose type is the interface's."""
    found = []
    for node in ast.walk(ast.parse(whole(code))):
        if isinstance(node, ast.Dict):
            try:
                value = ast.literal_eval(node)
            except ValueError:
                continue
            if str(value.get("type")).startswith(RESERVED_PREFIXES):
                found.append(value)
    return found


def in_json(code: str) -> list[dict[str, Any]]:
    return [from_json(json.loads(line)) for line in code.splitlines() if line.startswith("{")]


EXAMPLES = [
    pytest.param(message, id=f"{name}: {message['type']}")
    for name, text in TEXTS.items()
    for language, code in FENCE.findall(text)
    for message in {"python": in_python, "json": in_json}.get(language, lambda _: [])(code)
]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 10


@pytest.mark.parametrize("message", EXAMPLES)
def test_a_message_in_an_example_is_valid(message: dict[str, Any]) -> None:
    validate(message)


@pytest.mark.parametrize("name", TEXTS)
def test_python_in_the_text_is_python(name: str) -> None:
    for language, code in FENCE.findall(TEXTS[name]):
        if language == "python":
            compile(whole(code), name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
