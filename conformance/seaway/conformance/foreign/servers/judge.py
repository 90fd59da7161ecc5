"""Runs the server suite on one foreign server, as its authors would, and judges what came out by what binds it.

Rules of this module: the suite runs in a process of its own, by its command, and leaves a report; verdicts are changed
in the results of that report only, by `fairness`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from seaway.conformance import report
from seaway.conformance.cases import all_cases
from seaway.conformance.foreign.brokers import ForeignError
from seaway.conformance.foreign.fairness import NOT_PROMISED
from seaway.conformance.foreign.servers.fairness import fair, level
from seaway.conformance.remote import environment
from seaway.conformance.report import version_of
from seaway.conformance.runner import Result
from seaway.conformance.serving.profile import find
from seaway.conformance.suites import SERVER

LAUNCH = "seaway.conformance.foreign.servers.launch"
COMMAND = f"{{python}} -m {LAUNCH} {{server}} {{application}} {{port}}"
RUN = "from seaway.conformance.cli import conformance; conformance()"


@frozen
class Column:
    """One column of the matrix.

    Args:
        server: the name of a profile, and for `launch`.
        subject: which of the profile's variants.
        packages: those whose versions matter.
    """

    server: str
    subject: str
    packages: tuple[str, ...]


COLUMNS = {
    "uvicorn": Column("uvicorn", "httptools, websockets", ("uvicorn", "httptools", "websockets", "uvloop")),
    "uvicorn h11": Column("uvicorn", "h11, wsproto", ("uvicorn", "h11", "wsproto", "uvloop")),
    "hypercorn": Column("hypercorn", "asyncio", ("hypercorn", "h11", "wsproto")),
    "daphne": Column("daphne", "twisted", ("daphne", "twisted", "autobahn")),
    "granian": Column("granian", "asyncio", ("granian",)),
}
"""The columns, by their names."""

SERVERS = tuple(dict.fromkeys(column.server for column in COLUMNS.values()))


def command(server: str) -> str:
    """Return the ``--server`` of *server*."""
    return COMMAND.replace("{server}", server)


def run(server: str, path: Path) -> None:
    """Run the suite on *server*, with all variants; it leaves its report at *path*, to which versions are added.

    Raises:
        ForeignError: the server is not installed, or the suite has left no report.
    """
    packages = {name: version_of(name) for one in COLUMNS.values() if one.server == server for name in one.packages}
    if missing := [name for name, version in packages.items() if not version]:
        raise ForeignError(f"{missing[0]} is missing: pip install {' '.join(missing)}")
    path.unlink(missing_ok=True)
    words = [f"--server={command(server)}", f"--report={path}", "-q", "--no-header", "--tb=no"]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *words], capture_output=True, text=True, env=environment(), check=False
    )
    if not path.exists():
        raise ForeignError(f"the suite has left no report on {server}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    found = read(path)
    found["server"]["versions"] = packages
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """Return the suite's report at *path*.

    Raises:
        ForeignError: there is none.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ForeignError(f"no report of the suite at {path}: {error.strerror}; run without --judge first") from error
    return found


def judged(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a report for each column that *found*, a report of the suite, has results for, with fair verdicts."""
    server = found["server"]["target"].partition(f"{LAUNCH} ")[2].partition(" ")[0]
    for name, column in COLUMNS.items():
        if column.server == server:
            results = [_result(test) for test in found["tests"] if test["subject"] == column.subject]
            yield _report(name, column, found, [one for result in results for one in fair(name, result)])


def _report(name: str, column: Column, found: dict[str, Any], results: Sequence[Result]) -> dict[str, Any]:
    target, offers = command(column.server), find(column.server, "").offers
    run = report.Run(target, results, all_cases(SERVER), offers, partial=found["partial"], suite=SERVER)
    made = report.as_json(run, found["started"], found.get("finished"))
    versions = {package: found["server"]["versions"][package] for package in column.packages}
    made["server"] = {"target": run.target, "name": name, "versions": versions}
    made["environment"] = found["environment"]
    unmet = {one.ids[0]: one.message for one in results if one.message.startswith(NOT_PROMISED)}
    for line in made["requirements"]:
        if line["verdict"] == "fail" and level(name, line["id"]) == "should":
            line["verdict"] = "warn"
        if line["verdict"] == "pass" and line["id"] in unmet:  # in another test: a line is as bad as its worst
            line["verdict"], line["reason"] = "not offered", unmet[line["id"]]
    return made


def _result(test: dict[str, Any]) -> Result:
    return Result(**{**test, "ids": tuple(test["ids"]), "missing": tuple(test.get("missing", ()))})
