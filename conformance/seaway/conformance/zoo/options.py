"""The keywords of the zoo's layer, and what makes sense for each."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from attrs import field, frozen

from seaway.spec import check_group


def _count(_: object, attribute: Any, value: Any) -> None:
    if type(value) is not int or value < 1:
        raise ValueError(f"{attribute.name}: expected 1 or more, got {value!r}")


def _seconds(_: object, attribute: Any, value: Any) -> None:
    if type(value) not in (int, float) or not isfinite(value) or value <= 0:
        raise ValueError(f"{attribute.name}: expected seconds above 0, got {value!r}")


def _namespace(_: object, attribute: Any, value: Any) -> None:
    if value != "":
        check_group(value)


def _globs(check: Any) -> Any:
    def check_all(instance: object, attribute: Any, value: Any) -> None:
        for item in value.values():
            check(instance, attribute, item)

    return check_all


@frozen(kw_only=True)
class Options:
    """The keywords of LAY-013."""

    capacity: int = field(default=100, validator=_count)
    channel_capacity: Mapping[str, int] = field(factory=dict, validator=_globs(_count))
    expiry: float = field(default=60, validator=_seconds)
    channel_expiry: Mapping[str, float] = field(factory=dict, validator=_globs(_seconds))
    namespace: str = field(default="", validator=_namespace)
    lease: float = field(default=30, validator=_seconds)
    max_message_size: int = field(default=1024 * 1024, validator=_count)
    inbox_capacity: int = field(default=10_000, validator=_count)
    inbox_bytes: int = field(default=64 * 1024 * 1024, validator=_count)
    send_deadline: float = field(default=2, validator=_seconds)
