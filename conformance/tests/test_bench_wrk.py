"""What `wrk` prints, as the benchmark reads it."""

import pytest

from seaway.conformance.bench import wrk
from seaway.conformance.bench.errors import BenchError

CLEAN = """\
Running 2s test @ http://127.0.0.1:8123/
  1 threads and 50 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.96ms    1.18ms  27.89ms   95.10%
    Req/Sec    17.17k     1.60k   18.37k    90.00%
  34166 requests in 2.01s, 4.63MB read
Requests/sec:  17012.35
Transfer/sec:      2.30MB
"""


def test_counts_and_rate_are_read() -> None:
    assert wrk.parse(CLEAN) == wrk.WrkResult(requests=34166, requests_per_second=17012.35)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("  Non-2xx or 3xx responses: 12\n", "12 of 34166 responses"),
        ("  Socket errors: connect 0, read 7, write 0, timeout 1\n", "read 7"),
    ],
)
def test_a_run_with_errors_is_no_figure(line: str, told: str) -> None:
    output = CLEAN.replace("Requests/sec", line + "Requests/sec")

    with pytest.raises(BenchError, match=told):
        wrk.parse(output)


def test_a_run_without_an_answer_is_no_figure() -> None:
    output = CLEAN.replace("34166 requests", "0 requests").replace("17012.35", "0.00")

    with pytest.raises(BenchError, match="no request was answered"):
        wrk.parse(output)


def test_another_programs_output_is_shown_and_refused() -> None:
    with pytest.raises(BenchError, match="unable to connect"):
        wrk.parse("unable to connect to 127.0.0.1:1 Connection refused\n")
