"""The check of header fields: sequences of (name, value) pairs of bytes.

A server checks the same fields again and again, so pairs that were found good are remembered: a known pair
costs one look-up. Names whose values are secret, or new each time, are never remembered, and the memory is
bounded.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from seaway.spec.errors import InvalidMessage, invalid

_CACHE_SIZE = 1024
_CACHED_LENGTH = 256
_NEVER_CACHED = frozenset(
    {b"authorization", b"content-length", b"cookie", b"date", b"proxy-authorization", b"set-cookie"}
)


class Part(NamedTuple):
    """What is asked of each name, or of each value."""

    pattern: bytes
    expected: str
    requirement: str | None


class FieldRule(NamedTuple):
    """What is asked of the fields whose name matches `name`: without `value`, that there be none."""

    name: bytes
    expected: str
    requirement: str
    value: bytes | None = None
    once: bool = False


class PairsCheck:
    """Checks sequences of pairs: ``check(headers, field, requirement)`` raises `InvalidMessage` or returns.

    Args:
        pairs: what is expected of the sequence.
        pair: what is expected of each of its items.
        name: what is asked of each name.
        value: what is asked of each value.
        rules: what is asked of particular fields; the first rule that matches a name holds.
    """

    def __init__(self, pairs: str, pair: str, name: Part, value: Part, rules: tuple[FieldRule, ...] = ()) -> None:
        self._pairs, self._pair = pairs, pair
        self._name, self._value = name, value
        self._is_name = re.compile(name.pattern).fullmatch
        self._is_value = re.compile(value.pattern).fullmatch
        self._rules = [_CompiledRule(rule) for rule in rules]
        self._rule_of: dict[bytes, _CompiledRule | None] = {}
        self._good: set[tuple[bytes, bytes]] = set()

    def __call__(self, headers: Any, field: str, requirement: str) -> None:
        """Check *headers*, the value at *field*; *requirement* is that of the message."""
        if type(headers) is not list and not issubclass(type(headers), (list, tuple)):
            raise invalid(field, self._pairs, headers, requirement)
        good = self._good
        single: list[_CompiledRule] = []
        for index, pair in enumerate(headers):
            if (type(pair) is tuple or type(pair) is list) and len(pair) == 2:
                name, value = pair
                # Exact types first: a memoryview would equal the bytes that are remembered.
                if type(name) is bytes and type(value) is bytes and (name, value) in good:
                    continue
            rule = self._check_pair(pair, field, index, requirement)
            if rule is not None and rule.once:
                if rule in single:
                    raise rule.error(f"{field}[{index}]", pair)
                single.append(rule)

    def _check_pair(self, pair: Any, field: str, index: int, requirement: str) -> _CompiledRule | None:
        """Check one pair; return the rule for its name, if there is one."""
        if not issubclass(type(pair), (list, tuple)) or len(pair) != 2:
            raise invalid(f"{field}[{index}]", self._pair, pair, requirement)
        name, value = pair
        if type(name) is bytes and name in self._rule_of:
            rule = self._rule_of[name]
        else:
            rule = self._check_name(name, f"{field}[{index}][0]", requirement)
        if not issubclass(type(value), bytes) or not (value.isalnum() or self._is_value(value)):
            own = self._value.requirement or requirement
            raise invalid(f"{field}[{index}][1]", self._value.expected, value, own)
        if rule is not None and not rule.allows(value):
            raise rule.error(f"{field}[{index}]", pair)
        if rule is not None and rule.once:
            return rule  # not remembered, for it would not be counted
        if name not in _NEVER_CACHED and len(name) + len(value) <= _CACHED_LENGTH:
            if len(self._good) >= _CACHE_SIZE:
                self._good.clear()
            self._good.add((bytes(name), bytes(value)))
        return rule

    def _check_name(self, name: Any, path: str, requirement: str) -> _CompiledRule | None:
        if not issubclass(type(name), bytes) or self._is_name(name) is None:
            raise invalid(path, self._name.expected, name, self._name.requirement or requirement)
        rule = next((rule for rule in self._rules if rule.names(name)), None)
        if len(name) <= _CACHED_LENGTH:
            if len(self._rule_of) >= _CACHE_SIZE:
                self._rule_of.clear()
            self._rule_of[bytes(name)] = rule
        return rule


class _CompiledRule:
    def __init__(self, rule: FieldRule) -> None:
        self._rule = rule
        self.names = re.compile(rule.name).fullmatch
        # Without a pattern no value is allowed: `(?!)` matches nothing.
        self.allows = re.compile(rb"(?!)" if rule.value is None else rule.value).fullmatch
        self.once = rule.once

    def error(self, path: str, pair: Any) -> InvalidMessage:
        return invalid(path, self._rule.expected, tuple(pair), self._rule.requirement)
