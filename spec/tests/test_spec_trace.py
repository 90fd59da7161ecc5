"""Requirements and tests, both ways: what is traced here, and that each way of breaking it is found."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from attrs import evolve

from seaway.spec import trace
from seaway.spec.registry import Requirement, requirements
from seaway.spec.trace import Evidence, data_tests, faults, suite_tests, untested
from seaway.spec.trace_page import page

DATA = Path(trace.__file__).parent
SUITE = trace.ROOT / "conformance" / "seaway" / "conformance"
MUST = requirements()["LAY-001"]
REQUIRED = {
    "LAY-001": MUST,
    "LAY-002": evolve(MUST, id="LAY-002", level="MUST NOT"),
    "LAY-003": evolve(MUST, id="LAY-003", level="SHOULD"),
}
TESTS = [Evidence("a.py::test_a", ("LAY-001",)), Evidence("vectors/a.json", (), is_data=True)]
LISTED = {"LAY-002": "the server suite"}


def test_everything_here_is_traced() -> None:
    assert faults(requirements(), [*suite_tests(SUITE), *data_tests(DATA)], untested()) == []


def test_there_is_something_to_trace() -> None:
    assert len(suite_tests(SUITE)) > 50
    assert len(data_tests(DATA)) > 50
    assert untested()


def test_what_is_traced_is_no_fault() -> None:
    assert faults(REQUIRED, TESTS, LISTED) == []


BROKEN: dict[str, tuple[dict[str, Requirement], list[Evidence], dict[str, str], str]] = {
    "a requirement without a test": (REQUIRED, TESTS, {}, "LAY-002: no test names it; write one"),
    "a test of nothing": (
        REQUIRED,
        [*TESTS, Evidence("b.py::test_b", ())],
        LISTED,
        "b.py::test_b: names no requirement",
    ),
    "a test of what there is not": (
        REQUIRED,
        [*TESTS, Evidence("b.py::test_b", ("LAY-001", "LAY-999"))],
        LISTED,
        "b.py::test_b: there is no requirement LAY-999",
    ),
    "an entry for what there is not": (
        REQUIRED,
        TESTS,
        {**LISTED, "LAY-999": "never"},
        "untested.json: there is no requirement LAY-999",
    ),
    "an entry that is tested now": (
        REQUIRED,
        TESTS,
        {**LISTED, "LAY-001": "the server suite"},
        "untested.json: LAY-001 is tested now; take it off the list",
    ),
    "an entry that vectors can check": (
        REQUIRED,
        [*TESTS, Evidence("states/http.json", ("LAY-002",), is_data=True)],
        LISTED,
        "untested.json: LAY-002 is checked by vectors, schemas or states; take it off the list",
    ),
    "an entry that need not be tested": (
        REQUIRED,
        TESTS,
        {**LISTED, "LAY-003": "never"},
        "untested.json: LAY-003 is a SHOULD; only MUST and MUST NOT stand there",
    ),
    "an entry without a reason": (
        REQUIRED,
        TESTS,
        {"LAY-002": " "},
        "untested.json: LAY-002: expected what will remove it from the list",
    ),
}


@pytest.mark.parametrize(("required", "tests", "listed", "fault"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_found(
    required: dict[str, Requirement], tests: list[Evidence], listed: dict[str, str], fault: str
) -> None:
    (found,) = faults(required, tests, listed)
    assert found.startswith(fault)


def test_a_requirement_that_is_added_without_a_test_is_found() -> None:
    added = evolve(MUST, id="LAY-998")
    tests = [*suite_tests(SUITE), *data_tests(DATA)]

    assert faults({**requirements(), "LAY-998": added}, tests, untested()) == ["LAY-998: no test names it; write one"]


def test_an_entry_that_is_taken_off_the_list_without_a_test_is_found() -> None:
    name = next(iter(untested()))
    listed = {other: reason for other, reason in untested().items() if other != name}

    assert faults(requirements(), [*suite_tests(SUITE), *data_tests(DATA)], listed) == [
        f"{name}: no test names it; write one"
    ]


def history() -> list[tuple[dict[str, str], set[str]]]:
    """The list and the identifiers that there were, at each commit that changed the list, oldest first."""
    git = shutil.which("git")
    if git is None or not (trace.ROOT / ".git").exists():
        pytest.skip("needs the history of the checkout")

    def run(*arguments: str) -> str:
        command = [git, "-C", str(trace.ROOT), *arguments]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout

    if run("rev-parse", "--is-shallow-repository").strip() == "true":
        pytest.skip("needs the whole history: this is a shallow clone")
    folder = DATA.relative_to(trace.ROOT).as_posix()
    commits = reversed(run("log", "--format=%H", "--", f"{folder}/untested.json").split())
    return [
        (
            json.loads(run("show", f"{commit}:{folder}/untested.json")),
            {entry["id"] for entry in json.loads(run("show", f"{commit}:{folder}/requirements.json"))},
        )
        for commit in commits
    ]


def came_back(listed: dict[str, str], before: list[tuple[dict[str, str], set[str]]]) -> set[str]:
    """The entries of a list for requirements that there were at a time when they were not in it."""
    return {name for earlier, there_were in before for name in there_were - set(earlier)} & set(listed)


def test_nothing_comes_back_to_the_list() -> None:
    assert came_back(untested(), history()) == set()


def test_what_comes_back_to_the_list_is_found() -> None:
    before = [({"A-001": "", "A-002": ""}, {"A-001", "A-002", "A-003"}), ({"A-001": ""}, {"A-001", "A-002", "A-003"})]

    assert came_back({"A-001": ""}, before) == set()
    assert came_back({"A-001": "", "A-004": "new"}, before) == set()
    assert came_back({"A-001": "", "A-002": "", "A-003": ""}, before) == {"A-002", "A-003"}


SOURCE = '''
import pytest
from pytest import mark

req = pytest.mark.req
NAME = "LAY-009"

@pytest.mark.req("LAY-001", "LAY-002")
async def test_a(world): ...

@pytest.mark.parametrize("x", [1])
@req("LAY-003")
@mark.req("LAY-004")
def test_b(x): ...

@pytest.mark.parametrize("x", [pytest.param(1, marks=req("LAY-005"))])
def test_c(x): ...

@req("LAY-006")
class TestD:
    @req("LAY-007")
    def test_e(self): ...
    def helper(self): ...

@req(NAME)
def test_f(): ...

def test_g():
    """Not @req("LAY-008")."""
    req("LAY-008")
'''


def test_marks_are_read_from_the_source(tmp_path: Path) -> None:
    (tmp_path / "layer").mkdir()
    (tmp_path / "layer" / "test_marks.py").write_text(SOURCE)
    (tmp_path / "layer" / "helper.py").write_text(SOURCE)

    assert [(one.place, one.requirements) for one in suite_tests(tmp_path)] == [
        ("layer/test_marks.py::TestD.test_e", ("LAY-006", "LAY-007")),
        ("layer/test_marks.py::test_a", ("LAY-001", "LAY-002")),
        ("layer/test_marks.py::test_b", ("LAY-003", "LAY-004")),
        ("layer/test_marks.py::test_c", ("LAY-005",)),
        ("layer/test_marks.py::test_f", ("NAME",)),
        ("layer/test_marks.py::test_g", ()),
    ]


def test_a_mark_of_a_module_is_that_of_each_of_its_tests(tmp_path: Path) -> None:
    (tmp_path / "test_marks.py").write_text(
        'pytestmark = [pytest.mark.anyio, pytest.mark.req("LAY-001")]\n'
        '@req("LAY-002")\ndef test_a(): ...\ndef test_b(): ...\n'
    )

    assert [one.requirements for one in suite_tests(tmp_path)] == [("LAY-001", "LAY-002"), ("LAY-001",)]


def test_a_table_whose_rows_become_tests_counts_as_one(tmp_path: Path) -> None:
    table = tmp_path / trace.TABLES[0]
    table.parent.mkdir()
    table.write_text('{"rows": [{"requirements": ["LAY-002"]}, {"requirements": ["LAY-001", "LAY-002"]}]}')

    assert suite_tests(tmp_path) == [Evidence(trace.TABLES[0], ("LAY-001", "LAY-002"))]


def test_every_table_is_there() -> None:
    assert [table for table in trace.TABLES if not (SUITE / table).is_file()] == []


@pytest.mark.parametrize(
    ("place", "requirement"),
    [
        ("vectors/values.json", "MSG-002"),
        ("vectors/names.json", "LAY-003"),
        ("vectors/exchanges.json", "CON-046"),
        ("vectors/http.response.json", "HTTP-032"),
        ("schemas/http.response.json", "HTTP-021"),
        ("schemas/http.response.json", "HTTP-037"),
        ("schemas/statistics.json", "LAY-107"),
        ("states/http.json", "HTTP-026"),
    ],
)
def test_data_counts_as_a_test_of_what_it_names(place: str, requirement: str) -> None:
    (found,) = [one for one in data_tests(DATA) if one.place == place]

    assert requirement in found.requirements
    assert found.is_data


def test_the_page_shows_every_requirement_with_its_tests_or_why_there_are_none() -> None:
    text = page(REQUIRED.values(), TESTS, LISTED)

    assert "| [LAY-001](#lay-001) | MUST | `a.py::test_a` |\n" in text
    assert "| [LAY-002](#lay-002) | MUST NOT | none yet: the server suite |\n" in text
    assert "| [LAY-003](#lay-003) | SHOULD | none |\n" in text
    assert "1 of 2 MUST are tested." in text


def test_the_page_is_compared_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = tmp_path / "traceability.md"
    monkeypatch.setattr(trace, "_PAGE", written)

    assert trace.main([]) == 1
    assert trace.main(["--page"]) == 0
    assert trace.main([]) == 0
    written.write_text(written.read_text(encoding="utf-8") + "more\n", encoding="utf-8")
    assert trace.main([]) == 1
