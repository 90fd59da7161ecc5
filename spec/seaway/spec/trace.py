"""Requirements and their tests, both ways: ``python -m seaway.spec.trace``.

A requirement is tested by a test of the conformance suite that names it (``@pytest.mark.req("LAY-012")``), by a test
vector that breaks it, or by a schema or a table of states that names it. Every MUST is tested, or stands in
``untested.json`` with what will remove it from there. That list only shrinks: nothing comes back to it.

Tests are read, not imported: this works without the suite's dependencies. It needs a checkout.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from seaway.spec.registry import Requirement, requirements
from seaway.spec.trace_page import page

ROOT = Path(__file__).resolve().parents[3]
"""The checkout."""

TABLES = ("framing/requests.json",)
"""Data of the suite, each with ``rows`` that have ``requirements``."""

_DATA = Path(__file__).parent
_LIST = _DATA / "untested.json"
_PAGE = ROOT / "docs" / "traceability.md"
_SUITE = ROOT / "conformance" / "seaway" / "conformance"


@frozen
class Evidence:
    """Something that tests requirements.

    Args:
        place: file, and behind ``::`` the test in it, as people find it.
        requirements: the identifiers that it names.
        is_data: whether it is a vector, a schema or a table, which needs no suite.
    """

    place: str
    requirements: tuple[str, ...]
    is_data: bool = False


def suite_tests(folder: Path = _SUITE) -> list[Evidence]:
    """Return the tests in the files ``test_*.py`` under *folder*, with the identifiers in their marks ``req``.

    And the tables ``TABLES`` there, whose rows the suite makes into tests: one for each table.
    """
    tests = [
        Evidence(f"{path.relative_to(folder).as_posix()}::{name}", tuple(named))
        for path in sorted(folder.rglob("test_*.py"))
        for name, named in _functions(ast.parse(path.read_text(encoding="utf-8"), str(path)))
    ]
    for table in TABLES:
        if (path := folder / table).exists():
            rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
            named = {name for row in rows for name in row["requirements"]}
            tests.append(Evidence(table, tuple(sorted(named))))
    return tests


def _functions(module: ast.Module) -> Iterator[tuple[str, list[str]]]:
    common = [name for node in module.body if isinstance(node, ast.Assign) for name in _marked(node.value)]
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            own = common + [name for mark in node.decorator_list for name in _marked(mark)]
            yield from ((f"{node.name}.{name}", own + named) for name, named in _own_functions(node))
    yield from ((name, common + named) for name, named in _own_functions(module))


def _own_functions(parent: ast.Module | ast.ClassDef) -> Iterator[tuple[str, list[str]]]:
    for node in parent.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name, [name for mark in node.decorator_list for name in _marked(mark)]


def _marked(expression: ast.expr) -> Iterator[str]:
    """Yield the identifiers in the calls of ``req`` inside *expression*."""
    for node in ast.walk(expression):
        if isinstance(node, ast.Call) and _name(node.func) == "req":
            for argument in node.args:
                # What is no literal cannot be read here: it is shown as it is written, and is no identifier.
                yield str(argument.value) if isinstance(argument, ast.Constant) else ast.unparse(argument)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def data_tests(folder: Path = _DATA) -> list[Evidence]:
    """Return the vectors, schemas and tables of states that name requirements, one for each file."""
    found = []
    for kind, keys in (("vectors", {"requirement"}), ("schemas", {"x-requirement"}), ("states", {"requirement"})):
        for path in sorted((folder / kind).glob("*.json")):
            if path.name not in {"index.json", "common.json"}:
                data = _with_definitions(json.loads(path.read_text(encoding="utf-8")), folder)
                named = set(_values(data, keys))
                if path.name == "names.json":
                    named = {case[1] for group in ("channel", "group") for case in data[group]["invalid"]} | {"LAY-004"}
                found.append(Evidence(f"{kind}/{path.name}", tuple(sorted(named)), is_data=True))
    return found


def _with_definitions(data: Any, folder: Path) -> Any:
    """Return *data* with the common definitions that a schema refers to."""
    common = json.loads((folder / "schemas" / "common.json").read_text(encoding="utf-8"))["$defs"]
    names = {str(reference).rpartition("/")[2] for reference in _values(data, {"$ref"})}
    return [data, *(common[name] for name in sorted(names) if name in common)] if names else data


def _values(data: Any, keys: set[str]) -> Iterator[str]:
    """Yield the texts that stand under one of *keys*, at any depth."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key in keys and isinstance(value, str):
                yield value
            yield from _values(value, keys)
    elif isinstance(data, list):
        for value in data:
            yield from _values(value, keys)


def untested() -> dict[str, str]:
    """Return the list of the untested: what will remove a requirement from it, by identifier."""
    found: dict[str, str] = json.loads(_LIST.read_text(encoding="utf-8"))
    return found


def faults(required: dict[str, Requirement], tests: Iterable[Evidence], listed: dict[str, str]) -> list[str]:
    """Return what is wrong between requirements, tests and the list, a line each."""
    tests = list(tests)
    by_data = {name for test in tests if test.is_data for name in test.requirements}
    tested = {name for test in tests for name in test.requirements}
    found = [
        f"{test.place}: names no requirement; mark it with req(…)"
        for test in tests
        if not (test.requirements or test.is_data)
    ]
    for test in tests:
        found += [f"{test.place}: there is no requirement {name}" for name in test.requirements if name not in required]
    for name, requirement in required.items():
        if requirement.level.startswith("MUST") and name not in tested and name not in listed:
            found.append(f"{name}: no test names it; write one")
    for name, reason in listed.items():
        if name not in required:
            found.append(f"untested.json: there is no requirement {name}")
        elif not required[name].level.startswith("MUST"):
            found.append(f"untested.json: {name} is a {required[name].level}; only MUST and MUST NOT stand there")
        elif name in by_data:
            found.append(f"untested.json: {name} is checked by vectors, schemas or states; take it off the list")
        elif name in tested:
            found.append(f"untested.json: {name} is tested now; take it off the list")
        elif not reason.strip():
            found.append(f"untested.json: {name}: expected what will remove it from the list")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Check everything, or with ``--page`` write the page after that; return 1 if something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m seaway.spec.trace", description="Requirements and their tests.")
    parser.add_argument("--page", action="store_true", help="write docs/traceability.md; without it, compare it")
    options = parser.parse_args(arguments)
    if not _SUITE.is_dir():
        print(f"{_SUITE}: no such folder; this needs a checkout", file=sys.stderr)
        return 2
    required, listed = requirements(), untested()
    tests = [*suite_tests(), *data_tests()]
    found = faults(required, tests, listed)
    text = page(required.values(), tests, listed)
    if options.page:
        _PAGE.write_text(text, encoding="utf-8")
    elif not _PAGE.exists() or _PAGE.read_text(encoding="utf-8") != text:
        found.append("docs/traceability.md: not current; run python -m seaway.spec.trace --page")
    print("\n".join(found or [_summary(required, tests, listed)]), file=sys.stderr if found else sys.stdout)
    return 1 if found else 0


def _summary(required: dict[str, Requirement], tests: list[Evidence], listed: dict[str, str]) -> str:
    musts = {name for name, one in required.items() if one.level.startswith("MUST")}
    by_suite = {name for test in tests if not test.is_data for name in test.requirements} & musts
    by_data = {name for test in tests if test.is_data for name in test.requirements} & musts
    reasons = Counter(listed.values()).most_common()
    lines = [
        f"{len(musts)} MUST: {len(by_suite | by_data)} tested ({len(by_suite)} by the suite, {len(by_data)} by data), "
        f"{len(listed)} in untested.json:",
        *(f"{count:5} {reason}" for reason, count in reasons),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
