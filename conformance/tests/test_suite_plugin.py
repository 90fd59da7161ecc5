"""The suite under pytest: how it is called, what it says, and what it writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ROOTS = os.pathsep.join(str(ROOT / name) for name in ("spec", "layers", "reference", "conformance"))
pytestmark = pytest.mark.timeout(600)  # a busy machine takes minutes for what takes seconds
HEALTHY = "--layer=suite_targets:Healthy"


def call(*command: str, cwd: Path = HERE, extra_path: Path = HERE) -> tuple[int, str]:
    path = os.pathsep.join([ROOTS, str(HERE), str(extra_path)])
    environment = {**os.environ, "PYTHONPATH": path, "PYTEST_ADDOPTS": "-p no:cacheprovider -p no:hypothesispytest"}
    environment.pop("PYTEST_XDIST_WORKER", None)
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=500
    )
    return done.returncode, done.stdout + done.stderr


def in_checkout(*arguments: str) -> tuple[int, str]:
    return call("-m", "pytest", str(HERE.parent), "-q", *arguments)


def report_of(path: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    schema = json.loads((files("seaway.conformance") / "report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(report, schema)
    return report


def test_without_layer_only_the_suites_own_tests_are_collected() -> None:
    code, output = in_checkout("--collect-only")
    assert code == 0, output
    assert "tests/test_suite_plugin.py" in output
    assert "layer/test_smoke.py" not in output
    assert "without --layer=… or --server=… only the suite's own tests run" in output


def test_with_layer_only_the_suite_is_collected() -> None:
    code, output = in_checkout(HEALTHY, "--collect-only")
    assert code == 0, output
    assert "layer/test_smoke.py" in output
    assert "tests/test_suite_plugin.py" not in output


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "pytest", str(HERE.parent)),
        ("-m", "pytest", "-p", "seaway.conformance.plugin", "--pyargs", "seaway.conformance.layer"),
        ("-c", "from seaway.conformance.cli import conformance; conformance()"),
    ],
    ids=["checkout", "pyargs", "command"],
)
def test_three_ways_to_call_it(command: tuple[str, ...], tmp_path: Path) -> None:
    code, output = call(
        *command, HEALTHY, "-q", "-k", "smoke or channel_names", cwd=HERE if "pytest" in command else tmp_path
    )
    assert code == 0, output
    assert "incomplete" in output


def test_a_whole_run_conforms_and_its_report_is_valid(tmp_path: Path) -> None:
    code, output = in_checkout(HEALTHY, f"--report={tmp_path / 'report.json'}", "-n", "2")
    assert code == 0, output
    report = report_of(tmp_path / "report.json")
    assert report["partial"] is False
    assert report["profiles"] == {
        "async layer": "conforms",
        "sync layer": "not offered",
        "flush": "conforms",
        "statistics": "conforms",
        "processes": "not offered",
        "faults": "conforms",
    }
    verdicts = {line["id"]: line["verdict"] for line in report["requirements"]}
    assert verdicts["LAY-045"] == "pass"
    assert verdicts["GRP-015"] == "not offered"
    assert verdicts["LAY-068"] == "not tested"
    assert "cancellations that hit a call in flight" in output


def test_a_run_that_was_narrowed_earns_no_profile(tmp_path: Path) -> None:
    code, output = in_checkout(HEALTHY, "-k", "names", f"--report={tmp_path / 'report.json'}")
    assert code == 0, output
    report = report_of(tmp_path / "report.json")
    assert report["partial"] is True
    assert "conforms" not in report["profiles"].values()


def test_a_failure_says_the_requirement_what_happened_and_how_to_run_it_again(tmp_path: Path) -> None:
    code, output = in_checkout("--layer=suite_targets:TakesAStr", "-k", "receiving")
    assert code == 1
    assert "LAY-045 (MUST) `receive` MUST raise `ValueError` when `channels` is empty, or is a `str`." in output
    assert "receive('work', 0) returned (None, None); expected ValueError" in output
    assert (
        "pytest conformance --layer=suite_targets:TakesAStr -k 'test_no_channels_and_a_str_are_refused and asyncio'"
        in output
    )
    assert "LAY-045  fail" in output


def test_a_known_failure_does_not_fail_the_run(tmp_path: Path) -> None:
    known = tmp_path / "known.txt"
    known.write_text("# mine\nLAY-045  https://example.org/12 it was easier\n")
    code, output = in_checkout("--layer=suite_targets:TakesAStr", "-k", "receiving", f"--known-failures={known}")
    assert code == 0, output
    assert "LAY-045  known failure" in output


def test_a_known_failure_that_is_met_fails_the_run(tmp_path: Path) -> None:
    known = tmp_path / "known.txt"
    known.write_text("LAY-045  https://example.org/12 it was easier\n")
    code, output = in_checkout(HEALTHY, "-k", "receiving", f"--known-failures={known}")
    assert code == 1
    assert "LAY-045  unexpected pass" in output


def test_a_bad_list_of_known_failures_is_one_line(tmp_path: Path) -> None:
    known = tmp_path / "known.txt"
    known.write_text("LAY-999 because")
    code, output = in_checkout(HEALTHY, f"--known-failures={known}")
    assert code == 4
    assert "LAY-999 is no requirement of a layer" in output
    assert "Traceback" not in output


def test_a_report_that_cannot_be_written_is_one_line_before_anything_runs(tmp_path: Path) -> None:
    code, output = in_checkout(HEALTHY, f"--report={tmp_path / 'no' / 'report.json'}")
    assert code == 4, output
    assert "report.json: a report cannot be written there: No such file or directory" in output
    assert "Traceback" not in output


def test_a_report_that_can_be_written_no_more_is_said_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    (tmp_path / "removing.py").write_text(
        f"import shutil\ndef pytest_runtest_call(item):\n    shutil.rmtree({str(folder)!r}, ignore_errors=True)\n"
    )
    arguments = (HEALTHY, "-q", "-k", "smoke", f"--report={folder / 'report.json'}", "-p", "removing")
    code, output = call("-m", "pytest", str(HERE.parent), *arguments, extra_path=tmp_path)
    assert code == 3, output
    assert "report.json: the report was not written: No such file or directory" in output
    assert "Traceback" not in output


def test_a_should_warns_and_fails_when_strict() -> None:
    target = "--layer=suite_targets:TakesReplyChannels"
    code, output = in_checkout(target, "-k", "reply_channel")
    assert code == 0, output
    assert "LAY-101  warn" in output
    code, output = in_checkout(target, "-k", "reply_channel", "--strict")
    assert code == 1, output
    assert "LAY-101  fail" in output


def test_two_processes_of_the_afternoon_layer_pass() -> None:
    code, output = in_checkout("--layer=afternoon_harness:AfternoonHarness", "-k", "process or killed or forked")
    assert code == 0, output
    assert "processes    1.0   incomplete" in output
    assert "statistics   1.0   not run" in output
    assert " passed" in output


def test_an_option_that_another_plugin_has_is_left_to_it(tmp_path: Path) -> None:
    (tmp_path / "rival.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--layer', dest='rivals_layer', default='mine')\n"
    )
    (tmp_path / "test_theirs.py").write_text(
        "def test_theirs(pytestconfig):\n    assert pytestconfig.getoption('rivals_layer') == 'theirs'\n"
    )
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {tmp_path}\n")
    plugins = ("-p", "rival", "-p", "seaway.conformance.plugin")
    code, output = call(
        "-m", "pytest", "-q", *plugins, "--layer=theirs", "test_theirs.py", cwd=tmp_path, extra_path=tmp_path
    )
    assert code == 0, output
    assert "1 passed" in output


def test_a_run_that_is_interrupted_has_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "interrupting.py").write_text(
        "def pytest_runtest_setup(item):\n    if 'received' in item.name:\n        raise KeyboardInterrupt\n"
    )
    report = tmp_path / "report.json"
    arguments = (HEALTHY, "-q", f"--report={report}", "-p", "interrupting")
    code, output = call("-m", "pytest", str(HERE.parent), *arguments, extra_path=tmp_path)
    assert code == 2, output
    assert "finished" not in report_of(report)
    assert "profiles" not in report_of(report)


def test_what_is_known_to_fail_now_and_then_fails_no_run_and_conforms_to_nothing(tmp_path: Path) -> None:
    flaky = tmp_path / "flaky.txt"
    flaky.write_text("LAY-045  https://example.org/12 on Tuesdays\n")
    code, output = in_checkout("--layer=suite_targets:TakesAStr", "-k", "receiving", f"--known-flaky={flaky}")
    assert code == 0, output
    assert "LAY-045  flaky" in output
    code, output = in_checkout(HEALTHY, "-k", "receiving", f"--known-flaky={flaky}")
    assert code == 0, output
    assert "flaky" not in output


def test_a_test_whose_process_dies_is_a_crash(tmp_path: Path) -> None:
    (tmp_path / "killing.py").write_text(
        "import os\n"
        "def pytest_runtest_call(item):\n"
        "    if item.name.startswith('test_no_channels_and_a_str_are_refused'):\n"
        "        os.kill(os.getpid(), 9)\n"
    )
    report = tmp_path / "report.json"
    arguments = (HEALTHY, "-q", "-n", "2", "-k", "receiving", f"--report={report}", "-p", "killing")
    code, output = call("-m", "pytest", str(HERE.parent), *arguments, extra_path=tmp_path)
    assert code == 1, output
    assert "LAY-045  fail  crash: the process of the suite in which it ran has died" in output
    assert report_of(report)["profiles"]["async layer"] == "does not conform"


def test_a_run_that_is_killed_leaves_a_report_without_a_verdict(tmp_path: Path) -> None:
    (tmp_path / "killing.py").write_text("import os\ndef pytest_runtest_call(item):\n    os.kill(os.getpid(), 9)\n")
    report = tmp_path / "report.json"
    report.write_text("an older one")
    arguments = (HEALTHY, "-q", f"--report={report}", "-p", "killing")
    code, output = call("-m", "pytest", str(HERE.parent), *arguments, extra_path=tmp_path)
    assert code == -9, output
    assert "finished" not in report_of(report)
