"""From results to verdicts, a page and badges; and that the suite tests what it says."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from click.testing import CliRunner

from seaway.conformance.cases import SuiteError, all_cases, case_of, covered
from seaway.conformance.cli import report as report_command
from seaway.conformance.known import KnownFailuresError, read
from seaway.conformance.layer_target import LayerTarget
from seaway.conformance.matrix import badge, page
from seaway.conformance.report import Run, as_json, lines, profiles
from seaway.conformance.runner import Result, Verdict, not_offered
from seaway.conformance.serving.profile import SETTINGS
from seaway.conformance.session import Session
from seaway.conformance.suites import LAYER, SERVER, SUITES, Suite
from seaway.conformance.world import World


def results(verdict_of: dict[str, Verdict], subject: str = "asyncio") -> list[Result]:
    """Return a result for each case: that of the first requirement in *verdict_of*, else a pass."""
    return [
        Result(
            case.name,
            subject,
            case.ids,
            verdict_of.get(case.ids[0], "pass"),
            "why" if case.ids[0] in verdict_of else "",
        )
        for case in all_cases()
    ]


ASYNC = frozenset({"async"})


def run_of(verdict_of: dict[str, Verdict], **rest: Any) -> Run:
    return Run("mypkg.Layer", results(verdict_of), all_cases(), ASYNC, **rest)


def session(known: Path, *, strict: bool = False) -> Session:
    return Session(LayerTarget.load("memory://report", [], ""), known, None, strict, 1.0)


def server_run(offers: set[str], settings: Iterable[str] = SETTINGS, **rest: Any) -> Run:
    """Return a run of the server suite by a server that passes all that can be tried."""
    able = {*offers, *settings, "layer", "signals", "async applications", "no sync applications"}
    able |= {"limited descriptors", "memory peak"}
    found = [
        not_offered(case, "server", case.needs - able, SERVER.needs)
        if case.needs - able
        else Result(case.name, "server", case.ids, "pass")
        for case in all_cases(SERVER)
    ]
    return Run("command", found, all_cases(SERVER), frozenset(able), suite=SERVER, **rest)


def verdict(run: Run, identifier: str) -> str:
    return next(line.verdict for line in lines(run) if line.id == identifier)


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_every_requirement_is_tested_or_listed_with_its_reason_and_none_is_both(suite: Suite) -> None:
    tested, listed = covered(all_cases(suite)), set(suite.untested())
    assert tested | listed == set(suite.requirements())
    assert tested & listed == set()
    assert all(suite.untested().values())


def test_case_names_are_stable_and_told_apart() -> None:
    names = [case.name for case in all_cases()]
    assert len(set(names)) == len(names)
    assert "layer.receiving.no_channels_and_a_str_are_refused" in names


def test_the_name_of_a_case_chooses_its_test() -> None:
    """The command that runs a test again has ``-k test_NAME``: only what stands in front is taken off."""
    for case in (*all_cases(LAYER), *all_cases(SERVER)):
        assert f"test_{case.name.rpartition('.')[2]}" == case.function.__name__


def test_smoke_comes_first() -> None:
    smoke = [case.is_smoke for case in all_cases()]
    assert smoke == sorted(smoke, reverse=True)
    assert smoke[0]


def test_a_test_without_a_requirement_or_with_one_that_is_not_is_an_error() -> None:
    async def test_nothing(world: World) -> None: ...

    with pytest.raises(SuiteError, match="expected a requirement"):
        case_of(test_nothing)
    with pytest.raises(SuiteError, match="'LAY-999' is no requirement of a layer"):
        case_of(pytest.mark.req("LAY-999")(test_nothing))

    async def test_server(world: World) -> None: ...

    with pytest.raises(SuiteError, match="'HTTP-001' is no requirement of a layer"):
        case_of(pytest.mark.req("HTTP-001")(test_server))

    async def test_needy(world: World) -> None: ...

    with pytest.raises(SuiteError, match="needs"):
        case_of(pytest.mark.needs("luck")(pytest.mark.req("LAY-012")(test_needy)))


@pytest.mark.parametrize("broken", ["fail", "timeout", "crash"])
def test_a_must_that_is_broken_in_any_way_fails(broken: Verdict) -> None:
    run = run_of({"LAY-045": broken})
    assert verdict(run, "LAY-045") == "fail"
    assert profiles(run)["async layer"] == "does not conform"


def test_a_should_warns_unless_strict() -> None:
    assert verdict(run_of({"LAY-101": "fail"}), "LAY-101") == "warn"
    assert profiles(run_of({"LAY-101": "fail"}))["async layer"] == "conforms"
    assert verdict(run_of({"LAY-101": "fail"}, strict=True), "LAY-101") == "fail"
    assert profiles(run_of({"LAY-101": "fail"}, strict=True))["async layer"] == "does not conform"


def test_a_known_failure_is_told_apart_and_conforms_to_nothing() -> None:
    run = run_of({"LAY-045": "fail"}, known={"LAY-045": "because"})
    assert verdict(run, "LAY-045") == "known failure"
    assert profiles(run)["async layer"] == "does not conform"


def test_a_known_failure_of_which_tests_were_left_out_is_not_taken_for_met() -> None:
    run = run_of({}, known={"LAY-073": "because"})
    assert verdict(run, "LAY-073") == "unexpected pass"
    first = next(case.name for case in all_cases() if "LAY-073" in case.ids)
    rest = [one for one in run.results if one.case != first]
    assert verdict(evolve(run, partial=True, results=rest), "LAY-073") == "pass"


def test_a_test_of_several_requirements_is_excused_when_all_are_listed(tmp_path: Path) -> None:
    known, broken = tmp_path / "known", Result("layer.x", "asyncio", ("LAY-036", "LAY-037", "LAY-101"), "fail")
    known.write_text("LAY-036 why\n")
    assert session(known).excuse(broken) == ""
    known.write_text("LAY-036 why\nLAY-037 why\n")
    assert session(known).excuse(broken) == "known failure of LAY-036, LAY-037 (why)"
    assert session(known, strict=True).excuse(broken) == ""  # LAY-101 is a SHOULD


def test_what_fails_now_and_then_is_told_apart_and_conforms_to_nothing_when_it_fails() -> None:
    run = run_of({"LAY-045": "fail"}, flaky={"LAY-045": "because"})
    assert verdict(run, "LAY-045") == "flaky"
    assert profiles(run)["async layer"] == "does not conform"
    assert verdict(run_of({}, flaky={"LAY-045": "because"}), "LAY-045") == "pass"


def test_a_requirement_of_the_other_flavour_is_not_offered() -> None:
    both = run_of({})
    run = evolve(both, results=[one for one in both.results if "LAY-027" not in one.ids])
    assert verdict(run, "LAY-027") == "not offered"
    assert verdict(evolve(run, offers=frozenset({"async", "sync"})), "LAY-027") == "not run"
    assert profiles(run)["sync layer"] == "not offered"


def test_what_is_blocked_or_left_out_has_no_verdict_of_conformance() -> None:
    assert profiles(run_of({"LAY-045": "blocked"}))["async layer"] == "incomplete"
    assert profiles(run_of({}, partial=True))["async layer"] == "incomplete"
    assert profiles(run_of({"LAY-045": "suite error"}))["async layer"] == "incomplete"
    assert profiles(run_of({}))["async layer"] == "conforms"


def test_what_was_not_tried_at_all_is_not_run() -> None:
    run = evolve(run_of({}, partial=True), results=[], offers=frozenset({"async", "sync"}))
    assert set(profiles(run).values()) == {"not run"}
    run = evolve(server_run({"http", "websocket", "lifespan"}), results=[])
    assert profiles(run) == {
        **dict.fromkeys(("async server", "http", "websocket", "lifespan", "processes"), "not run"),
        **dict.fromkeys(("sync server", "http2"), "not offered"),
    }


def test_a_server_conforms_for_the_protocols_that_it_speaks_and_says_which() -> None:
    assert profiles(server_run({"http", "websocket", "lifespan"}))["async server"] == "conforms"
    narrow = profiles(server_run({"http"}))
    assert narrow["async server (http)"] == narrow["http"] == "conforms"
    assert narrow["websocket"] == "not offered"
    assert "async server" not in narrow
    settings = set(SETTINGS) - {"body_buffer", "body_timeout", "response_timeout"}  # which only HTTP has
    assert profiles(server_run({"websocket"}, settings))["async server (websocket)"] == "conforms"


def test_what_the_suite_was_not_told_how_to_try_leaves_the_verdict_incomplete() -> None:
    assert profiles(server_run({"http", "websocket", "lifespan"}, settings=()))["async server"] == "incomplete"
    found = [
        not_offered(case, "asyncio", {"peer"}, LAYER.needs) if "peer" in case.needs else result
        for case, result in zip(all_cases(), results({}), strict=True)
    ]
    assert profiles(evolve(run_of({}), results=found))["async layer"] == "incomplete"


def test_a_report_that_was_cut_off_has_no_profiles() -> None:
    assert "profiles" not in as_json(run_of({}), "2026-01-01T00:00:00+00:00", None)


def test_the_page_shows_layers_beside_each_other() -> None:
    healthy = as_json(run_of({}), "2026-01-01T00:00:00+00:00", "2026-01-01T00:01:00+00:00")
    broken = as_json(run_of({"LAY-045": "fail"}), "2026-01-01T00:00:00+00:00", None)
    broken["layer"]["target"] = "<script>"
    text = page([healthy, broken])
    assert "<code>LAY-045</code>" in text
    assert "why [layer.receiving.no_channels_and_a_str_are_refused, asyncio]" in text
    assert "cut off" in text
    assert "&lt;script&gt;" in text
    assert "<script>" not in text
    assert "http" not in text.replace("xmlns", "").split("</style>")[0]


def test_a_badge_is_red_only_for_what_does_not_conform() -> None:
    assert "#2a8a3a" in badge("async layer", "conforms")
    assert "#c33" in badge("async layer", "does not conform")
    assert "#888" in badge("async layer", "incomplete")


@pytest.mark.parametrize(
    "text",
    [
        "{}", "[]", "1", '{"schema": "seaway-conformance-report/1"}',
        '{"schema": "seaway-conformance-report/1", "layer": {}, "environment": [], "requirements": [{}]}',
    ],
)  # fmt: skip
def test_the_command_refuses_what_is_no_report(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    outcome = CliRunner().invoke(report_command, [str(path), f"--output={tmp_path / 'page.html'}"])
    assert outcome.exit_code == 1
    assert "is no report of this suite" in outcome.output


@pytest.mark.parametrize("option", ["--output", "--badges"])
def test_the_command_says_what_it_cannot_write(tmp_path: Path, option: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(as_json(run_of({}), "2026-01-01T00:00:00+00:00", "2026-01-01T00:01:00+00:00")))
    page_, other = tmp_path / "page.html", path / "under-a-file"
    outcome = CliRunner().invoke(report_command, [str(path), f"--output={page_}", f"{option}={other}"])
    assert outcome.exit_code == 1
    assert f"{other} cannot be written: Not a directory" in outcome.output


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("LAY-999 because", "LAY-999 is no requirement of a layer"),
        ("LAY-045", "LAY-045 has no reason"),
        ("LAY-045 a\nLAY-045 b", "LAY-045 stands twice"),
        ("LAY-045 \xe9", "expected a text in UTF-8"),
    ],
)
def test_a_bad_list_of_known_failures_is_refused(tmp_path: Path, line: str, expected: str) -> None:
    path = tmp_path / "known.txt"
    path.write_text(line, encoding="latin-1")
    with pytest.raises(KnownFailuresError, match=expected):
        read(path, LAYER)


def test_a_list_that_is_not_there_is_named_by_its_option(tmp_path: Path) -> None:
    with pytest.raises(KnownFailuresError, match=f"^--known-flaky={tmp_path}"):
        read(tmp_path / "missing.txt", LAYER, "--known-flaky")


def test_a_list_of_known_failures_has_reasons(tmp_path: Path) -> None:
    path = tmp_path / "known.txt"
    text = "# mine\n\nLAY-045  https://example.org/12 it was easier\nLAY-046\tand a tab\n"
    path.write_text(text, encoding="utf-8-sig")
    assert read(path, LAYER) == {"LAY-045": "https://example.org/12 it was easier", "LAY-046": "and a tab"}
