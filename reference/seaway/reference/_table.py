"""Finds the pattern that matches a path, in the same time for 2 patterns and for 200.

Paths without parameters are looked up in a `dict`. The other patterns are a tree of their segments; a node is
visited at most once for each path, and one without parameters costs one look-up, however many routes branch there.
(One regular expression for all patterns was tried: its groups, two and more for each pattern, have to be set up for
each match.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from attrs import define, field, frozen

from seaway.reference._patterns import Literal, Pattern, Segment

__all__ = ["Table"]

Value = TypeVar("Value")
Match = Callable[[str], "list[Any] | None"]
"""Returns the arguments in a segment or in the rest of a path, or None if it does not match."""


@frozen
class _End(Generic[Value]):
    """Where a pattern ends: its value, and the names of its arguments."""

    value: Value
    names: tuple[str, ...]


@define
class _Node(Generic[Value]):
    """What may follow some beginning of a path.

    - `texts`: segments that are text; `parts`: segments with parameters, the specific first.
    - `tails`: what goes on with a ``path`` to the end of the pattern.
    - `end`: the pattern that ends here; `below`: one that matches whatever follows.
    """

    texts: dict[str, _Node[Value]] = field(factory=dict)
    parts: list[tuple[Segment, Match, _Node[Value]]] = field(factory=list)
    tails: list[tuple[Segment, Match, _End[Value]]] = field(factory=list)
    end: _End[Value] | None = None
    below: _End[Value] | None = None


class Table(Generic[Value]):
    """Patterns and a value for each. Of two that match a path the more specific one has it."""

    def __init__(self, entries: Iterable[tuple[Pattern, Value]]) -> None:
        self._static: dict[str, tuple[Value, dict[str, Any]]] = {}
        self._root: _Node[Value] = _Node()
        for pattern, value in entries:
            if pattern.is_static:
                self._static[pattern.text] = (value, {})
            else:
                self._insert(pattern, _End(value, tuple(parameter.name for parameter in pattern.parameters)))

    def find(self, path: str) -> tuple[Value, dict[str, Any]] | None:
        """Return the value of the pattern that matches the decoded *path*, and its arguments."""
        found = self._static.get(path)
        if found is not None:
            return found
        segments = path.split("/")
        arguments: list[Any] = []
        end = None if segments[0] else _walk(self._root, segments, 1, arguments)
        if end is None:
            return None
        return end.value, dict(zip(end.names, arguments))  # noqa: B905 - `strict` doubles what it costs

    def _insert(self, pattern: Pattern, end: _End[Value]) -> None:
        node = self._root
        for number, segment in enumerate(pattern.segments, 1):
            if any(converter.name == "path" for converter in segment.converters):
                tail = _join(pattern.segments[number - 1 :])
                node.tails.append((tail, _matcher(tail), end))
                node.tails.sort(key=lambda entry: entry[0].specificity)
                return
            node = _child(node, segment)
        if pattern.below:
            node.below = end
        else:
            node.end = end


def _child(node: _Node[Value], segment: Segment) -> _Node[Value]:
    """Return the node behind *segment*, which is made if need be."""
    if not segment.converters:
        return node.texts.setdefault(segment.shape, _Node())
    for known, _, child in node.parts:
        if known.shape == segment.shape:
            return child
    made: _Node[Value] = _Node()
    node.parts.append((segment, _matcher(segment), made))
    node.parts.sort(key=lambda entry: entry[0].specificity)
    return made


def _join(segments: Iterable[Segment]) -> Segment:
    tokens: list[Any] = []
    for segment in segments:
        tokens += [Literal("/"), *segment.tokens]
    return Segment(tuple(tokens[1:]))


def _matcher(segment: Segment) -> Match:
    if segment.shape == "{str}":
        return lambda text: [text] if text else None
    fullmatch = re.compile(segment.regex, re.DOTALL).fullmatch
    converts = [converter.convert for converter in segment.converters]

    def match(text: str) -> list[Any] | None:
        found = fullmatch(text)
        if found is None:
            return None
        return [convert(group) for convert, group in zip(converts, found.groups())]  # noqa: B905 - as above

    return match


def _walk(node: _Node[Value], segments: list[str], position: int, arguments: list[Any]) -> _End[Value] | None:
    """Return the end of the most specific pattern for the segments from *position* on, and add its arguments."""
    last = len(segments)
    while position < last:
        text = segments[position]
        child = node.texts.get(text)
        if child is None or node.parts or node.tails or node.below:
            break
        node = child  # the only way: no need to remember where to come back to
        position += 1
    else:
        return node.end or node.below
    if child is not None:
        end = _walk(child, segments, position + 1, arguments)
        if end is not None:
            return end
    known = len(arguments)
    for _, match, child in node.parts:
        found = match(text)
        if found is not None:
            arguments += found
            end = _walk(child, segments, position + 1, arguments)
            if end is not None:
                return end
            del arguments[known:]
    for _, match, end in node.tails:
        found = match("/".join(segments[position:]))
        if found is not None:
            arguments += found
            return end
    return node.below
