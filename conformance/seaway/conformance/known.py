"""Failures that are known: a file with one requirement a line, and its reason.

::

    LAY-055  https://example.org/mylayer/issues/12  the broker gives no order between keys
"""

from __future__ import annotations

from pathlib import Path

from seaway.conformance.suites import Suite


class KnownFailuresError(Exception):
    """The file is not right; the text names the line."""


def read(path: Path, suite: Suite, option: str = "--known-failures") -> dict[str, str]:
    """Return the reasons by requirement identifier; *option* is what named the file.

    Raises:
        KnownFailuresError: no such file, an identifier that is none of *suite*'s or that stands twice, or no reason.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise KnownFailuresError(f"{option}={path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise KnownFailuresError(
            f"{option}={path}: expected a text in UTF-8, one requirement a line: {error}"
        ) from error
    required = set(suite.requirements())
    reasons: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        identifier, reason = (*line.split(maxsplit=1), "", "")[:2]
        if not identifier or identifier.startswith("#"):
            continue
        where = f"{path}:{number}: {identifier}"
        if identifier not in required:
            raise KnownFailuresError(f"{where} is no requirement of a {suite.name}")
        if identifier in reasons:
            raise KnownFailuresError(f"{where} stands twice")
        if not reason.strip():
            raise KnownFailuresError(f"{where} has no reason; expected {identifier} and why it fails, with a link")
        reasons[identifier] = reason.strip()
    return reasons
