"""A report as lines of text: the cells that the terminal's table and the page share."""

from collections.abc import Iterator
from typing import Final

from rich.table import Table

from seaway.conformance.bench.ratios import Row, rows
from seaway.conformance.bench.report import Report

FEWEST_ROUNDS: Final = 5
HEADINGS: Final = ("work", "figure", "seaway ÷ …", "median", "lowest to highest", "to reach", "reached")


def cells(report: Report) -> Iterator[tuple[str, ...]]:
    """Yield the cells below `HEADINGS`, row by row."""
    for outcome in report.outcomes:
        for row in rows(outcome):
            yield _cells(row)


def remarks(report: Report) -> Iterator[str]:
    """Yield what a reader of the figures has to know: failures, what did not run, too few rounds."""
    for outcome in report.outcomes:
        for entry in outcome.entries:
            if entry.failure is not None:
                yield f"{outcome.work} {outcome.name}: {entry.name} failed: {entry.failure}"
    yield from report.left_out
    if report.rounds < FEWEST_ROUNDS:
        yield f"Fewer than {FEWEST_ROUNDS} rounds: not to be quoted."


def as_table(report: Report) -> Table:
    """Return the terminal's table."""
    table = Table(*HEADINGS)
    previous = ""
    for line in cells(report):
        if previous and line[0] != previous:
            table.add_section()
        previous = line[0]
        table.add_row(*line, style="red" if line[-1] == "no" else None)
    return table


def _cells(row: Row) -> tuple[str, ...]:
    unit = "" if row.other is not None else f" {row.metric.unit}"
    figure = row.figure
    return (
        f"{row.outcome.work} {row.outcome.name}",
        row.metric.title,
        row.other or "(itself)",
        f"{_number(figure.median)}{unit}",
        f"{_number(figure.low)} to {_number(figure.high)}",
        _to_reach(row),
        {None: "", True: "yes", False: "no"}[row.reached],
    )


def _to_reach(row: Row) -> str:
    if row.goal is None:
        return ""
    if row.goal.at_least is not None:
        return f"≥ {row.goal.at_least:g}"
    return f"≤ {row.goal.at_most:.3g}" if row.other is not None else f"≤ {row.goal.at_most:g} {row.metric.unit}"


def _number(value: float) -> str:
    """Three digits that mean something; the noise is above the fourth."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
