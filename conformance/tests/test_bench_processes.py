"""Servers as processes of the benchmark."""

import os
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seaway.conformance.bench.errors import BenchError
from seaway.conformance.bench.processes import can_account, command_line, running, sample_of

# It has a child, as servers with workers have, tells who both are, and answers nobody.
SERVER = """\
import os, socket, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
listener = socket.create_server(("127.0.0.1", int(sys.argv[2])))
with open(sys.argv[1] + ".part", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + ".part", sys.argv[1])
while True:
    time.sleep(600)
"""


@pytest.fixture
def template(tmp_path: Path) -> str:
    script = tmp_path / "a server.py"
    script.write_text(SERVER)
    return f"{{python}} {shlex.quote(str(script))} {{application}} {{port}}"


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_placeholders_are_filled_in_and_values_are_not_split() -> None:
    words = command_line("{python} -m 'my server' --to={host}:{port} {application}", "a b:c", 8000)

    assert words == [sys.executable, "-m", "my server", "--to=127.0.0.1:8000", "a b:c"]


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("serve {port}", r"has no \{application\}"),
        ("serve {application}", r"has no \{port\}"),
        ("serve {application} {port} {nonsense}", "has a placeholder {nonsense}; there are python"),
        ("serve {application} {port} 'unclosed", "No closing quotation"),
    ],
)
def test_a_template_that_cannot_work_is_refused(template: str, told: str) -> None:
    with pytest.raises(BenchError, match=told):
        command_line(template, "a:b", 8000)


@pytest.mark.skipif(not can_account(), reason="the processes of a session are read from Linux's /proc")
def test_a_server_accepts_inside_the_block_and_is_gone_with_its_children_after_it(
    template: str, tmp_path: Path
) -> None:
    told = tmp_path / "pids"

    with running(template, str(told)) as server:
        socket.create_connection((server.host, server.port), timeout=5).close()
        while not told.exists():
            os.sched_yield()
        pids = [int(word) for word in told.read_text().split()]
        both, one = server.resident_bytes(), next(iter(pids))
        cpu = server.cpu_seconds()

    assert server.session == one
    # Two interpreters: what a single one holds is below, and what both hold is far above, a few megabytes.
    assert both > 8 * 1024**2
    assert cpu > 0
    # The child is not ours to wait for: it has been told to go, and goes when the system gets to it.
    deadline = time.monotonic() + 60
    while any(is_alive(pid) for pid in pids) and time.monotonic() < deadline:
        os.sched_yield()
    assert [is_alive(pid) for pid in pids] == [False, False]


def test_a_server_that_ends_at_once_is_explained_with_its_output() -> None:
    template = "{python} -c 'print(\"no such option\"); raise SystemExit(3)' {application} {port}"

    with pytest.raises(BenchError, match=r"exit code 3\)\.\n  no such option"), running(template, "a:b"):
        pytest.fail("it never accepted")


def test_a_program_that_does_not_exist_is_named() -> None:
    template = "/no/such/program {application} {port}"

    with pytest.raises(BenchError, match="/no/such/program"), running(template, "a:b"):
        pytest.fail("it never started")


def test_the_last_words_of_a_process_name_no_folder() -> None:
    done = subprocess.run([sys.executable, "-c", "import json; json.loads('')"], capture_output=True, text=True)
    with pytest.raises(BenchError, match="it ended with exit code 1") as caught:
        sample_of(done, "it")
    assert 'File "decoder.py"' in str(caught.value)
    assert "JSONDecodeError" in str(caught.value)


def test_the_figures_of_a_process_are_what_it_prints() -> None:
    assert sample_of(subprocess.CompletedProcess([], 0, '{"per_second": 2.5}', ""), "it") == {"per_second": 2.5}
