"""Failures that are known: a file with one requirement a line, and its reason.

::

    LAY-055  https://example.org/mylayer/issues/12  the broker gives no order between keys
"""

from __future__ import annotations

from pathlib import Path

from seaway.conformance.suites import Suite


class KnownFailuresError(Exception):
    """The file is not right; the text names the line."""


def read(path: Path, suite: Suite) -> dict[str, str]:
    """Return the reasons by requirement identifier.

    Raises:
        KnownFailuresError: no such file, an identifier that is none of *suite*'s or that stands twice, or no reason.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise KnownFailuresError(f"--known-failures={path}: {error.strerror}") from error
    required = set(suite.requirements())
    reasons: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        identifier, _, reason = line.strip().partition(" ")
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
