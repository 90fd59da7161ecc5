"""The page of the documentation that shows how the servers of others came out: made from reports, never typed.

Rules of this module: reports in, Markdown out; no foreign package is imported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from seaway.conformance.foreign.marks import BROKEN, NOT_MET, Report, cell, link, mark, trimmed, why
from seaway.conformance.foreign.servers.fairness import BRIDGE, kinds
from seaway.conformance.foreign.servers.promises import PROMISES
from seaway.conformance.foreign.servers.reproduce.__main__ import Script, scripts

_LONGEST = 400
"""Characters of a reason that are kept."""

INTRO = """# Conformance of servers

<!-- Made by python -m seaway.conformance.foreign.servers: do not edit. -->

The [server suite](test-your-server.md) on the ASGI servers that people have today. They speak no interface of ours, so
each serves the suite's applications through [`as_asgi`](asgi.md), which mends nothing, and is judged for what ASGI lets
through, by what binds it: ASGI's text and the RFCs. Our own server passes the whole suite; CI runs it on every event
loop. Made on {date}, Python {python}, by one command:

```console
$ pip install 'seaway[conformance]' 'uvicorn[standard]' h11 wsproto hypercorn daphne granian
$ python -m seaway.conformance.foreign.servers reports/
```

{table}

✓ met · ✗ promised, and not met · ! not met, where the text says "should" · (✗) not met, and not promised · · not
offered, or done by `as_asgi`. A requirement is as bad as its worst test.
"""

FAILS = """
## What fails

Each kind has a script with a plain ASGI application and a plain client, and nothing of ours:
`python -m seaway.conformance.foreign.servers.reproduce NAME`, or without a name for all of them. It says what it
expected and what it saw.

| | what happens | where | requirement | what is promised | script |
|---|---|---|---|---|---|
"""

OTHERWISE = """
## Not promised, and not met

What somebody may trip over who takes one of these servers for one of ours. The suite saw it; nobody broke a promise.

| requirement | where | why it is not held against it |
|---|---|---|
"""

ALL = """
## All requirements in which these servers have a part
"""

HOW = """
## How they are judged

- `python -m seaway.conformance.foreign.servers.launch SERVER APPLICATION PORT` becomes that server, with the
  application in `as_asgi`; the profiles `uvicorn`, `hypercorn`, `daphne` and `granian` come with the suite. So one of
  them is tested like any server:
  `seaway conformance --server="{python} -m seaway.conformance.foreign.servers.launch uvicorn {application} {port}"`.
- What `as_asgi` does (mailboxes, time-outs, checks of messages, the channel layer, `server.wake`) says nothing about
  the server in front of it, and is left out, whether it passes or fails. The applications are asynchronous.
- A test that fails counts if a script shows, without us, that a sentence of ASGI's text or of an RFC is broken there.
  All else has a reason in the second table. What has neither is named by the command, and fails a test of ours.
- Servers run with their defaults, on the loopback, with one worker.
"""


def shown(report: Report) -> Report:
    """Return what of *report* the page needs: trimmed, and without what says nothing of the server."""
    found = trimmed(report)
    lines = [line for line in found["requirements"] if line["verdict"] != "not run" and not _says_nothing(line)]
    return {**found, "requirements": [{**line, "reason": line["reason"][:_LONGEST]} for line in lines]}


def page(reports: Sequence[Report]) -> str:
    """Return the page in Markdown, from *reports* as `shown` leaves them."""
    return "".join(
        [
            INTRO.format(
                date=reports[0]["finished"][:10],
                python=reports[0]["environment"]["python"],
                table="\n".join(_summary(reports)),
            ),
            FAILS,
            *(row for row in _failures()),
            OTHERWISE,
            *(row for row in _otherwise(reports)),
            ALL,
            "\n".join(_matrix(reports)),
            "\n",
            HOW,
        ]
    )


def unexplained(reports: Sequence[Report]) -> list[str]:
    """Return what the page could not say: failures without a script, scripts that nothing fails for, or no promise."""
    failed = {(_name(report), line["id"]) for report in reports for line in report["requirements"] if _is_broken(line)}
    found = [f"{name} {identifier}: no script names it" for name, identifier in sorted(failed - kinds().keys())]
    found += [
        f"{name} {identifier}: a script names it, and it is met" for name, identifier in sorted(kinds().keys() - failed)
    ]
    found += [f"{script.name}: no promise" for script in scripts() if script.name not in PROMISES]
    return found


def _is_broken(line: dict[str, str]) -> bool:
    return line["verdict"] in BROKEN


def _name(report: Report) -> str:
    return str(report["server"]["name"])


def _summary(reports: Sequence[Report]) -> Iterator[str]:
    yield f"| server | versions | ✓ | ✗ | ! | {NOT_MET} |"
    yield "|---|---|---|---|---|---|"
    for report in reports:
        versions = ", ".join(f"{name} {number}" for name, number in report["server"]["versions"].items())
        counts = Counter(mark(line) for line in report["requirements"])
        numbers = " | ".join(str(counts[one]) for one in ("✓", "✗", "!", NOT_MET))
        yield f"| {_name(report)} | {versions} | {numbers} |"


def _failures() -> Iterator[str]:
    def order(script: Script) -> tuple[bool, str]:
        return PROMISES[script.name].level == "should", script.name

    for script in sorted(scripts(), key=order):
        promise = PROMISES[script.name]
        sign = "!" if promise.level == "should" else "✗"
        links = ", ".join(map(link, script.ids))
        quote = cell(f"“{promise.text}” ({promise.where})")
        title = cell(script.title.rstrip("."))
        yield f"| {sign} | {title} | {', '.join(script.servers)} | {links} | {quote} | `{script.name}` |\n"


def _otherwise(reports: Sequence[Report]) -> Iterator[str]:
    where: dict[tuple[str, str], list[str]] = {}
    for report in reports:
        for line in report["requirements"]:
            if mark(line) == NOT_MET:
                where.setdefault((line["id"], why(line["reason"])), []).append(_name(report))
    rows: dict[tuple[str, str], list[str]] = {}
    for (identifier, reason), names in sorted(where.items()):
        everybody = "all" if len(names) == len(reports) else ", ".join(names)
        rows.setdefault((reason, everybody), []).append(link(identifier))
    for (reason, names_), links in sorted(rows.items(), key=lambda item: item[1]):
        yield f"| {', '.join(links)} | {names_} | {cell(reason)} |\n"


def _matrix(reports: Sequence[Report]) -> Iterator[str]:
    lines = {_name(report): {line["id"]: line for line in report["requirements"]} for report in reports}
    texts = {line["id"]: line["text"] for report in reports for line in report["requirements"]}
    yield f"\n| requirement | {' | '.join(lines)} |"
    yield f"|---|{'---|' * len(lines)}"
    for identifier, text in sorted(texts.items()):
        cells = " | ".join(mark(own[identifier]) if identifier in own else "·" for own in lines.values())
        yield f"| {link(identifier)} {cell(text)} | {cells} |"


def _says_nothing(line: dict[str, str]) -> bool:
    return (line["verdict"] == "not offered" and mark(line) != NOT_MET) or line["reason"] == BRIDGE
