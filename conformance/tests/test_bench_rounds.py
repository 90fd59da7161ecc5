"""Turns: who is measured when, and what a failure costs."""

from seaway.conformance.bench import rounds
from seaway.conformance.bench.errors import BenchError
from seaway.conformance.bench.report import Entry, Role, Sample
from seaway.conformance.bench.scenarios import PER_SECOND, Contender, Scenario


class Journal:
    """Contenders that write down their turns."""

    def __init__(self) -> None:
        self.turns: list[str] = []

    def contender(self, name: str, *, role: Role = "peer", fails_at: int = 0) -> Contender:
        def measure(seconds: float) -> Sample:
            self.turns.append(name)
            if self.turns.count(name) == fails_at:
                raise BenchError(f"{name} went away")
            return {"per_second": float(self.turns.count(name))}

        return Contender(name, role, measure)


def scenario(work: str, *contenders: Contender) -> Scenario:
    return Scenario(work, "small", "a little", (PER_SECOND,), (), contenders)


def test_contenders_alternate_and_each_round_begins_with_another() -> None:
    journal = Journal()
    three = scenario("P1", *map(journal.contender, "abc"))

    rounds.run([three], 3, 1.0, lambda what: None)

    assert "".join(journal.turns) == "abc" + "bca" + "cab"


def test_a_round_goes_through_all_scenarios() -> None:
    journal = Journal()
    first, second = scenario("P1", journal.contender("a")), scenario("P2", journal.contender("b"))

    rounds.run([first, second], 2, 1.0, lambda what: None)

    assert "".join(journal.turns) == "abab"


def test_who_fails_keeps_its_samples_and_takes_no_further_part() -> None:
    journal = Journal()
    pair = scenario("P1", journal.contender("a", role="ours"), journal.contender("b", fails_at=2))

    (outcome,) = rounds.run([pair], 3, 1.0, lambda what: None)

    assert outcome.entries == (
        Entry("a", "ours", ({"per_second": 1.0}, {"per_second": 2.0}, {"per_second": 3.0})),
        Entry("b", "peer", ({"per_second": 1.0},), "b went away"),
    )


def test_a_scenario_in_which_we_failed_is_not_gone_on_with() -> None:
    journal = Journal()
    lost = scenario("P1", journal.contender("a", role="ours", fails_at=1), journal.contender("b"))
    kept = scenario("P2", journal.contender("c", role="ours"))

    rounds.run([lost, kept], 2, 1.0, lambda what: None)

    assert "".join(journal.turns) == "abc" + "c"


def test_progress_is_told_before_each_turn() -> None:
    journal = Journal()
    told: list[tuple[str, int]] = []

    rounds.run([scenario("P1", journal.contender("a"))], 2, 1.0, lambda what: told.append((what, len(journal.turns))))

    assert told == [("round 1 of 2 · P1 small · a", 0), ("round 2 of 2 · P1 small · a", 1)]
