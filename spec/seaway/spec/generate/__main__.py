"""``python -m seaway.spec.generate [--check]``: write the generated files, or tell which are not current."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from seaway.spec.generate.model import InvalidSchemaError
from seaway.spec.generate.tree import PACKAGE, differences, generated


def main(arguments: list[str] | None = None) -> int:
    """Write the generated files, or with ``--check`` compare; return 1 if a file differs or a schema is wrong."""
    parser = argparse.ArgumentParser(prog="python -m seaway.spec.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not current")
    options = parser.parse_args(arguments)
    try:
        found = differences(PACKAGE) if options.check else _write(PACKAGE)
    except InvalidSchemaError as error:
        found = [f"schemas: {error}"]
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


def _write(package: Path) -> list[str]:
    for name, text in generated(package).items():
        (package / name).write_text(text, encoding="utf-8")
    return []


if __name__ == "__main__":
    sys.exit(main())
