"""What the pages of layers and of servers share: how a verdict, a requirement and a text stand in a table.

Rules of this module: reports in, text out.
"""

from __future__ import annotations

import sys
from typing import Any

from seaway.conformance.foreign.fairness import NOT_PROMISED

Report = dict[str, Any]

BROKEN = ("fail", "warn", "suite error")
MARKS = {"pass": "✓", "fail": "✗", "warn": "!", "suite error": "suite", "blocked": "–", "not offered": "·"}
NOT_MET = "(✗)"
"""Of what is not promised."""

_KEPT = ("layer", "server", "environment", "started", "finished", "partial")


def trimmed(report: Report) -> Report:
    """Return what of *report* a page needs, with the texts of that day."""
    lines = [
        {
            **{key: line[key] for key in ("id", "verdict")},
            "reason": line["reason"].replace(sys.executable, "python"),  # a page names no places of one machine
            "text": _sentence(line["text"]),
        }
        for line in report["requirements"]
    ]
    kept: Report = {key: report[key] for key in _KEPT if key in report}
    return {**kept, "requirements": [line for line in lines if line["verdict"] != "not tested"]}


def mark(line: dict[str, str]) -> str:
    """Return the mark of a report's line."""
    if line["verdict"] == "not offered" and line["reason"].startswith(NOT_PROMISED):
        return NOT_MET
    return MARKS.get(line["verdict"], line["verdict"])


def why(reason: str) -> str:
    """Return why something is not promised, from the *reason* of a line, without what was seen."""
    return reason.removeprefix(f"{NOT_PROMISED}: ").partition("; seen:")[0]


def link(identifier: str) -> str:
    """Return a link to the requirement *identifier*."""
    return f"[{identifier}](#{identifier.lower()})"


def cell(text: str) -> str:
    """Return *text* as it may stand in a cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def _sentence(text: str) -> str:
    return text.partition("\n")[0].partition(". ")[0]
