"""``python -m seaway.spec.generate [--check]``: write the generated files, or tell which are not current."""

from __future__ import annotations

import argparse
import sys

from seaway.spec.generate.tree import PACKAGE, differences, generated


def main(arguments: list[str] | None = None) -> int:
    """Write the generated files, or with ``--check`` compare; return 1 if something differs."""
    parser = argparse.ArgumentParser(prog="python -m seaway.spec.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not current")
    options = parser.parse_args(arguments)
    if options.check:
        found = differences(PACKAGE)
        for line in found:
            print(line, file=sys.stderr)
        return 1 if found else 0
    for name, text in generated(PACKAGE).items():
        (PACKAGE / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
