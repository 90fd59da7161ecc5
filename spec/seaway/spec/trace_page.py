"""The page that shows requirements and their tests, chapter by chapter."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seaway.spec.registry import Requirement
    from seaway.spec.trace import Evidence

_HEAD = """# Requirements and their tests

Made by `python -m seaway.spec.trace --page` from the registry, the marks on the tests of the conformance suite, the
test vectors, the schemas and the tables of states. A test that is named `folder/file::name` is in
`conformance/seaway/conformance/`, a file that ends in `.json` in `spec/seaway/spec/`.

"""


def page(required: Iterable[Requirement], tests: Iterable[Evidence], listed: dict[str, str]) -> str:
    """Return the page as Markdown: for each requirement its level and its tests, or why there are none."""
    places: dict[str, list[str]] = {}
    for test in tests:
        for name in dict.fromkeys(test.requirements):
            places.setdefault(name, []).append(test.place)
    chapters = groupby(sorted(required, key=lambda one: (one.chapter, one.id)), key=lambda one: one.chapter)
    tables = [_chapter(name, list(found), places, listed) for name, found in chapters]
    return _HEAD + "\n".join(tables)


def _chapter(name: str, required: list[Requirement], places: dict[str, list[str]], listed: dict[str, str]) -> str:
    rows = [f"| [{one.id}](#{one.id.lower()}) | {one.level} | {_tests(one, places, listed)} |" for one in required]
    musts = [one for one in required if one.level.startswith("MUST")]
    tested = sum(one.id in places for one in musts)
    head = f"## {name}\n\n{tested} of {len(musts)} MUST are tested.\n\n| requirement | level | tests |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def _tests(one: Requirement, places: dict[str, list[str]], listed: dict[str, str]) -> str:
    if one.id in places:
        return "<br>".join(f"`{place}`" for place in places[one.id])
    if one.id in listed:
        return f"none yet: {listed[one.id]}"
    return "none: nothing can fail" if one.level == "MAY" else "none"
