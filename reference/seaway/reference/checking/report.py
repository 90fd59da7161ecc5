"""How a broken requirement is told."""

from __future__ import annotations

import logging
import re
from typing import Literal

from seaway.spec.registry import requirements

__all__ = ["Party", "Report", "RequirementBroken", "requirement_in"]

Party = Literal["application", "server", "layer", "caller"]

logger = logging.getLogger("seaway.check")
_requirement = re.compile(r"\b[A-Z][A-Z0-9]*-[0-9]{3}\b")


class RequirementBroken(AssertionError):  # noqa: N818 - what has happened
    """A requirement was broken.

    - `by`: `"application"`, `"server"`, `"layer"`, or `"caller"` (whoever called a layer).
    - `requirement`: its identifier, such as `"HTTP-026"`.
    """

    def __init__(self, by: Party, requirement: str, text: str) -> None:
        super().__init__(by, requirement, text)
        self.by = by
        self.requirement = requirement
        self.text = text

    def __str__(self) -> str:
        return f"the {self.by} broke {self.requirement}: {self.text}"


class Report:
    """Tells what was broken; `raises`: by raising, beside the log. `subject`: of whom it is told."""

    def __init__(self, subject: str, raises: bool) -> None:
        self.subject = subject
        self.raises = raises

    def __call__(self, by: Party, requirement: str, text: str, *, raises: bool = True) -> None:
        """Tell it. `raises=False`: there is nobody to raise to."""
        broken = RequirementBroken(by, requirement, f"{text} ({self.subject})")
        logger.error("%s", broken)
        if raises and self.raises:
            raise broken


def requirement_in(error: Exception) -> str | None:
    """The identifier of the requirement that the text of an error names, if it names one."""
    named = [name for name in _requirement.findall(str(error)) if name in requirements()]
    return named[-1] if named else None  # what it quotes comes first
