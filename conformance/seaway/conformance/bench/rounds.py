"""The rounds: everything once, then everything again.

A busy moment of the machine so touches one round of several scenarios, which a median forgives, and not all
rounds of one. Who begins changes from round to round.
"""

from collections.abc import Callable, Sequence

import attrs

from seaway.conformance.bench.errors import BenchError
from seaway.conformance.bench.report import Entry, Outcome, Sample
from seaway.conformance.bench.scenarios import Contender, Scenario

Progress = Callable[[str], None]


@attrs.define
class _Record:
    contender: Contender
    samples: list[Sample] = attrs.field(factory=list)
    failure: str | None = None

    def measure(self, seconds: float) -> None:
        # Who failed once takes no further part: its remaining rounds would belong to other moments than ours.
        if self.failure is not None:
            return
        try:
            self.samples.append(self.contender.measure(seconds))
        except BenchError as error:
            self.failure = str(error)

    def entry(self) -> Entry:
        return Entry(self.contender.name, self.contender.role, tuple(self.samples), self.failure)


def run(scenarios: Sequence[Scenario], rounds: int, seconds: float, progress: Progress) -> tuple[Outcome, ...]:
    """Measure every contender of every scenario `rounds` times; tell `progress` before each."""
    records = [[_Record(contender) for contender in scenario.contenders] for scenario in scenarios]
    for number in range(rounds):
        for scenario, contenders in zip(scenarios, records, strict=True):
            if any(record.failure for record in contenders if record.contender.role == "ours"):
                continue  # Without us there is nothing to compare.
            first = number % len(contenders)
            for record in contenders[first:] + contenders[:first]:
                progress(f"round {number + 1} of {rounds} · {scenario.label} · {record.contender.name}")
                record.measure(seconds)
    return tuple(_outcome(scenario, mine) for scenario, mine in zip(scenarios, records, strict=True))


def _outcome(scenario: Scenario, records: Sequence[_Record]) -> Outcome:
    entries = tuple(record.entry() for record in records)
    return Outcome(scenario.work, scenario.name, scenario.title, scenario.metrics, scenario.goals, entries)
