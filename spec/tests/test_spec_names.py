"""Names of channels and groups: the vectors, and what the vectors cannot hold."""

from __future__ import annotations

import pytest

from seaway.spec import check_channel, check_group, inbox_of
from seaway.spec.schemas import vectors

VECTORS = vectors("names")


@pytest.mark.parametrize("name", VECTORS["channel"]["valid"])
def test_a_good_channel_name_passes(name: str) -> None:
    check_channel(name)


@pytest.mark.parametrize(("name", "requirement"), VECTORS["channel"]["invalid"])
def test_a_bad_channel_name_raises_and_says_which_requirement(name: str, requirement: str) -> None:
    with pytest.raises(ValueError, match=requirement):
        check_channel(name)


@pytest.mark.parametrize("name", VECTORS["group"]["valid"])
def test_a_good_group_name_passes(name: str) -> None:
    check_group(name)


@pytest.mark.parametrize(("name", "requirement"), VECTORS["group"]["invalid"])
def test_a_bad_group_name_raises_and_says_which_requirement(name: str, requirement: str) -> None:
    with pytest.raises(ValueError, match=requirement):
        check_group(name)


@pytest.mark.parametrize("name", [None, 5, b"thumbnails", ["thumbnails"]])
def test_a_name_that_is_no_text_raises_value_error(name: object) -> None:
    with pytest.raises(ValueError, match="LAY-001"):
        check_channel(name)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="LAY-002"):
        check_group(name)  # type: ignore[arg-type]


def test_the_error_about_a_very_long_name_is_short() -> None:
    with pytest.raises(ValueError, match="characters") as caught:
        check_channel("x" * 100_000)

    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(("channel", "inbox"), VECTORS["inbox"])
def test_the_inbox_of_a_channel_is_the_part_up_to_the_mark(channel: str, inbox: str | None) -> None:
    assert inbox_of(channel) == inbox
