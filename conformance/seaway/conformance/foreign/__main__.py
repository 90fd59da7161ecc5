"""``python -m seaway.conformance.foreign DIRECTORY [DOCS]``: judge what exists, and leave the reports in DIRECTORY.

It starts the brokers that are needed, shows how far it is, and writes a report for each layer and one HTML page of
all. With DOCS, a folder of documentation, ``conformance.json`` and ``conformance.md`` there are made anew.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from seaway.conformance import matrix
from seaway.conformance.foreign import brokers, marks, page
from seaway.conformance.foreign.brokers import ForeignError
from seaway.conformance.foreign.judge import FOREIGN, OURS, judge

NOISY = ("channels_redis", "channels_nats", "nats", "asyncio")
"""Loggers of foreign packages that tell of every broken connection."""


def main(directory: Path, docs: Path | None) -> None:
    """Judge all; write the reports to *directory*, and to *docs* what the documentation shows."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        reports = _judged()
    finally:
        brokers.stop_all()
    for report in reports:
        (directory / f"{report['layer']['name']}.json").write_text(_json(report), encoding="utf-8")
    (directory / "conformance.html").write_text(matrix.page(reports), encoding="utf-8")
    trimmed = [marks.trimmed(report) for report in reports]
    if docs is not None:
        (docs / "conformance.json").write_text(_json(trimmed), encoding="utf-8")
        (docs / "conformance.md").write_text(page.page(trimmed), encoding="utf-8")
    for report in reports:
        broken = [line for line in report["requirements"] if line["verdict"] in marks.BROKEN]
        print(f"{report['layer']['name']:<14}", ", ".join(f"{line['id']} {line['verdict']}" for line in broken) or "-")
    for text in page.unexplained(trimmed):
        print(f"not explained: {text}")


def _judged() -> list[dict[str, Any]]:
    columns = (TextColumn("{task.description:<14}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as progress:
        tasks = {name: progress.add_task(name, start=False, total=None) for name in (*OURS, *FOREIGN)}

        def show(name: str, done: int, total: int) -> None:
            progress.update(tasks[name], completed=done, total=total)

        reports = []
        for name, task in tasks.items():
            progress.start_task(task)
            reports.append(judge(name, lambda case: True, show))
            progress.stop_task(task)
    return reports


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("expected: python -m seaway.conformance.foreign DIRECTORY [DOCS]")
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else None)
    except ForeignError as error:
        sys.exit(str(error))
