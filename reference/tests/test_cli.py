"""The command ``seaway``: what it prints, and that an error is one line and exit code 2."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import jsonschema
import pytest
from click.testing import CliRunner, Result

from seaway.reference.cli import main
from seaway.reference.cli.serve import load
from seaway.spec import schemas

APPLICATION = """
from seaway.reference import SyncConsumer

class Hello(SyncConsumer):
    def http_request(self, message):
        self.respond(200, "Hello from here")
"""


def run(*arguments: str, given: str | bytes | None = None) -> Result:
    result = CliRunner().invoke(main, arguments, input=given)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def failure(*arguments: str, given: str | None = None) -> str:
    """The one line that a failing command prints."""
    result = run(*arguments, given=given)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("seaway: ")
    return result.stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current directory; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


# -- the group --------------------------------------------------------------------------------------------------------


def test_alone_it_shows_its_commands_and_an_example() -> None:
    result = run()
    assert result.exit_code == 0
    assert "seaway demo" in result.stdout
    for command in ("serve", "demo", "schema", "validate"):
        assert re.search(rf"^  {command} ", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("command", ["serve", "demo", "schema", "validate"])
def test_each_command_shows_an_example(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert re.search(rf"^    .*seaway {command}", result.stdout, re.MULTILINE)


def test_a_mistyped_command_is_answered_with_the_nearest() -> None:
    assert "no command is named 'sreve'; did you mean 'serve'?" in failure("sreve")


def test_a_wrong_option_is_one_line_that_names_the_help() -> None:
    assert "seaway serve --help" in failure("serve", "--prot", "80")


def test_a_command_that_cannot_be_imported_does_not_stand_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint, EntryPoints

    broken = EntryPoint("broken", "seaway.not_there:command", "seaway.commands")
    monkeypatch.setattr("seaway.reference.cli.entry_points", lambda **select: EntryPoints([broken]).select(**select))

    assert "not available" in run().stdout
    assert "'broken' cannot be loaded: No module named 'seaway.not_there'" in failure("broken", "--some", "option")


# -- seaway schema ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type", schemas.types())
def test_schema_prints_a_schema_that_stands_alone(type: str) -> None:
    result = run("schema", type)
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    jsonschema.Draft202012Validator.check_schema(printed)
    assert printed == schemas.schema(type)


def test_schema_of_an_unknown_type_suggests_some() -> None:
    assert "did you mean http.response or" in failure("schema", "http.respons")
    assert "there are: " in failure("schema", "zzz")


# -- seaway validate --------------------------------------------------------------------------------------------------

GOOD = '{"type": "websocket.send", "text": "hi"}'


def test_validate_counts_valid_messages(tmp_path: Path) -> None:
    file = tmp_path / "messages.jsonl"
    file.write_text(f'{GOOD}\n\n{{"type": "my.own", "data": {{"$bytes": "AAE="}}}}\r\n{GOOD}')
    result = run("validate", str(file))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "3 messages, none invalid\n", "")


def test_validate_says_line_field_and_requirement_of_each_invalid_message() -> None:
    lines = [
        GOOD,
        '{"type": "websocket.send"}',
        '{"type": "http.response", "status": 200, "headers": [["name", {"$bytes": ""}]]}',
        "{not json",
        '{"type": "my.own", "number": NaN}',
        '["no", "object"]',
    ]
    result = run("validate", "-", given="\n".join(lines))

    assert result.exit_code == 2
    assert result.stdout == "6 messages, 5 invalid\n"
    errors = result.stderr.splitlines()
    assert [re.match(r"<stdin>:(\d+): ", error)[1] for error in errors] == ["2", "3", "4", "5", "6"]  # type: ignore[index]
    assert "headers[0][0]: expected" in errors[1]
    assert all(re.search(r"\([A-Z]+-\d{3}\)$", error) for error in errors)


def test_validate_survives_bytes_that_are_no_text() -> None:
    result = run("validate", "-", given=b'{"type": "a.b"}\n{"type": "\xff"}\n')
    assert result.exit_code == 2
    assert "<stdin>:2: " in result.stderr
    assert "UTF-8" in result.stderr


def test_validate_of_a_missing_file() -> None:
    assert "No such file" in failure("validate", "/nowhere/messages.jsonl")


CONNECT = (
    '{"direction": "to-consumer", "message": {"type": "websocket.connect", "path": "/", '
    '"raw_path": {"$bytes": "Lw=="}, "http_version": "1.1", "headers": [], "extensions": {"interface": "1.0"}}}'
)
ACCEPT = '{"direction": "from-consumer", "message": {"type": "websocket.accept"}}'
CLOSE = '{"direction": "from-consumer", "message": {"type": "websocket.close"}}'
GONE = '{"direction": "to-consumer", "message": {"type": "websocket.disconnect", "code": 1001}}'


def test_validate_of_a_good_exchange() -> None:
    lines = [CONNECT, ACCEPT, '{"event": "returned"}', CLOSE, "", GONE.replace('"code"', '"reason": "\u2028", "code"')]
    result = run("validate", "--exchange", "-", given="\n".join(lines))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "5 lines, no violation\n", "")


def test_validate_says_line_and_requirement_of_each_violation_in_an_exchange(tmp_path: Path) -> None:
    file = tmp_path / "recorded.jsonl"
    file.write_text("\n".join([CONNECT, CLOSE, ACCEPT, ACCEPT, GONE, GONE]))
    result = run("validate", str(file), "--exchange")

    assert result.exit_code == 1
    assert result.stdout == "6 lines, 3 violations\n"
    assert [re.sub(r": .* \(", ": (", line) for line in result.stderr.splitlines()] == [
        f"{file}:2: (WS-018)",
        f"{file}:4: (WS-015)",
        f"{file}:6: (CON-047)",
    ]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("{", "line 1: not JSON"),
        (f"{CONNECT}\n[1]", "line 2: expected"),
        (ACCEPT, "put {"),
        ("\n", "got nothing"),
    ],
)
def test_validate_of_what_is_no_exchange_is_one_line(given: str, complaint: str) -> None:
    assert complaint in failure("validate", "--exchange", "-", given=given)


def test_validate_of_an_exchange_that_is_not_text() -> None:
    result = run("validate", "--exchange", "-", given=b"\xff")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "utf-8" in result.stderr


# -- seaway serve -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("example", "expected MODULE:APPLICATION"),
        (":application", "expected MODULE:APPLICATION"),
        ("example:", "expected MODULE:APPLICATION"),
        ("not_there_at_all:application", "No module named 'not_there_at_all'"),
        ("json:no_such", "has no attribute 'no_such'"),
        ("json:__name__", "is str: expected a callable"),
    ],
)
def test_serve_says_why_an_application_cannot_be_had(target: str, complaint: str) -> None:
    assert complaint in failure("serve", target)


def test_serve_says_where_an_import_failed(folder: Path) -> None:
    (folder / "broken_application.py").write_text("x = 1\ny = x / 0\n")
    line = failure("serve", "broken_application:x")
    assert "ZeroDivisionError" in line
    assert "broken_application.py, line 2" in line


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--uds", "x.sock", "--port", "80"], "--uds is instead of"),
        (["--uds", "x.sock", "--host", "::1"], "--uds is instead of"),
        (["--grace", "0"], "--grace"),
        (["--port", "65536"], "--port"),
        (["--backend", "twisted"], "--backend"),
        (["--set", "send_timout=5"], "no setting is named 'send_timout'; did you mean send_timeout?"),
        (["--set", "mailbox.layer_mesages=5"], "did you mean mailbox.layer_messages?"),
        (["--set", "send_timeout"], "--set send_timeout: expected a number that send_timeout takes"),
        (["--set", "send_timeout=-1"], "--set send_timeout=-1: expected a number that send_timeout takes"),
        (["--set", "max_consumers=1.5"], "--set max_consumers=1.5: expected a number that max_consumers takes"),
        (["--allow-origin", "https://example.org/"], "without a path"),
        (["--allow-origin", "example.org"], "expected scheme://host"),
        (["--layer", "carrier-pigeon://loft"], "--layer carrier-pigeon://loft"),
        (["--layer", "memory://x?capacity=many"], "--layer memory://x?capacity=many"),
    ],
)
def test_serve_refuses_options_that_make_no_sense(options: list[str], complaint: str) -> None:
    assert complaint in failure("serve", "json:loads", *options)


def test_the_application_is_looked_for_in_the_current_directory(folder: Path) -> None:
    (folder / "my_application.py").write_text(APPLICATION)
    assert load("my_application:Hello").__module__ == "my_application"
    assert load("my_application:Hello.http_request").__name__ == "http_request"


@contextmanager
def process(*arguments: str, cwd: Path) -> Iterator[Any]:
    command = [sys.executable, "-m", "seaway.reference", *arguments]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    started = subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield started
    finally:
        started.kill()
        started.wait()
        assert started.stdout is not None
        started.stdout.close()


def listening(started: Any) -> str:
    """The URL that a server tells when it listens."""
    lines = []
    for line in started.stdout:
        lines.append(line)
        if match := re.search(r"http://127\.0\.0\.1:\d+", line):
            return match.group()
    raise AssertionError("".join(lines))


@pytest.mark.parametrize("backend", ["asyncio", "uvloop", "trio"])
def test_serve_serves_logs_and_ends_in_order_on_a_signal(tmp_path: Path, backend: str) -> None:
    (tmp_path / "my_application.py").write_text(APPLICATION)
    arguments = ["my_application:Hello", "--port", "0", "--backend", backend, "--layer", "memory://cli"]
    with process("serve", *arguments, cwd=tmp_path) as started:
        url = listening(started)
        with urlopen(f"{url}/some/path") as response:
            assert response.read() == b"Hello from here"
        started.send_signal(signal.SIGTERM)
        rest = started.stdout.read()
        assert started.wait(30) == 0
    assert "/some/path" in rest, "the access log is on"
    assert "Traceback" not in rest


@pytest.mark.parametrize(("base", "define", "call"), [("Consumer", "async def", "await "), ("SyncConsumer", "def", "")])
def test_serve_with_check_logs_what_breaks_the_specification(tmp_path: Path, base: str, define: str, call: str) -> None:
    (tmp_path / "twice.py").write_text(
        f"from seaway.reference import {base}\n"
        f"class Twice({base}):\n"
        f"    {define} http_request(self, message):\n"
        f"        {call}self.respond(200, 'first')\n"
        f"        {call}self.respond(200, 'second')\n"
    )
    with process("serve", "twice:Twice", "--port", "0", "--check", "--no-access-log", cwd=tmp_path) as started:
        url = listening(started)
        with urlopen(url) as response:
            assert response.read() == b"first"
        started.send_signal(signal.SIGTERM)
        rest = started.stdout.read()
        assert started.wait(30) == 0
    told = re.findall(r"the (\w+) broke (\S+): ", rest)
    assert told == [("application", "HTTP-026")]


def test_an_address_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with process("demo", "--no-browser", "--port", "0", cwd=tmp_path) as first:
        port = listening(first).rpartition(":")[2]
        with process("demo", "--no-browser", "--port", port, cwd=tmp_path) as second:
            output = second.stdout.read()
            assert second.wait(30) == 2
    assert output.count("\n") == 1
    assert re.match(rf"seaway: cannot listen on 127\.0\.0\.1:{port}: ", output)


def test_an_application_that_does_not_start_is_told(tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(
        "from seaway.reference import SyncConsumer\n"
        "class Failing(SyncConsumer):\n"
        "    def lifespan_startup(self, message):\n"
        "        raise RuntimeError('no water in the harbour')\n"
    )
    with process("serve", "failing:Failing", "--port", "0", cwd=tmp_path) as started:
        output = started.stdout.read()
        assert started.wait(30) == 2
    assert "RuntimeError: no water in the harbour" in output
    assert re.match("seaway: the application raised at lifespan.startup.*traceback is above", output.splitlines()[-1])


def test_the_demo_tells_its_address_and_serves_its_page(tmp_path: Path) -> None:
    with process("demo", "--no-browser", "--port", "0", cwd=tmp_path) as started:
        with urlopen(f"{listening(started)}/") as response:
            assert "<title>Seaway demo</title>" in response.read().decode()
        started.send_signal(signal.SIGINT)
        assert started.wait(30) == 0
