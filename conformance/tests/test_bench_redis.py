"""P3 to P6: the loads move their messages, on ours and on the peers that are installed."""

from __future__ import annotations

import importlib.util

import pytest

from seaway.conformance.bench import redis_load, redis_works
from seaway.conformance.bench.errors import BenchError

NAMES = ["seaway", *(redis_load.PEERS if importlib.util.find_spec("channels_redis") else ())]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("task", ["P4", "P5"])
def test_a_load_measures_what_it_says(task: str, name: str) -> None:
    sample = redis_works.measure(task, name, 0.1)
    assert all(value > 0 for value in sample.values()), sample
    if task == "P4":
        assert sample["p50"] <= sample["p99"]


def test_senders_at_the_same_time_lose_nothing() -> None:
    assert redis_works.measure("P3-20", "seaway", 0.1)["per_second"] > 0


@pytest.mark.parametrize("task", ["P6-1", "P6-16"])
def test_a_work_queue_gives_each_message_to_one_process(task: str) -> None:
    sample = redis_works.measure(task, "seaway", 0.2)
    assert sample["per_second"] > 0
    assert sample["twice"] == 0


def test_what_cannot_be_measured_says_why() -> None:
    with pytest.raises(BenchError, match="seaway ended with exit code"):
        redis_works.measure("P7", "seaway", 0.1)


def test_each_work_has_its_goal() -> None:
    found = {scenario.work: scenario for scenario in redis_works.scenarios()}
    assert list(found) == ["P3", "P4", "P5", "P6"]
    for scenario in found.values():
        assert {goal.metric for goal in scenario.goals} <= {metric.name for metric in scenario.metrics}
