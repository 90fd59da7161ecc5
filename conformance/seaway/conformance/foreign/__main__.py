"""``python -m seaway.conformance.foreign DIRECTORY``: judge Channels' layers, and leave a report of each there.

Redis is expected where the environment variable of `harness.REDIS` says. The reports are ordinary ones, for
``seaway conformance report``; a table of the verdicts is printed.
"""

from __future__ import annotations

import datetime
import json
import sys
from collections import Counter
from pathlib import Path

from seaway.conformance.cases import all_cases
from seaway.conformance.foreign import harness
from seaway.conformance.foreign.adapter import ForeignError
from seaway.conformance.foreign.not_promised import fair
from seaway.conformance.layer_target import LayerTarget
from seaway.conformance.session import Session

LAYERS = ("InMemory", "Core", "PubSub")


def judge(name: str) -> dict[str, object]:
    """Return the report of one of `LAYERS`."""
    target = f"{harness.__name__}:{name}"
    session = Session(LayerTarget.load(target, [], ""), known=None, flaky=None, strict=False, timescale=1.0)
    subject = session.subjects[0]
    cases = [case for case in all_cases() if session.fits(case, subject)]
    session.selected = [(case, subject) for case in cases]
    session.gathered = [fair(session.result(case, subject)) for case in cases]
    report = session.report(datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"))
    report["layer"] = {"target": target, "versions": harness.versions()}
    return report


def main(directory: Path) -> None:
    """Judge all, write the reports to *directory*, and print what came out."""
    directory.mkdir(parents=True, exist_ok=True)
    reports = {name: judge(name) for name in LAYERS}
    for name, report in reports.items():
        text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
        (directory / f"{name}.json").write_text(text, encoding="utf-8")
        counts = Counter(line["verdict"] for line in report["requirements"])  # type: ignore[attr-defined]
        print(f"{name:<9}", ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
    lines = {name: {line["id"]: line for line in report["requirements"]} for name, report in reports.items()}  # type: ignore[attr-defined]
    for identifier in lines[LAYERS[0]]:
        verdicts = [lines[name][identifier]["verdict"] for name in LAYERS]
        if not {"fail", "warn", "suite error"}.isdisjoint(verdicts):
            print(f"{identifier:<8}", "".join(f"{verdict:<13}" for verdict in verdicts))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("expected: python -m seaway.conformance.foreign DIRECTORY")
    try:
        main(Path(sys.argv[1]))
    except ForeignError as error:
        sys.exit(str(error))
