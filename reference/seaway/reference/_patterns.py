"""URL patterns: ``/chat/room/{room_name}/`` as something to match, to build paths with, and to compare.

A pattern is literal text and parameters, ``{name}`` or ``{name:converter}``:

| converter | matches | argument |
|---|---|---|
| ``str`` (default) | one segment, not empty | `str` |
| ``int`` | 1 to 18 digits, so that it is a signed 64-bit integer | `int` |
| ``uuid`` | the canonical form of 36 characters | `uuid.UUID` |
| ``path`` | a part of the path, slashes included, not empty | `str` |

Rules of this file:

- Of two patterns that match a path the more specific one has it: segment by segment from the left, text goes before
  text with parameters (more text first), then ``int``, ``uuid``, ``str``, and ``path`` last. So the order of
  definition never matters, and two patterns that are alike but for their names are an error.
- Matching takes time in proportion to the path. So a segment has at most one ``str`` or ``path``, and a
  pattern at most one ``path``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any
from urllib.parse import quote
from uuid import UUID

from attrs import field, frozen

__all__ = ["Converter", "Literal", "Parameter", "Pattern", "Segment"]

_TOKEN = re.compile(r"\{([^{}]*)\}|([^{}]+)|[{}]")
_PARAMETER = re.compile(r"([^\W\d]\w*)(?::([a-z]+))?")
_TAKEN = frozenset({"self", "message", "type", "channel_layer", "consumer_channel", "send"})

# RFC 3986, section 3.3: what a path may hold unescaped, beside letters and digits.
_UNESCAPED = "/-._~!$&'()*+,;=:@"


@frozen
class Converter:
    """How a parameter is matched and turned into an argument; the more specific it is, the lower its rank."""

    name: str
    rank: int
    regex: str
    convert: Callable[[str], Any]


_CONVERTERS = {
    converter.name: converter
    for converter in (
        Converter("int", 1, "[0-9]{1,18}", int),
        Converter("uuid", 2, "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", UUID),
        Converter("str", 3, "[^/]+", str),
        Converter("path", 4, ".+", str),
    )
}


@frozen
class Literal:
    """Text of a pattern that stands for itself."""

    text: str


@frozen
class Parameter:
    """A part of a pattern that becomes an argument."""

    name: str
    converter: Converter

    def format(self, value: Any) -> str:
        """Return *value* as it stands in a decoded path. `ValueError`: the converter would not match it."""
        text = str(value)
        if not re.fullmatch(self.converter.regex, text, re.DOTALL):
            raise ValueError(f"{self.name}={value!r} does not fit {{{self.name}:{self.converter.name}}}")
        return text


@frozen
class Segment:
    """A part of a pattern between two slashes, or from a ``path`` on to its end."""

    tokens: tuple[Literal | Parameter, ...]

    @property
    def converters(self) -> tuple[Converter, ...]:
        """Those of its parameters, from left to right."""
        return tuple(token.converter for token in self.tokens if isinstance(token, Parameter))

    @property
    def shape(self) -> str:
        """The segment without the names of its parameters."""
        return "".join(
            token.text if isinstance(token, Literal) else f"{{{token.converter.name}}}" for token in self.tokens
        )

    @property
    def specificity(self) -> tuple[Any, ...]:
        """What segments with parameters are ordered by, the most specific first."""
        text = sum(len(token.text) for token in self.tokens if isinstance(token, Literal))
        return -text, [converter.rank for converter in self.converters], self.shape

    @property
    def regex(self) -> str:
        """A regular expression for it, with one group for each parameter; the flag is `re.DOTALL`."""
        return _regex(self.tokens)


def _regex(tokens: Iterable[Literal | Parameter]) -> str:
    return "".join(
        re.escape(token.text) if isinstance(token, Literal) else f"({token.converter.regex})" for token in tokens
    )


@frozen
class Pattern:
    """A parsed pattern. With *below* it is also every path that goes on with a slash.

    Raises:
        ValueError: *text* is no pattern; the message says what is wrong.
    """

    text: str
    below: bool = False
    tokens: tuple[Literal | Parameter, ...] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        try:
            object.__setattr__(self, "tokens", _parse(self.text))
        except ValueError as error:
            raise ValueError(f"pattern {self.text!r}: {error}") from None

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, from left to right."""
        return tuple(token for token in self.tokens if isinstance(token, Parameter))

    @property
    def is_static(self) -> bool:
        """Whether it is one path only."""
        return not (self.parameters or self.below)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What stands between its slashes, from the left."""
        return tuple(Segment(_tokens(text)) for text in self.text.split("/")[1:])

    @property
    def shape(self) -> str:
        """What two patterns have in common that match the same paths."""
        return "/".join(segment.shape for segment in self.segments) + ("/…" if self.below else "")

    @property
    def regex(self) -> str:
        """A regular expression for it, without `below`; the flag is `re.DOTALL`."""
        return _regex(self.tokens)

    def build(self, arguments: dict[str, Any]) -> str:
        """Return the path, percent-encoded.

        Raises:
            ValueError: an argument is missing, unknown, or such that this pattern would not match the path;
                or a segment would be ``.`` or ``..``, which clients take out of a URL.
        """
        names = {parameter.name for parameter in self.parameters}
        if names != arguments.keys():
            expected = ", ".join(sorted(names)) or "none"
            given = ", ".join(sorted(arguments)) or "none"
            raise ValueError(f"{self.text!r} takes the arguments {expected}; given: {given}")
        path = "".join(
            token.text if isinstance(token, Literal) else token.format(arguments[token.name]) for token in self.tokens
        )
        if not {".", ".."}.isdisjoint(path.split("/")):
            raise ValueError(f"{path!r} has a segment '.' or '..': clients take these out of a URL")
        return quote(path, safe=_UNESCAPED)


def _parse(text: str) -> tuple[Literal | Parameter, ...]:
    if text and not text.startswith("/"):
        raise ValueError("expected a path that begins with '/'")
    if "?" in text or "#" in text:
        raise ValueError("a pattern is a path, without '?' and '#'")
    tokens = _tokens(text)
    _check_names(tokens)
    _check_time(tokens)
    return tokens


def _tokens(text: str) -> tuple[Literal | Parameter, ...]:
    tokens: list[Literal | Parameter] = []
    for match in _TOKEN.finditer(text):
        inside, literal = match.groups()
        tokens.append(Literal(literal) if literal is not None else _parameter(inside or "", match.group()))
    return tuple(tokens)


def _parameter(inside: str, written: str) -> Parameter:
    match = _PARAMETER.fullmatch(inside)
    if match is None:
        raise ValueError(f"expected {{name}} or {{name:converter}}, got {written!r}")
    name, converter = match.group(1), match.group(2) or "str"
    if converter not in _CONVERTERS:
        raise ValueError(f"no converter is named {converter!r}; there are {', '.join(sorted(_CONVERTERS))}")
    return Parameter(name, _CONVERTERS[converter])


def _check_names(tokens: Iterable[Literal | Parameter]) -> None:
    seen: set[str] = set()
    for token in tokens:
        if isinstance(token, Parameter):
            if token.name in seen:
                raise ValueError(f"two parameters are named {token.name!r}")
            if token.name in _TAKEN:
                raise ValueError(f"{token.name!r} is an argument of every consumer; take another name")
            seen.add(token.name)


def _check_time(tokens: tuple[Literal | Parameter, ...]) -> None:
    """Refuse what could take a regular expression more than linear time."""
    for one, other in pairwise(tokens):
        if isinstance(one, Parameter) and isinstance(other, Parameter):
            raise ValueError(f"nothing separates {one.name!r} from {other.name!r}")
    names = [token.converter.name if isinstance(token, Parameter) else token.text for token in tokens]
    if names.count("path") > 1:
        raise ValueError("a pattern can have one parameter of path, not more")
    wide = 0
    for token in tokens:
        if isinstance(token, Literal):
            wide = 0 if "/" in token.text else wide
        elif token.converter.name in ("str", "path"):
            wide += 1
        if wide > 1:
            raise ValueError("a segment can have one parameter of str or path, not more")
