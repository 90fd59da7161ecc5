"""What somebody sees whose server is wrong from the start: one clear message within seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(600)  # a busy machine takes minutes for what takes seconds
OURS = "{python} -m seaway.reference serve {application} --host {host} --port {port}"

SERVERS = '''
"""Servers that are wrong from the start: `python servers.py KIND APPLICATION PORT`."""
import http.server, signal, socketserver, sys, time

kind, application, port = sys.argv[1:]
if kind == "exits":
    sys.exit("no water in the harbour")
if kind == "never listens":
    time.sleep(3600)
if kind == "listens elsewhere":
    port = 0
if kind == "ignores SIGTERM":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if kind == "dies at the first request":
    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            if self.request.recv(1):
                print("the mast has broken", flush=True)
                __import__("os")._exit(3)
    socketserver.TCPServer(("127.0.0.1", int(port)), Handler).serve_forever()
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(port), bind="127.0.0.1")
'''


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the suite as somebody does who has it installed; return exit code and output."""
    roots = [str(ROOT / name) for name in ("spec", "layers", "reference", "conformance")]
    command = [sys.executable, "-c", "from seaway.conformance.cli import conformance; conformance()", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(roots), "PYTEST_ADDOPTS": "-p no:hypothesispytest"}
    environment.pop("PYTEST_XDIST_WORKER", None)
    done = subprocess.run([*command, "-q"], cwd=folder, env=environment, capture_output=True, text=True, timeout=500)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "servers.py").write_text(SERVERS)
    return tmp_path


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("{pyton} serve {application} {port}", "has a placeholder {pyton}; did you mean {python}?"),
        ("", "the server command '' has no {application}"),
        ("{python} serve {port}", "has no {application}, module:attribute of the application to serve"),
        ("{python} serve {application}", "has no {port}, the port to listen on"),
        ("{python} 'serve {application} {port}", "cannot be read: No closing quotation"),
        ("{python} serve {application} --port={port} x{settings}", "{settings} must be a word of its own"),
        ("no-such-server {application} {port}", "there is no program 'no-such-server'"),
    ],
)
def test_a_command_that_cannot_be_run_is_one_line(folder: Path, command: str, expected: str) -> None:
    code, output = run(folder, f"--server={command}")
    assert code == 4
    assert expected in output
    assert len(output.strip().splitlines()) == 1, output


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("offer = ['http']", "'offer' is not known; did you mean 'offers'?"),
        ("offers = ['htpp']", "offers: 'htpp' is not known; did you mean 'http'?"),
        ("offers = 'http'", "offers: expected a list, got the text 'http'"),
        ("flavour = 'both'", "flavour: 'both' is not known; there are async, sync"),
        ("[settings]\ngrase = '--grace {value}'", "settings: 'grase' is not known; did you mean 'grace'?"),
        ("[settings]\ngrace = '--grace'", "settings.grace: expected {value} in '--grace'"),
        ("""[settings]\ngrace = '--grace "{value}'""", "cannot be read: No closing quotation"),
        ("""[variants]\nfast = '--loop "fast'""", "cannot be read: No closing quotation"),
        ("offers = ['layer']", "it offers 'layer': expected layer = "),
        ("offers = 3", "offers: expected a list, got 3"),
        ("[signals]", "expected a table [signals] with at least one line"),
        ("layer = '--layer'", "layer: expected {layer} in '--layer'"),
        ("[signals]\nstop = 'SIGTREM'", "signals.stop: 'SIGTREM' is not known; did you mean 'SIGTERM'?"),
        ("[variants]", "expected a table [variants] with at least one line"),
        ("offers = [", "is no TOML"),
    ],
)
def test_a_profile_that_is_not_right_is_one_line(folder: Path, text: str, expected: str) -> None:
    (folder / "profile.toml").write_text(text)
    code, output = run(folder, f"--server={OURS}", "--server-profile=profile.toml")
    assert code == 4
    assert expected in output
    assert len(output.strip().splitlines()) == 1, output


def test_a_profile_that_is_not_there_is_one_line_that_names_those_that_are(folder: Path) -> None:
    code, output = run(folder, f"--server={OURS}", "--server-profile=seawy")
    assert code == 4
    assert "--server-profile=seawy: No such file or directory" in output
    assert "seaway" in output


def test_a_layer_and_a_server_are_two_runs(folder: Path) -> None:
    code, output = run(folder, f"--server={OURS}", "--layer=memory://x")
    assert code == 4
    assert "--layer and --server are two suites" in output


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("exits", "ended by itself with exit code 1"),
        ("never listens", "accepted no connection at 127.0.0.1:"),
        ("listens elsewhere", "accepted no connection at 127.0.0.1:"),
        ("dies at the first request", "ended by itself with exit code 3"),
        ("answers by itself", "no consumer was called within"),
        ("ignores SIGTERM", "no consumer was called within"),
    ],
)
def test_a_server_that_does_not_serve_is_one_cause_and_is_gone_afterwards(
    folder: Path, kind: str, expected: str
) -> None:
    command = f"{{python}} {folder / 'servers.py'} '{kind}' {{application}} {{port}}"
    code, output = run(folder, f"--server={command}", "--timescale=0.4")
    assert code == 1, output
    assert expected in output
    assert "nothing else was tried on server" in output
    assert "conforms" not in output.replace("does not conform", "")
    assert output.count("FAILED") == 1
    assert str(folder / "servers.py") not in processes(), "a server was left behind"


def processes() -> str:
    """Return the command lines of all processes."""
    found = ""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it may end while this looks
            found += path.read_bytes().replace(b"\0", b" ").decode(errors="replace") + "\n"
    return found


def test_what_a_server_wrote_before_it_ended_is_shown(folder: Path) -> None:
    command = f"{{python}} {folder / 'servers.py'} exits {{application}} {{port}}"
    _, output = run(folder, f"--server={command}")
    assert "no water in the harbour" in output


def test_a_part_of_a_run_has_a_valid_report_and_earns_no_profile(folder: Path) -> None:
    code, output = run(folder, f"--server={OURS}", "-k", "smoke and uvloop and not sync", "--report=report.json")
    assert code == 0, output
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    schema = json.loads((files("seaway.conformance") / "report.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(report, schema)
    assert report["server"]["target"] == OURS
    assert report["partial"] is True
    assert set(report["profiles"].values()) == {"incomplete", "not run", "not offered"}
    assert {test["subject"] for test in report["tests"]} == {"uvloop"}


def test_a_known_failure_must_be_of_a_server(folder: Path) -> None:
    (folder / "known.txt").write_text("LAY-045 because")
    code, output = run(folder, f"--server={OURS}", "--known-failures=known.txt")
    assert code == 4
    assert "LAY-045 is no requirement of a server" in output
