"""The requirements as data, derived from the chapters of the specification: ``python -m seaway.spec.registry``.

A requirement is a paragraph that begins with its identifier::

    **LAY-012** (MUST; async layer, sync layer) A layer class MUST be callable without arguments …

and a table right after it belongs to it. The chapters are in a checkout only; what was derived from them,
``requirements.json``, is shipped. Only the parser writes it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

from attrs import asdict, field, frozen

CHAPTERS = Path(__file__).resolve().parents[2]
"""The folder of the chapters, in a checkout."""

LEVELS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY")
CLASSES = (
    "application",
    "async server",
    "sync server",
    "async layer",
    "sync layer",
    "flush",
    "statistics",
    "http2",
    "tasks",
    "bridge",
    "sender",
)
"""The conformance classes."""

_FILE = Path(__file__).with_name("requirements.json")
_OPENING = re.compile(r"\*\*([A-Z][A-Z0-9]*-\d{3})\*\* \(([^;()]+); ([^()]+)\) (\S.*)", re.DOTALL)
_IDENTIFIER = re.compile(r"\*\*[A-Z][A-Z0-9]*-\d+\*\*")
_KEYWORD = re.compile(r"\b(?:MUST|SHALL|SHOULD)(?: NOT)?\b|\bMAY\b|\b(?:NOT )?RECOMMENDED\b|\bREQUIRED\b|\bOPTIONAL\b")
_FENCE = re.compile(r"^```.*?^```\n?", re.DOTALL | re.MULTILINE)


def _as_tuple(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


@frozen
class Requirement:
    """One normative sentence.

    Args:
        id: identifier, such as ``"LAY-012"``.
        level: one of `LEVELS`.
        classes: conformance classes that it binds.
        chapter: name of the chapter's file without its ending, such as ``"layers"``.
        section: heading above it.
        text: the sentence, and the table that belongs to it, as they stand in the chapter.
        hash: changes whenever level, classes or text do.
    """

    id: str
    level: str
    classes: tuple[str, ...] = field(converter=_as_tuple)
    chapter: str
    section: str
    text: str
    hash: str


class InvalidChapterError(ValueError):
    """The chapters break the rules for requirements; the text has a line for each fault."""


@cache
def requirements() -> dict[str, Requirement]:
    """Return every requirement by its identifier, as shipped."""
    text = (files("seaway.spec") / "requirements.json").read_text(encoding="utf-8")
    return {entry["id"]: Requirement(**entry) for entry in json.loads(text)}


def parse(chapters: Path = CHAPTERS) -> list[Requirement]:
    """Derive the requirements from the Markdown files in *chapters*.

    Raises:
        InvalidChapterError: an identifier stands twice, a paragraph with one has another form, a level or class
            is not known, the sentence lacks the keyword of its level or has another one, or a keyword of RFC 2119
            stands outside a requirement.
    """
    found: list[Requirement] = []
    faults: list[str] = []
    for path in sorted(chapters.glob("*.md")):
        for line, section, paragraph, table in _paragraphs(path.read_text(encoding="utf-8")):
            where = f"{path.name}:{line}"
            if not paragraph.startswith("**") or _IDENTIFIER.match(paragraph) is None:
                faults += [f"{where}: {word} outside a requirement" for word in _KEYWORD.findall(paragraph)]
                continue
            requirement = _requirement(paragraph, table, path.stem, section)
            if requirement is None:
                faults.append(f"{where}: expected **ID-000** (LEVEL; class, class) and a sentence")
                continue
            faults += [f"{where}: {requirement.id}: {fault}" for fault in _faults(requirement, found)]
            found.append(requirement)
    if faults:
        raise InvalidChapterError("\n".join(faults))
    return sorted(found, key=lambda one: one.id)


def _paragraphs(text: str) -> Iterator[tuple[int, str, str, str]]:
    """Yield (line, heading above, paragraph, table right after it), code blocks left out."""
    bare = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
    section = ""
    blocks = [(match.start(), match[0].rstrip()) for match in re.finditer(r"(?:^[^\n]+(?:\n|\Z))+", bare, re.MULTILINE)]
    for number, (start, block) in enumerate(blocks):
        line = bare.count("\n", 0, start) + 1
        if block.startswith("#"):
            section = block.splitlines()[0].lstrip("# ")
        after = blocks[number + 1][1] if number + 1 < len(blocks) else ""
        yield line, section, block, after if after.startswith("|") else ""


def _requirement(paragraph: str, table: str, chapter: str, section: str) -> Requirement | None:
    match = _OPENING.fullmatch(paragraph)
    if match is None:
        return None
    identifier, level, classes, sentence = match.groups()
    text = " ".join(sentence.split()) + (f"\n\n{table}" if table else "")
    content = "\n".join([level, classes, text])
    return Requirement(
        id=identifier,
        level=level,
        classes=classes.split(", "),
        chapter=chapter,
        section=section,
        text=text,
        hash=hashlib.sha256(content.encode()).hexdigest()[:16],
    )


def _faults(requirement: Requirement, before: list[Requirement]) -> Iterator[str]:
    if any(one.id == requirement.id for one in before):
        yield "stands twice"
    if requirement.level not in LEVELS:
        yield f"{requirement.level!r} is no level"
    for name in requirement.classes:
        if name not in CLASSES:
            yield f"{name!r} is no conformance class"
    words = _KEYWORD.findall(requirement.text)
    if requirement.level not in words:
        yield f"the sentence lacks {requirement.level}"
    for word in words:
        if word != requirement.level:
            yield f"the sentence has {word} beside {requirement.level}"
    if words.count(requirement.level) > 1:
        yield f"the sentence has {requirement.level} more than once; write two requirements"


def _as_json(found: list[Requirement]) -> str:
    return json.dumps([asdict(one) for one in found], indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write ``requirements.json``, or with ``--check`` compare it; return 1 if chapters or file are not right."""
    parser = argparse.ArgumentParser(prog="python -m seaway.spec.registry", description="Derive the registry.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file is not current")
    options = parser.parse_args(arguments)
    try:
        text = _as_json(parse())
    except InvalidChapterError as error:
        print(error, file=sys.stderr)
        return 1
    if not options.check:
        _FILE.write_text(text, encoding="utf-8")
    elif not _FILE.exists() or _FILE.read_text(encoding="utf-8") != text:
        print("requirements.json: not current; run python -m seaway.spec.registry", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
