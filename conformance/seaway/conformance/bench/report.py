"""What a run of the benchmark leaves behind: every sample, and what is needed to judge it.

The JSON form is described by `report.schema.json`, so that others can read reports and plot them without us.
"""

from pathlib import Path
from typing import Final, Literal

import attrs
import msgspec

from seaway.conformance.bench.errors import BenchError

Role = Literal["ours", "peer", "guest"]
Sample = dict[str, float]

FORMAT: Final = "seaway-bench-1"
SCHEMA_FILE: Final = Path(__file__).with_name("report.schema.json")


@attrs.frozen
class Metric:
    """A figure that each sample has: its key, a title for tables, its unit, and which way is better."""

    name: str
    title: str
    unit: str
    better: Literal["higher", "lower"]


@attrs.frozen
class Goal:
    """What is to be reached in one metric.

    With `peers`, our figure divided by each peer's is to be at least `at_least`, or at most `at_most`; a peer that
    did not run is not compared. Without, our figure itself is to be at most `at_most`.
    """

    metric: str
    peers: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None


@attrs.frozen
class Entry:
    """One contender in one scenario: a sample for each round, or how it failed."""

    name: str
    role: Role
    samples: tuple[Sample, ...]
    failure: str | None = None


@attrs.frozen
class Outcome:
    """One scenario as it was run."""

    work: str
    name: str
    title: str
    metrics: tuple[Metric, ...]
    goals: tuple[Goal, ...]
    entries: tuple[Entry, ...]


@attrs.frozen
class Machine:
    """Where it ran."""

    processor: str
    cores: int
    memory_bytes: int
    system: str


@attrs.frozen
class Report:
    """A whole run. `date` is ISO 8601 in UTC; `seconds` is the length of one measurement."""

    date: str
    machine: Machine
    python: str
    versions: dict[str, str]
    rounds: int
    seconds: float
    outcomes: tuple[Outcome, ...]
    left_out: tuple[str, ...] = ()
    format: Literal["seaway-bench-1"] = FORMAT

    def to_json(self) -> bytes:
        """Return the JSON form, indented, as UTF-8."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read_report(file: Path) -> Report:
    """Read a report that `--json` wrote.

    Raises:
        BenchError: `file` is no report of this format.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=Report)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        message = f"{file} is no report of the format {FORMAT}: {error}. `seaway bench --json {file}` writes one."
        raise BenchError(message) from error
