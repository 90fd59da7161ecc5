"""The pages of the specification for the site: the chapters with an anchor for each requirement, schemas, states.

Nothing is said here that `spec/` does not say: chapters are copied, tables and pictures made from its data.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import _diagrams

from seaway.spec import schemas, states

_ID = r"(?:MSG|CON|HTTP|WS|LIF|SRV|LAY|GRP|GAP|TASK|BRG|H2|SEC|VER)-[0-9]{3}"
_DEFINED = re.compile(rf"^\*\*({_ID})\*\*")
_NAMED = re.compile(rf"(?<![\w\[`*-])({_ID})(?![\w\]`*])")
_FILE_LINK = re.compile(r"\[([^\]]*)\]\((?!https?:)(?!#)(?![\w-]+\.md)[^)]*\)")
_ORDER = [
    "concepts",
    "messages",
    "consumers",
    "http",
    "websocket",
    "lifespan",
    "server",
    "layers",
    "groups",
    "loss",
    "tasks",
    "http2",
    "bridge",
    "security",
    "conformance",
    "versioning",
    "upgrade",
    "rationale",
]
_DIRECTIONS = {
    "to-consumer": "from the server to the consumer",
    "from-consumer": "from the consumer to the server",
    "layer": "over the layer",
}


def write(source: Path, target: Path) -> None:
    """Write all pages of the specification into the folder `target`, which is emptied before."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    chapters = {path.stem: path.read_text() for path in sorted(source.glob("*.md"))}
    for name, text in chapters.items():
        page = "index" if name == "README" else name
        (target / f"{page}.md").write_text(_chapter(text) + (_contents(chapters) if page == "index" else ""))
    (target / "schemas.md").write_text(_schemas())
    (target / "states.md").write_text(_states(target))


def _contents(chapters: dict[str, str]) -> str:
    pages = [name for name in _ORDER if name in chapters]
    pages += sorted(set(chapters) - {"README", *pages})
    listed = "\n".join([*pages, "schemas", "states"])
    return f"\n```{{toctree}}\n:caption: Specification\n:hidden:\n\n{listed}\n```\n"


def _chapter(text: str) -> str:
    lines, fenced = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        if not fenced:
            defined = _DEFINED.match(line)
            if defined:
                lines += [f"({defined[1].lower()})=", ""]
            line = _FILE_LINK.sub(r"\1", line.replace("README.md", "index.md"))
            line = _NAMED.sub(lambda named: f"[{named[1]}](#{named[1].lower()})", line)
        lines.append(line)
    return "\n".join(lines) + "\n"


def _schemas() -> str:
    parts = [
        "# Messages by their schemas\n",
        "Made from the JSON Schemas (draft 2020-12) in `spec/seaway/spec/schemas/`. Examples are in the JSON form.\n",
    ]
    for entry in schemas.index():
        parts.append(_message(entry, schemas.schema(entry["type"], entry["direction"][0])))
    return "\n".join(parts)


def _message(entry: dict[str, Any], schema: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    rows = [
        f"| `{key}` | {_default(key, value, required)} | {_cell(value.get('description', ''))} |"
        for key, value in schema.get("properties", {}).items()
    ]
    table = "\n".join(["| key | default | meaning |", "|---|---|---|", *rows])
    examples = "\n".join(
        f"```json\n{json.dumps(example, ensure_ascii=False)}\n```" for example in schema.get("examples", [])[:1]
    )
    ways = " and ".join(_DIRECTIONS[direction] for direction in entry["direction"])
    title = f"## {entry['type']}, {ways} ({entry['requirement']})"
    return f"{title}\n\n{_cell(schema.get('description', ''))}\n\n{table}\n\n{examples}\n"


def _default(key: str, value: dict[str, Any], required: set[str]) -> str:
    if key in required:
        return "required"
    return f"`{json.dumps(value['default'])}`" if "default" in value else "–"


def _cell(text: str) -> str:
    return _NAMED.sub(lambda named: f"[{named[1]}](#{named[1].lower()})", text.replace("|", "\\|").replace("\n", " "))


def _states(target: Path) -> str:
    parts = ["# States\n", "Drawn from the tables in `spec/seaway/spec/states/`.\n"]
    for protocol in states.protocols():
        table = states.table(protocol)
        parts.append(f"## {table.title}\n")
        for region in table.regions:
            picture = f"states-{protocol}-{region.name}.svg".replace(" ", "-")
            (target / picture).write_text(_diagrams.draw(region))
            parts.append(f"{region.description}\n\n![States of {protocol}: {region.name}]({picture})\n")
            parts += [f"- `{state}`: {meaning}" for state, meaning in region.states.items()]
            parts.append("")
    return "\n".join(parts)
