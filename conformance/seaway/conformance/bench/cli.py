"""`seaway bench`."""

import datetime
import platform
import resource
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import attrs
import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from seaway.conformance.bench import rounds as turns
from seaway.conformance.bench import table
from seaway.conformance.bench.errors import BenchError
from seaway.conformance.bench.machine import this_machine, versions
from seaway.conformance.bench.processes import command_line
from seaway.conformance.bench.report import Outcome, Report
from seaway.conformance.bench.scenarios import Scenario
from seaway.conformance.bench.servers import Server, guest
from seaway.conformance.bench.works import WORKS, scenarios

# Two for each of the idle WebSockets would do: servers inherit the bound.
_OPEN_FILES: Final = 8192
# A file has no width of its own; the table fits into this one.
_FILE_WIDTH: Final = 120


def _guests(context: click.Context, parameter: click.Parameter, templates: tuple[str, ...]) -> tuple[Server, ...]:
    try:
        for template in templates:
            command_line(template, "module:application", 0)
    except BenchError as error:
        raise click.BadParameter(str(error), context, parameter) from error
    return tuple(guest(template) for template in templates)


@click.command()
@click.argument("works", metavar="[WORK]...", nargs=-1, type=click.Choice(WORKS, case_sensitive=False))
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="How often all take turns.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    default=2.0,
    show_default=True,
    help="Length of one measurement.",
)
@click.option(
    "--layer",
    "layers",
    multiple=True,
    metavar="LAYER",
    help="A layer to add to P1 and P2: a URL or a dotted path `module:Class`. May be repeated.",
)
@click.option(
    "--server",
    "servers",
    multiple=True,
    callback=_guests,
    metavar="COMMAND",
    help="A server to add to P7, P8 and P9: its command, with {application}, {host} and {port} to be filled "
    "in. May be repeated.",
)
@click.option(
    "--json",
    "file",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write every sample here.",
)
def bench(
    works: tuple[str, ...],
    rounds: int,
    seconds: float,
    layers: tuple[str, ...],
    servers: tuple[Server, ...],
    file: Path | None,
) -> None:
    """Measure our layers and server beside their peers, and print ratios.

    WORK: P1 and P2 (memory layer), P3 to P6 (Redis layer), P7 (HTTP), P8 (WebSocket echo), P9 (memory of an idle
    WebSocket), P10 (from a POST to a thousand WebSockets, over Redis). Without one, all that can run here. The exit
    code is 1 if a contender failed; a missed figure is no failure.
    """
    chosen = [one for one in scenarios(layers, servers) if not works or one.work in works]
    able, left_out = _able(chosen)
    _allow_open_files()
    report = Report(
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        machine=this_machine(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        versions=versions(_distributions(able)),
        rounds=rounds,
        seconds=seconds,
        outcomes=_run(able, rounds, seconds),
        left_out=left_out,
    )
    if file is not None:
        file.write_bytes(report.to_json())
    _show(report)
    if any(entry.failure for outcome in report.outcomes for entry in outcome.entries):
        sys.exit(1)


def _able(chosen: Sequence[Scenario]) -> tuple[list[Scenario], tuple[str, ...]]:
    """Return what can run here, and why the rest cannot, each reason once."""
    able, reasons = [], dict[str, None]()
    for scenario in chosen:
        if scenario.blocked is not None:
            reasons[f"{scenario.work} did not run: {scenario.blocked}."] = None
            continue
        missing = {contender.name: contender.missing() for contender in scenario.contenders}
        reasons |= {f"{reason}.": None for reason in missing.values() if reason is not None}
        present = tuple(contender for contender in scenario.contenders if missing[contender.name] is None)
        if present:
            able.append(attrs.evolve(scenario, contenders=present))
    return able, tuple(reasons)


def _distributions(able: Sequence[Scenario]) -> Iterator[str]:
    yield from ("seaway", "uvloop", "picows")
    for scenario in able:
        for contender in scenario.contenders:
            yield from contender.modules


def _run(able: Sequence[Scenario], rounds: int, seconds: float) -> tuple[Outcome, ...]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # Drawn when something begins and at no other time: a thread that draws would run beside what is measured.
    with _end_by_signal(), Progress(*columns, console=console, auto_refresh=False) as progress:
        task = progress.add_task("", total=rounds * sum(len(scenario.contenders) for scenario in able))
        begun = 0

        def tell(what: str) -> None:
            nonlocal begun
            progress.update(task, description=what, completed=begun, refresh=True)
            begun += 1

        outcomes = turns.run(able, rounds, seconds, tell)
        progress.update(task, description="done", completed=begun, refresh=True)
    return outcomes


def _show(report: Report) -> None:
    console = Console()
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    console.print(table.as_table(report))
    for remark in table.remarks(report):
        console.print(f"· {remark}", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _end_by_signal() -> Iterator[None]:
    """Let SIGTERM end the run as an exception does, so that no server is left behind."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _OPEN_FILES:
        most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
