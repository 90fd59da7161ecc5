"""Judging the servers of others: what counts, what the page says, and that each failure can be shown without us."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from seaway.conformance.cases import all_cases
from seaway.conformance.face import Limits
from seaway.conformance.foreign import marks
from seaway.conformance.foreign.brokers import ForeignError
from seaway.conformance.foreign.fairness import NOT_PROMISED
from seaway.conformance.foreign.servers import fairness, judge, launch, page
from seaway.conformance.foreign.servers.fairness import fair
from seaway.conformance.foreign.servers.promises import PROMISES
from seaway.conformance.foreign.servers.reproduce import plain
from seaway.conformance.foreign.servers.reproduce.__main__ import scripts
from seaway.conformance.runner import Result, Verdict
from seaway.conformance.serving.profile import find
from seaway.conformance.serving.target import ServerTarget
from seaway.conformance.suites import SERVER

DOCS = Path(__file__).parents[2] / "docs"
REPRODUCE = Path(plain.__file__).parent

needs_uvicorn = pytest.mark.skipif(find_spec("uvicorn") is None, reason="uvicorn is not installed")


def result(*ids: str, verdict: Verdict = "fail") -> Result:
    return Result(all_cases(SERVER)[0].name, "asyncio", ids, verdict, "what happened")


def published() -> list[dict[str, Any]]:
    reports: list[dict[str, Any]] = json.loads((DOCS / "conformance-servers.json").read_text(encoding="utf-8"))
    return reports


def test_every_requirement_and_test_that_is_judged_apart_exists() -> None:
    known = set(SERVER.requirements())
    assert known >= fairness.OF_THE_SERVER
    assert fairness.REASONS.keys() <= fairness.OF_THE_SERVER
    assert {identifier for _, identifier in fairness.SERVER_REASONS} <= fairness.OF_THE_SERVER
    assert {identifier for only in fairness.ONLY.values() for identifier in only} <= fairness.OF_THE_SERVER
    columns = {column for column, _ in (*fairness.SERVER_REASONS, *fairness.CASES, *fairness.ONLY)}
    assert columns <= {"*", *judge.COLUMNS}


def test_every_test_that_is_excused_exists() -> None:
    names = [case.name.removeprefix("server.") for case in all_cases(SERVER)]
    for _, pattern in (*fairness.CASES, *fairness.ONLY):
        assert any(fnmatch(name, pattern) for name in names), pattern


def test_what_as_asgi_does_says_nothing_whether_it_passes_or_fails() -> None:
    for verdict in ("pass", "fail"):
        (judged,) = fair("uvicorn", result("MSG-011", verdict=verdict))
        assert (judged.verdict, judged.message) == ("not offered", fairness.BRIDGE)


def test_a_promise_that_a_script_shows_to_be_broken_is_a_failure() -> None:
    (judged,) = fair("granian", result("HTTP-082"))
    assert judged.verdict == "fail"


def test_what_is_not_promised_is_not_offered_and_what_was_seen_is_kept() -> None:
    (judged,) = fair("granian", result("HTTP-065"))
    assert judged.verdict == "not offered"
    assert judged.message.startswith(NOT_PROMISED)
    assert "seen: what happened" in judged.message


def test_what_has_neither_script_nor_reason_stays_a_failure_that_the_page_names() -> None:
    assert ("granian", "WS-023") not in fairness.kinds()
    (judged,) = fair("granian", result("WS-023"))
    assert judged.verdict == "fail"
    line = {"id": "WS-023", "verdict": "fail", "reason": "", "text": ""}
    report = {"server": {"name": "granian"}, "requirements": [line]}
    assert "granian WS-023: no script names it" in page.unexplained([report])


def test_each_requirement_of_a_test_is_judged_by_itself() -> None:
    found = {one.ids: one.verdict for one in fair("uvicorn", result("HTTP-058", "HTTP-056", "MSG-011"))}
    assert found == {("HTTP-058",): "fail", ("HTTP-056",): "not offered", ("MSG-011",): "not offered"}


def test_what_only_should_be_is_a_warning() -> None:
    found = suite_report(result("HTTP-084"), result("HTTP-082"))
    (report,) = (one for one in judge.judged(found) if one["server"]["name"] == "hypercorn")
    verdicts = {line["id"]: line["verdict"] for line in report["requirements"]}
    assert (verdicts["HTTP-084"], verdicts["HTTP-082"]) == ("warn", "fail")


def test_a_requirement_is_as_bad_as_its_worst_test() -> None:
    found = suite_report(result("HTTP-062", verdict="pass"), result("HTTP-062"))
    (report,) = judge.judged(found)
    (line,) = (line for line in report["requirements"] if line["id"] == "HTTP-062")
    assert marks.mark(line) == marks.NOT_MET


def suite_report(*results: Result) -> dict[str, Any]:
    tests = [
        {"case": one.case, "subject": one.subject, "ids": list(one.ids), "verdict": one.verdict, "message": one.message}
        for one in results
    ]
    return {
        "server": {
            "target": judge.command("hypercorn"),
            "versions": dict.fromkeys(judge.COLUMNS["hypercorn"].packages, "1"),
        },
        "environment": {},
        "partial": False,
        "started": "2026-01-01T00:00:00+00:00",
        "finished": "2026-01-01T00:00:01+00:00",
        "tests": tests,
    }


def test_every_column_is_a_variant_of_a_profile_that_its_command_finds() -> None:
    for column in judge.COLUMNS.values():
        profile = find(None, judge.command(column.server))
        assert profile.name == column.server
        assert column.subject in profile.variants
        ServerTarget.load(judge.command(column.server), None)
    assert set(judge.SERVERS) == launch.COMMANDS.keys()
    assert judge.COLUMNS.keys() == plain.SERVERS.keys()


@pytest.mark.parametrize("server", judge.SERVERS)
def test_the_suite_talks_to_an_application_in_it(server: str) -> None:
    if find_spec(server) is None:
        pytest.skip(f"{server} is not installed")
    target, limits = ServerTarget.load(judge.command(server), None), Limits(deadline=20.0)
    cases = [case for case in all_cases(SERVER) if case.is_smoke]
    results = target.run(cases, target.subjects[0], limits)
    assert [(one.case, one.verdict, one.message) for one in results if one.verdict != "pass"] == []


@needs_uvicorn
def test_settings_of_as_asgi_reach_it_through_the_launcher() -> None:
    """The bound of consumers is its own: no server in front has one by default."""
    target, limits = ServerTarget.load(judge.command("uvicorn"), None), Limits(deadline=20.0)
    cases = [case for case in all_cases(SERVER) if case.needs == {"http", "max_consumers"}]
    assert cases
    results = target.run(cases, target.subjects[0], limits)
    assert [(one.case, one.verdict, one.message) for one in results if one.verdict != "pass"] == []


def test_a_server_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "version_of", lambda package: "" if package == "granian" else "1")
    with pytest.raises(ForeignError, match="granian is missing: pip install granian"):
        judge.run("granian", tmp_path / "granian.suite.json")


def test_a_report_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ForeignError, match="run without --judge first"):
        judge.read(tmp_path / "uvicorn.suite.json")


def test_the_page_is_that_of_the_published_reports() -> None:
    assert (DOCS / "conformance-servers.md").read_text(encoding="utf-8") == page.page(published())


def test_the_published_reports_are_whole_and_of_all_servers() -> None:
    reports = published()
    assert [report["server"]["name"] for report in reports] == [*judge.COLUMNS]
    for report in reports:
        assert report["finished"]
        assert not report["partial"]
        assert all(report["server"]["versions"].values())


def test_every_published_failure_has_a_script_and_a_promise_and_every_script_a_failure() -> None:
    assert page.unexplained(published()) == []


@pytest.mark.parametrize("path", sorted(REPRODUCE.glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_a_script_uses_sockets_and_the_standard_library_and_nothing_of_ours(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    imported += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) if not node.level]
    beside = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
    assert set(beside) <= {"plain"}


def test_every_script_names_its_servers_and_requirements() -> None:
    found = list(scripts())
    assert len(found) == len([path for path in REPRODUCE.glob("[a-z]*.py") if path.stem != "plain"])
    assert {script.name for script in found} == PROMISES.keys()
    for script in found:
        assert script.ids
        assert set(script.servers) <= judge.COLUMNS.keys()


@needs_uvicorn
def test_a_failure_is_reproduced() -> None:
    words = [sys.executable, "-m", "seaway.conformance.foreign.servers.reproduce.host_missing", "uvicorn"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "expected: " in done.stdout
    assert "seen" in done.stdout


def test_a_page_names_no_place_of_the_machine_that_made_it() -> None:
    line = {"id": "SRV-001", "verdict": "fail", "reason": f"it has not ended: {sys.executable} -m server", "text": "A."}
    (found,) = marks.trimmed({"requirements": [line]})["requirements"]
    assert found["reason"] == "it has not ended: python -m server"
