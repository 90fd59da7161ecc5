"""Reports of the benchmark: their JSON, the ratios made from them, the table and the page."""

import json
from pathlib import Path
from typing import Any

import attrs
import jsonschema
import pytest

from seaway.conformance.bench import page, ratios, table
from seaway.conformance.bench.errors import BenchError
from seaway.conformance.bench.report import (
    SCHEMA_FILE,
    Entry,
    Goal,
    Machine,
    Metric,
    Outcome,
    Report,
    Sample,
    read_report,
)

RATE = Metric("per_second", "per second", "1/s", "higher")
MEMORY = Metric("kibibytes", "memory each", "KiB", "lower")
DOCUMENTATION = Path(__file__).parents[2] / "docs"


def rates(*numbers: float) -> tuple[Sample, ...]:
    return tuple({"per_second": number} for number in numbers)


def make_outcome(*entries: Entry, goals: tuple[Goal, ...] = ()) -> Outcome:
    return Outcome("P1", "small", "a little of everything", (RATE,), goals, entries)


def make_report(*outcomes: Outcome, rounds: int = 5) -> Report:
    machine = Machine("a processor", 2, 8 * 1024**3, "Linux 6.1")
    versions = {"seaway": "0.1.0"}
    return Report("2026-01-02T03:04:05+00:00", machine, "CPython 3.13.0", versions, rounds, 2.0, outcomes)


OURS = Entry("seaway", "ours", rates(200, 400, 50))
PEER = Entry("peer", "peer", rates(100, 100, 100))
FAILED = Entry("broken", "guest", (), "broken did not start.\n  Traceback of its own")


@pytest.fixture
def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(loaded)
    return loaded


def test_a_report_fits_its_schema_and_comes_back_whole(schema: dict[str, Any], tmp_path: Path) -> None:
    goals = (Goal("per_second", ("peer",), at_least=2), Goal("per_second", at_most=4))
    report = make_report(make_outcome(OURS, PEER, FAILED, goals=goals))
    file = tmp_path / "report.json"

    file.write_bytes(report.to_json())

    jsonschema.validate(json.loads(file.read_bytes()), schema)
    assert read_report(file) == report


@pytest.mark.parametrize(
    "damage",
    [
        {"format": "seaway-bench-0"},
        {"rounds": 0},
        {"versions": {"seaway": 1}},
        {"outcomes": [{"work": "P1"}]},
        {"surplus": True},
    ],
)
def test_the_schema_refuses_what_is_no_report(schema: dict[str, Any], damage: dict[str, Any]) -> None:
    report = json.loads(make_report(make_outcome(OURS, PEER)).to_json())

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(report | damage, schema)


def test_a_goal_is_either_a_factor_or_a_bound(schema: dict[str, Any]) -> None:
    both = make_report(make_outcome(OURS, goals=(Goal("per_second", ("peer",), at_least=2, at_most=4),)))

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(both.to_json()), schema)


def test_a_file_that_is_no_report_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text('{"rounds": 5}')

    with pytest.raises(BenchError, match=r"other\.json is no report"):
        read_report(file)


def test_ratios_are_made_inside_a_round() -> None:
    # Ours is faster in each round; the machine was ten times slower in the second. Medians first would say 1.
    ours = Entry("seaway", "ours", rates(200, 20, 100))
    peer = Entry("peer", "peer", rates(100, 10, 50))

    (row,) = ratios.rows(make_outcome(ours, peer))

    assert row.figure == ratios.Figure(median=2, low=2, high=2)


def test_the_median_decides_whether_a_goal_is_reached() -> None:
    def reached(at_least: float) -> bool | None:
        goals = (Goal("per_second", ("peer",), at_least=at_least),)
        (row,) = ratios.rows(make_outcome(OURS, PEER, goals=goals))
        return row.reached

    assert reached(2) is True
    assert reached(2.01) is False


def test_a_goal_binds_only_the_peers_it_names() -> None:
    other = attrs.evolve(PEER, name="other")
    goals = (Goal("per_second", ("peer",), at_least=2),)

    rows = ratios.rows(make_outcome(OURS, PEER, other, goals=goals))

    assert [(row.other, row.reached) for row in rows] == [("peer", True), ("other", None)]


def test_a_bound_is_for_our_own_figure() -> None:
    ours = Entry("seaway", "ours", ({"kibibytes": 3.0}, {"kibibytes": 5.0}, {"kibibytes": 4.5}))
    outcome = Outcome("P9", "idle", "memory", (MEMORY,), (Goal("kibibytes", at_most=4),), (ours,))

    (row,) = ratios.rows(outcome)

    assert (row.other, row.figure.median, row.reached) == (None, 4.5, False)


def test_a_bound_may_be_a_share_of_a_peers_figure() -> None:
    def row(ours: float, its: float) -> ratios.Row:
        entries = (Entry("seaway", "ours", ({"p50": ours},)), Entry("peer", "peer", ({"p50": its},)))
        metric = Metric("p50", "p50", "µs", "lower")
        goals = (Goal("p50", ("peer",), at_most=0.5),)
        (found,) = ratios.rows(Outcome("P4", "latency", "one at a time", (metric,), goals, entries))
        return found

    assert [row(50, 100).reached, row(51, 100).reached] == [True, False]
    assert row(50, 100).other == "peer"


def test_a_peer_that_counts_nothing_is_not_divided_by() -> None:
    ours, peer = (Entry(name, role, ({"kibibytes": 0.0},)) for name, role in (("seaway", "ours"), ("peer", "peer")))
    outcome = Outcome("P6", "queue", "work", (MEMORY,), (Goal("kibibytes", at_most=0),), (ours, peer))

    (row,) = ratios.rows(outcome)

    assert (row.other, row.reached) == (None, True)


def test_rounds_that_a_contender_missed_are_not_compared() -> None:
    half = Entry("peer", "peer", rates(50), "it ended while it was measured")

    (row,) = ratios.rows(make_outcome(OURS, half))

    assert row.figure == ratios.Figure(median=4, low=4, high=4)


def test_without_our_own_figure_there_is_no_ratio() -> None:
    assert list(ratios.rows(make_outcome(FAILED, PEER))) == []


def test_failures_and_too_few_rounds_are_told() -> None:
    report = make_report(make_outcome(OURS, PEER, FAILED), rounds=4)

    told = list(table.remarks(report))

    assert told == [
        "P1 small: broken failed: broken did not start.\n  Traceback of its own",
        "Fewer than 5 rounds: not to be quoted.",
    ]


def test_the_page_gets_the_figures_between_its_marks_and_keeps_the_rest() -> None:
    report = make_report(make_outcome(OURS, PEER, FAILED))
    before = f"# Benchmarks\n\n{page.BEGIN}\nold\n{page.END}\n\nWhat stands in the way.\n"

    once = page.replace_figures(before, report)

    assert once.startswith(f"# Benchmarks\n\n{page.BEGIN}\n")
    assert once.endswith(f"{page.END}\n\nWhat stands in the way.\n")
    assert "| P1 small | per second | peer | 2 | 0.5 to 4 |" in once
    assert "- P1 small: broken failed: broken did not start.\n" in once
    assert "Traceback" not in once
    assert "old" not in once
    assert page.replace_figures(once, report) == once

    twice = page.replace_figures(once, report, make_report(make_outcome(OURS, PEER)))
    assert twice.count("| P1 small | per second | peer | 2 | 0.5 to 4 |") == 2


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(BenchError, match="needs the line"):
        page.replace_figures("# Benchmarks\n", make_report())


def test_the_figures_of_the_documentation_are_those_of_the_report_beside_it() -> None:
    text = (DOCUMENTATION / "benchmarks.md").read_text(encoding="utf-8")

    reports = [read_report(DOCUMENTATION / name) for name in ("benchmarks.json", "benchmarks-redis.json")]
    assert page.replace_figures(text, *reports) == text
