"""The generated files are current, and the check that says so can fail."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from seaway.spec.generate.__main__ import main
from seaway.spec.generate.checks import write_checks
from seaway.spec.generate.messages import write_messages
from seaway.spec.generate.model import InvalidSchemaError, read_message
from seaway.spec.generate.tree import PACKAGE, differences

COMMON = json.loads((PACKAGE / "schemas" / "common.json").read_text(encoding="utf-8"))
RESPONSE = json.loads((PACKAGE / "schemas" / "http.response.json").read_text(encoding="utf-8"))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package whose files a test may spoil."""
    ignore = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(PACKAGE, tmp_path / "spec", ignore=ignore))


def test_the_generated_files_are_current() -> None:
    assert differences(PACKAGE) == []
    assert main(["--check"]) == 0


def test_a_change_in_a_generated_file_is_found(copy: Path) -> None:
    for name in ("checks.py", "messages.py", "schemas/index.json"):
        (copy / name).write_text((copy / name).read_text() + "\n")

    assert [line.split(":")[0] for line in differences(copy)] == ["checks.py", "messages.py", "index.json"]


def test_a_change_in_a_schema_is_found(copy: Path) -> None:
    path = copy / "schemas" / "http.response.json"
    path.write_text(path.read_text().replace("599", "699"))

    assert differences(copy) == ["checks.py: not current; run python -m seaway.spec.generate"]


def test_a_missing_file_is_found(copy: Path) -> None:
    (copy / "checks.py").unlink()
    (copy / "vectors" / "http.response.json").unlink()

    assert differences(copy) == [
        "checks.py: missing; run python -m seaway.spec.generate",
        "vectors/http.response.json: missing; every schema has test vectors",
    ]


def test_a_stray_file_is_found(copy: Path) -> None:
    shutil.copy(copy / "checks.py", copy / "checks_too.py")
    (copy / "schemas" / "notes.txt").write_text("")
    (copy / "vectors" / "http.nothing.json").write_text("{}")

    assert [line.split(":")[0] for line in differences(copy)] == [
        "checks_too.py",
        "schemas/notes.txt",
        "vectors/http.nothing.json",
    ]


def with_status(**status: Any) -> dict[str, Any]:
    return {**RESPONSE, "properties": {"status": {"description": "s", **status}}}


@pytest.mark.parametrize(
    "schema",
    [
        with_status(type="integer", minimum=1, multipleOf=2),
        with_status(type="string", format="date"),
        with_status(type="array", items={"type": "string"}, uniqueItems=True),
        with_status(type="uuid"),
        {**RESPONSE, "dependentRequired": {}},
    ],
)
def test_a_keyword_without_a_rule_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidSchemaError, match="the generator has no rule for"):
        read_message("http.response", schema, COMMON)


def test_a_field_without_a_description_is_told_in_one_line(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = {**RESPONSE, "properties": {**RESPONSE["properties"], "status": {"type": "integer", "minimum": 1}}}
    (copy / "schemas" / "http.response.json").write_text(json.dumps(broken))
    monkeypatch.setattr("seaway.spec.generate.__main__.PACKAGE", copy)

    assert main(["--check"]) == 1
    assert capsys.readouterr().err == "schemas: http.response.status: expected a description\n"


def test_what_is_written_is_python() -> None:
    message = read_message("http.response", RESPONSE, COMMON)

    compile(write_checks([message]), "checks.py", "exec")
    compile(write_messages([message]), "messages.py", "exec")
