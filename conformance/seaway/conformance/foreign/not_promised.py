"""What the old interface does not promise: a layer of Channels is not blamed for it.

The specification of the old layers names the types that a message may have, but gives a layer no duty to refuse
others; so tests of refusals count as not offered, and tests of what arrives count.
"""

from __future__ import annotations

from attrs import evolve

from seaway.conformance.foreign.adapter import NotOfferedError
from seaway.conformance.runner import Result

_SIZE = "the old layers have no limit of size to set"
_LIFE = "the old layers have no life cycle"
_OPTIONS = "the old layers check no options"
_REFUSAL = "the old interface gives a layer no duty to refuse a value"
_NEW = "a rule of this interface only"

NOT_PROMISED = {
    "LAY-003": "the old names have fewer than 100 characters",
    "LAY-010": _SIZE,
    "LAY-014": _OPTIONS,
    "LAY-015": _OPTIONS,
    "LAY-022": _LIFE,
    "LAY-023": _LIFE,
    "LAY-026": _LIFE,
    "LAY-033": _SIZE,
    "LAY-034": _SIZE,
    "LAY-046": "the old interface has no inboxes",
    "LAY-048": "the old interface has no timeouts",
    "LAY-100": _NEW,
    "LAY-101": _NEW,
    "MSG-001": _REFUSAL,
    "MSG-002": _REFUSAL,
    "MSG-003": _REFUSAL,
    "MSG-004": _REFUSAL,
    "MSG-005": _REFUSAL,
    "MSG-006": _REFUSAL,
    "MSG-007": _REFUSAL,
    "MSG-008": _NEW,
    "MSG-009": _NEW,
    "MSG-010": _REFUSAL,
    "MSG-011": _REFUSAL,
    "MSG-012": _NEW,
    "MSG-013": _NEW,
    "MSG-016": "the old interface does not say what a subclass arrives as",
    "MSG-021": _NEW,
    "SEC-012": _REFUSAL,
}
"""Requirement to reason."""

NOT_PROMISED_CASES = {
    "layer.construction.other_characters_of_a_glob_stand_for_themselves": "the old patterns have character classes",
}
"""Case to reason, where the rest of its requirement is promised."""


def fair(result: Result) -> Result:
    """Return *result*, as not offered where the old interface does not promise what was tested."""
    if result.verdict in ("pass", "not offered", "blocked"):
        return result
    if NotOfferedError.__name__ in result.details:
        needed = next(line for line in result.details.splitlines() if NotOfferedError.__name__ in line)
        return evolve(result, verdict="not offered", message=needed.partition("Error: ")[2], details="")
    reasons = [NOT_PROMISED_CASES.get(result.case) or NOT_PROMISED.get(identifier) for identifier in result.ids]
    if all(reasons):
        return evolve(result, verdict="not offered", message=str(reasons[0]), details="")
    return result
