"""``python -m seaway.conformance.foreign.servers DIRECTORY [DOCS]``: judge the ASGI servers of others.

It runs the server suite on each, which takes some minutes, and leaves in DIRECTORY what the suite reported
(``SERVER.suite.json``), a judged report for each column of the matrix, and one HTML page of all. With DOCS, a folder
of documentation, ``conformance-servers.json`` and ``conformance-servers.md`` there are made anew. With ``--judge`` no
server is run: the suite's reports that are in DIRECTORY are judged.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from seaway.conformance import matrix
from seaway.conformance.foreign.brokers import ForeignError
from seaway.conformance.foreign.marks import BROKEN
from seaway.conformance.foreign.servers import page
from seaway.conformance.foreign.servers.judge import SERVERS, judged, read, run

USAGE = "expected: python -m seaway.conformance.foreign.servers [--judge] DIRECTORY [DOCS]"


def main(directory: Path, docs: Path | None, *, again: bool) -> None:
    """Judge all; write the reports to *directory*, and to *docs* what the documentation shows.

    Args:
        directory: where the reports go.
        docs: the documentation; ``None``: nothing is written there.
        again: whether the suite runs; else what it has left in *directory* is judged.
    """
    directory.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    reports: list[dict[str, Any]] = []
    for server in SERVERS:
        path = directory / f"{server}.suite.json"
        if again:
            with console.status(f"the suite runs on {server}: some minutes"):
                run(server, path)
        reports += judged(read(path))
    for report in reports:
        (directory / f"{report['server']['name']}.json").write_text(_json(report), encoding="utf-8")
    (directory / "conformance.html").write_text(matrix.page(reports), encoding="utf-8")
    short = [page.shown(report) for report in reports]
    if docs is not None:
        (docs / "conformance-servers.json").write_text(_json(short), encoding="utf-8")
        (docs / "conformance-servers.md").write_text(page.page(short), encoding="utf-8")
    for report in reports:
        broken = [line for line in report["requirements"] if line["verdict"] in BROKEN]
        print(f"{report['server']['name']:<12}", ", ".join(f"{line['id']} {line['verdict']}" for line in broken) or "-")
    for text in page.unexplained(short):
        print(f"not explained: {text}")


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--judge"]
    if len(words) not in (1, 2):
        sys.exit(USAGE)
    try:
        main(Path(words[0]), Path(words[1]) if len(words) == 2 else None, again="--judge" not in sys.argv[1:])
    except ForeignError as error:
        sys.exit(str(error))
