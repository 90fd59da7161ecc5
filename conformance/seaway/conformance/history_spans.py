"""Calls by the time in which they ran, found by bisection: a fault run has hundreds of thousands.

Rules of this module: it knows of a call only when it began and ended.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seaway.conformance.history import Call


class Spans:
    """Calls, asked for those that run at some time.

    Args:
        calls: in the order in which they began.
    """

    def __init__(self, calls: Iterable[Call]) -> None:
        every = list(calls)
        self._ended = [call for call in every if call.end < inf]
        self._endless = [call for call in every if call.end == inf]
        self._begins = [call.begin for call in self._ended]
        self._latest = list(accumulate((call.end for call in self._ended), max))
        """When the last of those up to here ended."""

    def between(self, since: float, until: float) -> list[Call]:
        """Return those that began before *until* and ended after *since*, in the order in which they began."""
        some = self._ended[bisect_right(self._latest, since) : bisect_left(self._begins, until)]
        found = [call for call in self._endless if call.begin < until] + [call for call in some if call.end > since]
        return sorted(found, key=lambda call: call.begin)
