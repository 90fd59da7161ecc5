"""Ratios from samples: our figure divided by another's, round by round, then the median.

A ratio of two medians would compare moments of the machine that have nothing to do with each other.
"""

import statistics
from collections.abc import Iterator

import attrs

from seaway.conformance.bench.report import Entry, Goal, Metric, Outcome


@attrs.frozen
class Figure:
    """The median of one number over the rounds, with the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, numbers: list[float]) -> "Figure":
        """Summarise `numbers`, which must not be empty."""
        return cls(statistics.median(numbers), min(numbers), max(numbers))


@attrs.frozen
class Row:
    """One line of the table. `other` is who ours is divided by; None: `figure` is ours, in `metric.unit`.

    `reached` is None where there is no goal.
    """

    outcome: Outcome
    metric: Metric
    other: str | None
    figure: Figure
    goal: Goal | None
    reached: bool | None


def rows(outcome: Outcome) -> Iterator[Row]:
    """Yield the lines of one scenario: ours beside each other contender, and goals of ours alone."""
    ours = next((entry for entry in outcome.entries if entry.role == "ours"), None)
    if ours is None or not ours.samples:
        return
    for metric in outcome.metrics:
        for other in outcome.entries:
            # What is nothing, as a count of mistakes may be, divides nothing.
            if other is not ours and other.samples and all(sample[metric.name] for sample in other.samples):
                yield _beside(outcome, metric, ours, other)
        yield from _alone(outcome, metric, ours)


def _beside(outcome: Outcome, metric: Metric, ours: Entry, other: Entry) -> Row:
    # A contender that failed has fewer samples than rounds; those it has belong to the first rounds.
    pairs = zip(ours.samples, other.samples, strict=False)
    figure = Figure.of([mine[metric.name] / its[metric.name] for mine, its in pairs])
    goals = (goal for goal in outcome.goals if goal.metric == metric.name and other.name in goal.peers)
    goal = next(goals, None)
    return Row(outcome, metric, other.name, figure, goal, _is_reached(goal, figure))


def _alone(outcome: Outcome, metric: Metric, ours: Entry) -> Iterator[Row]:
    for goal in outcome.goals:
        if goal.metric == metric.name and not goal.peers:
            figure = Figure.of([sample[metric.name] for sample in ours.samples])
            yield Row(outcome, metric, None, figure, goal, _is_reached(goal, figure))


def _is_reached(goal: Goal | None, figure: Figure) -> bool | None:
    if goal is None:
        return None
    if goal.at_least is not None:
        return figure.median >= goal.at_least
    return None if goal.at_most is None else figure.median <= goal.at_most
