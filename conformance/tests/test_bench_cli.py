"""`seaway bench` as it is called."""

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from seaway.conformance.bench import cli, scenarios, works
from seaway.conformance.bench.report import SCHEMA_FILE


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


def test_a_tiny_round_of_p1_prints_ratios_and_writes_a_report(runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "report.json"

    result = runner.invoke(cli.bench, ["P1", "--rounds", "1", "--seconds", "0.1", "--json", str(file)])

    assert result.exit_code == 0, result.output
    assert "asyncio.Queue" in result.stdout
    assert "not to be quoted" in result.stdout
    report = json.loads(file.read_bytes())
    jsonschema.validate(report, json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    assert {outcome["work"] for outcome in report["outcomes"]} == {"P1"}


def test_a_layer_of_a_third_party_takes_part_and_its_failure_is_told(runner: CliRunner) -> None:
    result = runner.invoke(cli.bench, ["P2", "--rounds", "1", "--seconds", "0.1", "--layer", "no.such:Layer"])

    assert result.exit_code == 1
    assert "P2 group: no.such:Layer failed" in result.stdout
    assert "give a URL or a dotted path" in result.stdout


def test_a_server_command_without_its_placeholders_is_refused_at_once(runner: CliRunner) -> None:
    result = runner.invoke(cli.bench, ["P7", "--server", "serve {application}"])

    assert result.exit_code == 2
    assert "has no {port}" in result.stderr


def test_a_missing_peer_is_named_with_the_command_that_installs_it() -> None:
    absent = scenarios.Contender("peer", "peer", lambda seconds: {}, ("no_such_peer",), "pip install peer")

    assert absent.missing() == "peer is missing (no module no_such_peer): install it with `pip install peer`"


def test_every_work_has_scenarios_and_each_of_them_includes_us() -> None:
    every = list(works.scenarios((), ()))

    assert tuple(dict.fromkeys(scenario.work for scenario in every)) == works.WORKS
    for scenario in every:
        assert [contender.role for contender in scenario.contenders].count("ours") == 1


def test_every_goal_names_a_figure_and_peers_that_are_there() -> None:
    for scenario in works.scenarios((), ()):
        metrics = {metric.name for metric in scenario.metrics}
        peers = {contender.name for contender in scenario.contenders if contender.role == "peer"}
        for goal in scenario.goals:
            assert goal.metric in metrics
            assert set(goal.peers) <= peers
