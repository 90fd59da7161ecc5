"""The figures in the documentation: `python -m seaway.conformance.bench.page REPORT... PAGE`.

They stand between two marks in a page and are written by this command alone; the prose around them is
anybody's.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from seaway.conformance.bench.errors import BenchError
from seaway.conformance.bench.report import Report, read_report
from seaway.conformance.bench.table import HEADINGS, cells, remarks

BEGIN: Final = "<!-- figures: generated, do not edit -->"
END: Final = "<!-- end of figures -->"


def figures(report: Report) -> str:
    """Return the figures as Markdown."""
    return "\n".join([*_circumstances(report), "", *_works(report), "", *_table(report), *_remarks(report)])


def replace_figures(page: str, *reports: Report) -> str:
    """Return `page` with the text between the marks replaced by the figures of `reports`, each with its circumstances.

    Raises:
        BenchError: the marks are not there, once each and in order.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise BenchError(f"the page needs the line {BEGIN!r} and, after it, the line {END!r}, once each.")
    before, rest = page.split(BEGIN)
    text = "\n\n---\n\n".join(figures(report) for report in reports)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}"


def _circumstances(report: Report) -> Iterator[str]:
    machine = report.machine
    gibibytes = machine.memory_bytes / 1024**3
    yield f"- {report.date[:10]}, {report.rounds} alternating rounds of {report.seconds:g} s"
    yield f"- {machine.processor}, {machine.cores} cores, {gibibytes:.0f} GiB, {machine.system}"
    yield f"- {report.python}; " + ", ".join(f"{name} {number}" for name, number in report.versions.items())


def _works(report: Report) -> Iterator[str]:
    for outcome in report.outcomes:
        yield f"- **{outcome.work} {outcome.name}**: {outcome.title}"


def _table(report: Report) -> Iterator[str]:
    yield _line(HEADINGS)
    yield _line(("---",) * len(HEADINGS))
    for row in cells(report):
        yield _line(row)


def _line(texts: tuple[str, ...]) -> str:
    return "| " + " | ".join(texts) + " |"


def _remarks(report: Report) -> Iterator[str]:
    for number, remark in enumerate(remarks(report)):
        if number == 0:
            yield ""
        # A failure goes on for lines: the first says what happened, the rest is the program's own output.
        yield "- " + re.sub(r"\s*\n.*", "", remark, flags=re.DOTALL)


@click.command()
@click.argument("reports", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("page", type=click.Path(exists=True, dir_okay=False, writable=True, path_type=Path))
def main(reports: tuple[Path, ...], page: Path) -> None:
    """Write the figures of REPORTS into PAGE, between its two marks."""
    try:
        text = replace_figures(page.read_text(encoding="utf-8"), *map(read_report, reports))
    except BenchError as error:
        raise click.UsageError(str(error)) from error
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
