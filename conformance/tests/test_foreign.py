"""Judging the layers of others: what counts, what the page says, and that each failure can be shown without us."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from seaway.conformance.cases import all_cases
from seaway.conformance.foreign import fairness, harness, marks, page
from seaway.conformance.foreign.adapter import NothingKeptError, NotOfferedError
from seaway.conformance.foreign.brokers import ForeignError
from seaway.conformance.foreign.fairness import fair
from seaway.conformance.foreign.judge import FOREIGN, OURS
from seaway.conformance.foreign.promises import DEVIATIONS, OWN_PROMISES, PROMISES
from seaway.conformance.foreign.reproduce.__main__ import Script, scripts
from seaway.conformance.runner import Result, Verdict
from seaway.conformance.suites import LAYER

DOCS = Path(__file__).parents[2] / "docs"
REPRODUCE = Path(harness.__file__).parent / "reproduce"

needs_channels = pytest.mark.skipif(find_spec("channels") is None, reason="channels is not installed")


def result(identifier: str, verdict: Verdict = "fail", details: str = "", case: str = "layer.case") -> Result:
    return Result(case, "asyncio", (identifier,), verdict, "what happened", details)


def published() -> list[dict[str, Any]]:
    reports: list[dict[str, Any]] = json.loads((DOCS / "conformance.json").read_text(encoding="utf-8"))
    return reports


def test_every_requirement_and_test_that_is_judged_apart_exists() -> None:
    known = {*LAYER.requirements(), *(case.name for case in all_cases())}
    assert fairness.ADAPTER.keys() <= known
    assert fairness.NEEDS_KEEPING.keys() <= known
    assert {*fairness.REASONS, *PROMISES} <= known
    pairs = {*fairness.LAYER_REASONS, *OWN_PROMISES, *DEVIATIONS}
    assert {layer for layer, _ in pairs} <= set(FOREIGN)
    assert {identifier for _, identifier in pairs} <= known


def test_what_is_not_promised_is_not_offered_and_what_was_seen_is_kept() -> None:
    judged = fair("Core", result("MSG-021"))
    assert judged.verdict == "not offered"
    assert judged.message.startswith(fairness.NOT_PROMISED)
    assert "seen: what happened" in judged.message


def test_what_the_old_interface_has_not_is_not_offered() -> None:
    details = f"x.{NotOfferedError.__name__}: Error: no such thing\n"
    assert fair("Core", result("LAY-054", details=details)).verdict == "not offered"


def test_what_is_promised_stays_a_failure() -> None:
    assert fair("Core", result("LAY-081")).verdict == "fail"


def test_what_one_layer_promises_another_need_not() -> None:
    assert fair("PubSub", result("LAY-081")).verdict == "not offered"


def test_what_passes_stays_a_pass_but_what_the_adapter_does_says_nothing() -> None:
    assert fair("Core", result("MSG-021", "pass")).verdict == "pass"
    assert fair("Core", result("LAY-022", "pass")).verdict == "not offered"


def test_what_nobody_waits_for_is_lost_once_and_blocks_the_rest() -> None:
    details = f"x.{NothingKeptError.__name__}: lost\n"
    assert fair("PubSub", result("LAY-043", "crash", details)).verdict == "fail"
    assert fair("PubSub", result("MSG-014", "crash", details)).verdict == "blocked"


def test_a_package_that_is_missing_is_named() -> None:
    with pytest.raises(ForeignError, match="no_such_layer is missing: pip install channels"):
        harness.imported("no_such_layer")


def test_the_page_is_that_of_the_published_reports() -> None:
    assert (DOCS / "conformance.md").read_text(encoding="utf-8") == page.page(published())


def test_the_published_reports_are_whole_and_of_all_layers() -> None:
    reports = published()
    assert [report["layer"]["name"] for report in reports] == [*OURS, *FOREIGN]
    for report in reports:
        assert report["finished"]
        assert not report["partial"]
        assert report["layer"]["versions"]


def test_every_published_failure_has_a_script_and_a_promise() -> None:
    assert page.unexplained(published()) == []


def test_our_own_layers_fail_nowhere() -> None:
    ours = published()[0]
    assert [line for line in ours["requirements"] if line["verdict"] in marks.BROKEN] == []


@pytest.mark.parametrize("path", sorted(REPRODUCE.glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_a_script_uses_the_foreign_package_and_nothing_of_ours(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    imported += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    foreign = {"channels", "channels_redis", "channels_nats", "redis"}
    assert {name.partition(".")[0] for name in imported} <= {*sys.stdlib_module_names, *foreign}


def test_every_script_names_its_layer_and_requirements() -> None:
    found = list(scripts())
    assert len(found) == len(list(REPRODUCE.glob("[a-z]*.py")))
    assert all(script.ids and script.layer in FOREIGN for script in found)


@needs_channels
@pytest.mark.parametrize("script", [one for one in scripts() if one.layer == "InMemory"], ids=lambda one: one.name)
def test_a_failure_of_the_in_memory_layer_is_reproduced(script: Script) -> None:
    words = [sys.executable, "-m", f"seaway.conformance.foreign.reproduce.{script.name}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "expected: " in done.stdout
    assert "seen" in done.stdout
