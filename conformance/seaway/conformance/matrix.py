"""The page that shows reports beside each other, and the badges.

Rules of this module: reports in, text out. The page needs no other file and no script.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

CELLS = {
    "pass": ("✓", "good"),
    "fail": ("✗", "bad"),
    "warn": ("!", "warn"),
    "known failure": ("✗ known", "warn"),
    "flaky": ("✗ flaky", "warn"),
    "unexpected pass": ("✓ listed", "warn"),
    "suite error": ("suite", "bad"),
    "blocked": ("blocked", "none"),
    "info": ("–", "none"),
    "not offered": ("·", "none"),
    "not run": ("", "none"),
    "not tested": ("", "none"),
}

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 80rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid #8884; padding: .3rem .6rem; text-align: left; vertical-align: top }
thead th { position: sticky; top: 0; background: Canvas }
td.good { background: #2a83 } td.bad { background: #d338 } td.warn { background: #da05 } td.none { color: GrayText }
summary { cursor: pointer } code { font-size: .9em } td details { max-width: 26rem; overflow-wrap: anywhere }
"""

HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Conformance</title><style>{style}</style></head><body>
<h1>Conformance</h1>
<p>✓ met · ✗ not met · ! a SHOULD that is not met · · not offered, so not tested ·
empty: not tested from outside. A cell opens what happened. Made from {count} reports.</p>
"""


def page(reports: Sequence[dict[str, Any]]) -> str:
    """Return an HTML page with a row for each requirement and a column for each of *reports*."""
    parts = [HEAD.format(style=STYLE, count=len(reports)), "<table><thead><tr><th></th>"]
    parts += [f"<th>{_name(report)}</th>" for report in reports]
    parts.append("</tr></thead><tbody>")
    for profile in dict.fromkeys(name for report in reports for name in report.get("profiles", {})):
        parts.append(f"<tr><th>{escape(profile)}</th>")
        parts += [_profile(report.get("profiles", {}).get(profile)) for report in reports]
        parts.append("</tr>")
    rows: dict[str, dict[str, Any]] = {}
    for report in reports:
        for line in report["requirements"]:
            rows.setdefault(line["id"], line)
    for identifier, line in sorted(rows.items()):
        parts.append(f"<tr><td>{_requirement(line)}</td>")
        for report in reports:
            parts.append(_cell(next((one for one in report["requirements"] if one["id"] == identifier), None)))
        parts.append("</tr>")
    parts.append("</tbody></table></body></html>\n")
    return "".join(parts)


def _name(report: dict[str, Any]) -> str:
    target, environment = report.get("layer") or report["server"], report["environment"]
    version = f" {target['version']}" if target.get("version") else ""
    note = " · part of the suite" if report["partial"] else ""
    note += "" if "finished" in report else " · cut off"
    name = target.get("name", target["target"])
    return f"{escape(name)}{escape(version)}<br><small>Python {escape(environment['python'])}{note}</small>"


def _profile(verdict: str | None) -> str:
    kind = {"conforms": "good", "does not conform": "bad", "incomplete": "warn"}.get(verdict or "", "none")
    return f'<td class="{kind}">{escape(verdict or "no verdict")}</td>'


def _requirement(line: dict[str, Any]) -> str:
    text = escape(line["text"].partition("\n")[0])
    return f"<details><summary><code>{line['id']}</code> {line['level']}</summary>{text}</details>"


def _cell(line: dict[str, Any] | None) -> str:
    if line is None:
        return '<td class="none"></td>'
    mark, kind = CELLS[line["verdict"]]
    if not line["reason"] or not mark:
        return f'<td class="{kind}">{mark}</td>'
    return f'<td class="{kind}"><details><summary>{mark}</summary>{escape(line["reason"])}</details></td>'


def badge(profile: str, verdict: str) -> str:
    """Return an SVG that says whether a layer or server conforms to *profile*."""
    colour = {"conforms": "#2a8a3a", "does not conform": "#c33"}.get(verdict, "#888")
    left, right = f"seaway {profile}", verdict
    widths = [7 * len(left) + 12, 7 * len(right) + 12]
    text = 'font-family="Verdana,sans-serif" font-size="11" fill="#fff" text-anchor="middle"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{sum(widths)}" height="20" role="img" '
        f'aria-label="{escape(left)}: {escape(right)}">'
        f'<rect width="{widths[0]}" height="20" fill="#444"/>'
        f'<rect x="{widths[0]}" width="{widths[1]}" height="20" fill="{colour}"/>'
        f'<text x="{widths[0] / 2:g}" y="14" {text}>{escape(left)}</text>'
        f'<text x="{widths[0] + widths[1] / 2:g}" y="14" {text}>{escape(right)}</text></svg>\n'
    )
