"""The generated files as a tree: what it should hold, and how a checkout differs from it."""

from __future__ import annotations

import json
from pathlib import Path

from seaway.spec.generate.checks import write_checks
from seaway.spec.generate.layout import HEADER
from seaway.spec.generate.messages import write_messages
from seaway.spec.generate.model import Message, Schema, read_message

_NOT_MESSAGES = {"common.json", "index.json", "statistics.json"}

PACKAGE = Path(__file__).resolve().parent.parent
"""The folder of `seaway.spec` in this checkout."""


def generated(package: Path) -> dict[str, str]:
    """Return the text of each generated file, by its path below *package*, from the schemas found there."""
    common = _read(package / "schemas" / "common.json")
    messages = [read_message(path.stem, _read(path), common) for path in _schema_files(package)]
    return {
        "checks.py": write_checks(messages),
        "messages.py": write_messages(messages),
        "schemas/index.json": json.dumps([_entry(message) for message in messages], indent=2) + "\n",
    }


def differences(package: Path) -> list[str]:
    """Return a line for each file below *package* that is missing, not current, or there without a reason."""
    wanted = generated(package)
    found = [_difference(package / name, text) for name, text in wanted.items()]
    names = [path.stem for path in _schema_files(package)]
    for name in names:
        if not (package / "vectors" / f"{name}.json").exists():
            found.append(f"vectors/{name}.json: missing; every schema has test vectors")
    expected = {package / name for name in wanted}
    expected |= {package / "schemas" / f"{name}.json" for name in ["common", "statistics", *names]}
    expected |= {package / "vectors" / f"{name}.json" for name in ["exchanges", "names", "values", *names]}
    for path in sorted(package.rglob("*")):
        if path not in expected and _looks_generated(path):
            found.append(f"{path.relative_to(package)}: stray; nothing generates or names it")
    return [line for line in found if line]


def _difference(path: Path, text: str) -> str:
    if not path.exists():
        return f"{path.name}: missing; run python -m seaway.spec.generate"
    if path.read_text(encoding="utf-8") != text:
        return f"{path.name}: not current; run python -m seaway.spec.generate"
    return ""


def _looks_generated(path: Path) -> bool:
    if path.is_file() and path.parent.name in {"schemas", "vectors"}:
        return True
    return path.suffix == ".py" and path.read_text(encoding="utf-8").startswith(HEADER)


def _entry(message: Message) -> dict[str, object]:
    schema = message.schema
    return {
        "type": message.type,
        "schema": f"{message.name}.json",
        "direction": schema["x-direction"],
        "protocol": schema["x-protocol"],
        "since": schema["x-since"],
        "requirement": message.requirement,
    }


def _schema_files(package: Path) -> list[Path]:
    files = (package / "schemas").glob("*.json")
    return sorted((path for path in files if path.name not in _NOT_MESSAGES), key=lambda path: path.stem)


def _read(path: Path) -> Schema:
    schema: Schema = json.loads(path.read_text(encoding="utf-8"))
    return schema
