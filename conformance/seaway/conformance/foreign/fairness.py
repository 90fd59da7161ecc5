"""What of the suite says something about an old layer, and what does not.

Three things are told apart. What the old interface does not promise (`promises`) is not held against a layer. What the
adapter does itself says nothing, whether it passes or fails. And where a test needs a normal channel that keeps what
nobody waits for, a layer whose channels do not is blocked by that one cause.
"""

from __future__ import annotations

from attrs import evolve

from seaway.conformance.foreign.adapter import NothingKeptError, NotOfferedError
from seaway.conformance.foreign.promises import promise
from seaway.conformance.runner import Result
from seaway.conformance.suites import LAYER

NOT_PROMISED = "not promised"
"""How the reason begins of what was not met, and is not promised."""

CAUSES = frozenset({"LAY-039", "LAY-043"})
"""Tests of these say that a normal channel keeps what is sent; their failure blocks others."""

_ADAPTER = "the adapter does this, not the layer"
_TIMEOUT = "the old interface has no timeouts"
_SIZE = "the old layers have no limit of size to set"

ADAPTER = {
    "LAY-004": _ADAPTER,
    "LAY-006": _ADAPTER,
    "LAY-007": _ADAPTER,
    "LAY-008": _ADAPTER,
    "LAY-009": _ADAPTER,
    "LAY-011": _ADAPTER,
    "LAY-012": _ADAPTER,
    "LAY-013": _ADAPTER,
    "LAY-014": "the adapter checks the options",
    "LAY-016": "the adapter makes the object at its first use",
    "LAY-019": _ADAPTER,
    "LAY-020": _ADAPTER,
    "LAY-021": "the old layers have no life cycle",
    "LAY-022": "the old layers have no life cycle",
    "LAY-023": "the old layers have no life cycle",
    "LAY-024": "the old layers have no life cycle",
    "LAY-040": _TIMEOUT,
    "LAY-042": _TIMEOUT,
    "LAY-044": "the old interface receives from one channel at a time",
    "LAY-045": "the old interface receives from one channel at a time",
    "LAY-046": "the old interface has no inboxes",
    "LAY-047": "the old interface has no inboxes",
    "LAY-048": _TIMEOUT,
    "LAY-049": "the old interface receives from one channel at a time",
    "LAY-050": "the old interface has no inboxes, and no order between channels",
    "LAY-052": "the old interface has no inboxes",
    "LAY-057": "the old names have another form",
    "LAY-058": "the old interface takes no pattern",
    "LAY-059": "the old names have another form",
    "LAY-062": "the old interface makes the whole name",
    "LAY-106": _ADAPTER,
    "GRP-011": _ADAPTER,
    "VER-001": _ADAPTER,
    "VER-006": _ADAPTER,
    **dict.fromkeys(
        (one for one in LAYER.requirements() if one.startswith("GAP-") and one != "GAP-003"),
        "the old interface has no notice of loss",
    ),
    "LAY-086": "the old interface has no notice of loss",
    "LAY-104": "the old interface has no notice of loss",
    "layer.cancellation.a_receive_that_times_out_loses_nothing": _TIMEOUT,
    "layer.construction.other_characters_of_a_glob_stand_for_themselves": "the old patterns have character classes",
    "layer.capacity.an_inbox_holds_its_number_of_bytes": "the old interface counts messages, not bytes",
    "layer.capacity.a_gap_takes_no_room": "the old interface has no notice of loss",
    "layer.capacity.a_full_channel_costs_no_other_channel_a_message": "the old capacity is shared by all channels of a "
    "process",
    "layer.capacity.what_has_expired_does_not_count": "the old expiry is one setting of a whole layer",
    "layer.sending.half_a_mebibyte_is_accepted_by_default": _SIZE,
    "layer.attributes.exception_classes_are_attributes_and_are_what_is_raised": _SIZE,
    "layer.processes.timeout_0_finds_what_another_process_has_sent_before": "no process can tell another's owner of a "
    "name",
    "layer.groups.a_group_add_that_raised_leaves_no_membership": "the old interface lets any channel join",
}
"""Requirement or test to the reason why it says nothing about a layer."""

NEEDS_KEEPING = {
    f"layer.processes.{name}": "the readers of other processes find nothing kept (LAY-043)"
    for name in (
        "a_message_goes_to_one_of_several_processes",
        "nothing_is_given_twice_when_a_reader_is_killed",
        "a_normal_channel_is_first_in_first_out_over_processes",
    )
}
"""Tests in which another process than the sender's reads what was sent before; the adapter there cannot know."""

REASONS = {
    "LAY-003": "the old names have fewer than 100 characters",
    "LAY-015": "the old layers check no options",
    "LAY-025": "the old layers open a connection for each event loop",
    "LAY-026": "the old interface says nothing of forks",
    "LAY-030": "the old interface says nothing of a sender that changes its message",
    "LAY-032": "the old interface does not know whose process has gone",
    "LAY-033": _SIZE,
    "LAY-035": "what may be in a message is the sender's duty there",
    "LAY-036": "the old interface says nothing of an absent broker",
    "LAY-056": "the old interface says nothing of an absent broker",
    "LAY-061": "the old interface says nothing of an absent broker",
    "LAY-065": "the old interface says nothing of an absent broker",
    "LAY-078": "the old order over several writers is best effort",
    "LAY-083": "the old capacity is for process-local channels too",
    "LAY-090": "the old expiry is one setting of a whole layer",
    "LAY-091": "the old expiry is one setting of a whole layer",
    "LAY-093": "the old order on normal channels is best effort",
    "LAY-094": "the old interface says nothing of shared objects",
    "LAY-100": "a rule of this interface only",
    "LAY-101": "a rule of this interface only",
    "LAY-105": "the old flush ends memberships",
    "GRP-002": "the old interface lets any channel join",
    "GRP-004": "the old interface says nothing of a group_add that ends early",
    "GRP-015": "the old membership lives until group_expiry, a day by default",
    "SEC-012": "the old interface gives a layer no duty to refuse a value",
}
"""Why a requirement without a promise has none; where nothing stands here: ``MSG-``, refusals."""

MAY = "the old interface says only that a layer may have a capacity, and may raise ChannelFull"

LAYER_REASONS = {
    **{(layer, identifier): MAY for layer in ("PubSub", "Nats") for identifier in ("LAY-010", "LAY-017")},
    **{(layer, f"LAY-{number:03}"): MAY for layer in ("PubSub", "Nats") for number in (31, 80, 81, 82)},
    **{(layer, f"LAY-{number:03}"): MAY for layer in ("PubSub", "Nats") for number in (84, 85)},
    **{("PubSub", identifier): "it does not say that it checks names" for identifier in ("LAY-001", "LAY-002")},
}
"""What one layer does not promise, though others do: (layer, requirement) to reason."""


def fair(layer: str, result: Result) -> Result:
    """Return *result* of *layer* as it counts: not offered or blocked where it says nothing against the layer."""
    reason = ADAPTER.get(result.case) or next((ADAPTER[i] for i in result.ids if i in ADAPTER), None)
    if reason is not None:
        return evolve(result, verdict="not offered", message=reason, details="")
    if result.verdict in ("pass", "not offered", "blocked"):
        return result
    if NotOfferedError.__name__ in result.details:
        needed = next(line for line in result.details.splitlines() if NotOfferedError.__name__ in line)
        return evolve(result, verdict="not offered", message=needed.partition("Error: ")[2], details="")
    if NothingKeptError.__name__ in result.details or (result.case in NEEDS_KEEPING and layer in ("PubSub", "Nats")):
        if CAUSES.isdisjoint(result.ids):
            return evolve(result, verdict="blocked", message="a normal channel keeps nothing (LAY-043)", details="")
        return evolve(result, verdict="fail", message=result.message.removeprefix("Crashed: "))
    return _promised(layer, result)


def _promised(layer: str, result: Result) -> Result:
    broken = [i for i in result.ids if promise(layer, i) is not None and (layer, i) not in LAYER_REASONS]
    if broken:
        return result
    identifier = result.ids[0]
    reason = LAYER_REASONS.get((layer, identifier)) or REASONS.get(identifier) or REASONS["SEC-012"]
    text = f"{NOT_PROMISED}: {reason}; seen: {result.message}"
    return evolve(result, verdict="not offered", message=text, details="")
