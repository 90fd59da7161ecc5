"""The check of header fields by itself: what it remembers, and what it must not."""

from __future__ import annotations

import pytest

from seaway.spec import InvalidMessage
from seaway.spec._pairs import FieldRule, PairsCheck, Part

NAME, VALUE = Part(rb"[a-z0-9-]+", "a name", "A-001"), Part(rb"[!-~]*", "a value", None)


@pytest.fixture
def check() -> PairsCheck:
    rules = (
        FieldRule(rb"no-.*", "none of these", "A-002"),
        FieldRule(rb"length", "one number", "A-003", value=rb"[0-9]+", once=True),
        FieldRule(rb"l.*", "the word x", "A-004", value=rb"x"),
    )
    return PairsCheck("pairs", "a pair", NAME, VALUE, rules)


def refused(check: PairsCheck, headers: object) -> tuple[str, str]:
    with pytest.raises(InvalidMessage) as caught:
        check(headers, "headers", "A-000")
    return caught.value.field, caught.value.requirement


def test_each_fault_has_its_place_and_its_requirement(check: PairsCheck) -> None:
    assert refused(check, "ab") == ("headers", "A-000")
    assert refused(check, [(b"a", b"b"), (b"a",)]) == ("headers[1]", "A-000")
    assert refused(check, [(b"A", b"b")]) == ("headers[0][0]", "A-001")
    assert refused(check, [(b"a", b" ")]) == ("headers[0][1]", "A-000")
    assert refused(check, [(b"no-way", b"b")]) == ("headers[0]", "A-002")
    assert refused(check, [(b"length", b"b")]) == ("headers[0]", "A-003")


def test_the_first_rule_that_fits_a_name_holds(check: PairsCheck) -> None:
    check([(b"length", b"5"), (b"link", b"x")], "headers", "A-000")

    assert refused(check, [(b"link", b"5")]) == ("headers[0]", "A-004")


def test_a_field_that_may_come_once_is_counted_however_often_it_was_seen(check: PairsCheck) -> None:
    for _ in range(3):
        check([(b"length", b"5")], "headers", "A-000")

    assert refused(check, [(b"length", b"5"), (b"a", b"b"), (b"length", b"5")]) == ("headers[2]", "A-003")


def test_what_is_remembered_is_bounded(check: PairsCheck) -> None:
    for number in range(3000):
        check([(b"a", b"%d" % number), (b"a%d" % number, b"b"), (b"long", b"x")], "headers", "A-000")
        check([(b"a", b"%d" % number * 100)], "headers", "A-000")

    sizes = [len(one) for one in vars(check).values() if isinstance(one, (set, dict))]
    assert max(sizes) <= 1024
    assert not any(len(value) > 256 for _, value in vars(check)["_good"])
