"""The keyword arguments of a layer: names, defaults, what makes sense, and how a URL spells them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, TypeVar
from urllib.parse import SplitResult, parse_qsl, urlsplit

import attrs

from seaway.spec import check_group

_Check = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def _count(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if type(value) is not int or value < 1:
        raise ValueError(f"{field.name}: expected a whole number of 1 or more, got {value!r} (LAY-015)")


def _seconds(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if type(value) not in (int, float) or not (isfinite(value) and value > 0):
        raise ValueError(f"{field.name}: expected a number of seconds above 0, got {value!r} (LAY-015)")


def _globs(check: _Check) -> _Check:
    def check_globs(options: Any, field: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise ValueError(f"{field.name}: expected a dict of glob pattern to value, got {value!r} (LAY-015)")
        for pattern, item in value.items():
            check(options, field.evolve(name=f"{field.name}[{pattern!r}]"), item)

    return check_globs


def _name(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    try:
        if value != "":
            check_group(value)  # namespaces, hubs and groups share one grammar
    except ValueError:
        raise ValueError(
            f"{field.name}: expected '' or ASCII letters, digits, '-', '_' or '.', got {value!r} (LAY-015)"
        ) from None


@attrs.frozen(kw_only=True)
class Options:
    """The options that every layer takes (LAY-013). Times are in seconds, sizes in bytes."""

    capacity: int = attrs.field(default=100, validator=_count)
    channel_capacity: Mapping[str, int] = attrs.field(factory=dict, validator=_globs(_count))
    expiry: float = attrs.field(default=60, validator=_seconds)
    channel_expiry: Mapping[str, float] = attrs.field(factory=dict, validator=_globs(_seconds))
    namespace: str = attrs.field(default="", validator=_name)
    lease: float = attrs.field(default=30, validator=_seconds)
    max_message_size: int = attrs.field(default=1024 * 1024, validator=_count)
    inbox_capacity: int = attrs.field(default=10_000, validator=_count)
    inbox_bytes: int = attrs.field(default=64 * 1024 * 1024, validator=_count)
    send_deadline: float = attrs.field(default=2, validator=_seconds)


@attrs.frozen(kw_only=True)
class MemoryOptions(Options):
    """The options of the memory layer: *name* is the hub to share in this process; ``""`` is one of its own."""

    name: str = attrs.field(default="", validator=_name)


OptionsT = TypeVar("OptionsT", bound=Options)


def make_options(kind: type[OptionsT], layer: str, given: Mapping[str, Any]) -> OptionsT:
    """Return the options *given* to the class *layer*.

    Raises:
        TypeError: for one that *kind* does not know (LAY-014); the error names those that it knows.
        ValueError: for a value that makes no sense (LAY-015).
    """
    known = [field.name for field in attrs.fields(kind)]
    for name in given:
        if name not in known:
            hint = "; there is no group expiry, memberships live as long as their owner" if "group_e" in name else ""
            raise TypeError(f"{layer} has no option {name!r}{hint}; its options are {', '.join(known)} (LAY-014)")
    return kind(**given)


_SECRETS = re.compile(r"(?<=://)([^:@/]*:).*(?=@)|((?:password|encryption_keys)=)[^&]*")
"""Of a password that is not encoded as it should be, all is hidden: up to the last ``@`` there is."""


def shown_url(url: str) -> str:
    """Return *url* as it may stand in a log, an error or a report: with ``***`` for its passwords and keys."""
    return _SECRETS.sub(lambda found: f"{found[1] or found[2]}***", url)


def no_url(url: str) -> ValueError:
    """Return the error for a *url* that cannot be read. What a library says of it may have half a password in it."""
    return ValueError(
        f"{shown_url(url)!r}: expected a URL such as scheme://USER:PASSWORD@HOST:PORT/?NAME=VALUE&NAME=VALUE, with a "
        "port below 65536; '/', '?', '#', '@' and '&' in a password are written as %2F, %3F, %23, %40 and %26"
    )


def split_url(url: str, kind: type[Options]) -> tuple[SplitResult, dict[str, Any]]:
    """Return the parts of a layer's *url* and the options in its query, each of the type that *kind* gives it.

    A glob option is written ``channel_capacity=thumbs*:5`` and may be repeated.

    Raises:
        ValueError: for an option that *kind* does not know, a value of the wrong type, or what is no URL at all.
    """
    shown = shown_url(url)
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise no_url(url) from None
    if parts.fragment:
        raise no_url(url)
    types = {field.name: str(field.type) for field in attrs.fields(kind)}
    options: dict[str, Any] = {}
    for name, text in pairs:
        if name not in types:
            raise ValueError(f"{shown!r}: no option {name!r} in a URL of this kind; there are {', '.join(types)}")
        try:
            _read_option(options, name, types[name], text)
        except ValueError:
            raise ValueError(f"{shown!r}: option {name}={text!r} is not of type {types[name]}") from None
    return parts, options


_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def _read_option(options: dict[str, Any], name: str, type_: str, text: str) -> None:
    number: Callable[[str], int | float] = float if "float" in type_ else int
    if type_.startswith("Mapping"):
        pattern, mark, value = text.rpartition(":")
        if not mark:
            raise ValueError
        options.setdefault(name, {})[pattern] = number(value)
    elif type_.startswith("tuple"):
        options[name] = (*options.get(name, ()), text)
    elif type_ == "bool":
        if text not in _FLAGS:
            raise ValueError
        options[name] = _FLAGS[text]
    else:
        options[name] = text if type_ == "str" else number(text)
