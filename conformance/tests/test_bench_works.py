"""P7 as it is run, with a client that is not `wrk` and a small server in the place of a third party's."""

import itertools
import shlex
from pathlib import Path

import pytest

from seaway.conformance.bench import works, wrk
from seaway.conformance.bench.errors import BenchError
from seaway.conformance.bench.processes import ServerProcess, can_account
from seaway.conformance.bench.scenarios import Contender
from seaway.conformance.bench.servers import guest

pytestmark = pytest.mark.skipif(not can_account(), reason="works with servers need Linux's /proc")

SERVER = """\
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(sys.argv[1].encode())

print(sys.argv[2])
http.server.HTTPServer(("127.0.0.1", int(sys.argv[3])), Handler).serve_forever()
"""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float, bool]]:
    made: list[tuple[str, float, bool]] = []

    def run(url: str, seconds: float, *, browser_headers: bool) -> wrk.WrkResult:
        made.append((url.partition("/orders")[0].rpartition(":")[0], seconds, browser_headers))
        return wrk.WrkResult(requests=3000, requests_per_second=1500.0)

    monkeypatch.setattr(wrk, "run", run)
    return made


def contender(folder: Path, answer: str, *, scenario: str) -> Contender:
    script = folder / "small.py"
    script.write_text(SERVER)
    server = guest(f"{{python}} {shlex.quote(str(script))} {shlex.quote(answer)} {{application}} {{port}}")
    (one,) = [one for one in works.scenarios((), (server,)) if (one.work, one.name) == ("P7", scenario)]
    (mine,) = [contender for contender in one.contenders if contender.role == "guest"]
    return mine


def test_a_guest_is_measured_by_wall_and_by_processor_time(
    tmp_path: Path, calls: list[tuple[str, float, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(start=10, step=2)
    monkeypatch.setattr(ServerProcess, "cpu_seconds", lambda self: float(next(clock)))

    sample = contender(tmp_path, "Hello, world!", scenario="plain, browser").measure(2.0)

    assert sample == {"per_second": 1500.0, "per_cpu_second": 1500.0}
    assert calls == [("http://127.0.0.1", 1, True), ("http://127.0.0.1", 2.0, True)]


def test_a_server_that_answers_wrongly_is_not_measured(tmp_path: Path, calls: list[tuple[str, float, bool]]) -> None:
    routed = contender(tmp_path, "Hello, world!", scenario="routed")

    with pytest.raises(BenchError, match="instead of 200 b'Hello, world!17'"):
        routed.measure(2.0)

    assert calls == []
