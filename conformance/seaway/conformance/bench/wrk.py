"""`wrk`, the HTTP client: its command, its scripts and its output."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs

from seaway.conformance.bench.errors import BenchError

CONNECTIONS: Final = 50
INSTALL: Final = "wrk is missing: install it with `apt install wrk` (or `brew install wrk`)"

_COUNT = re.compile(r"^\s*(\d+) requests in ", re.MULTILINE)
_RATE = re.compile(r"^Requests/sec:\s+([0-9.]+)\s*$", re.MULTILINE)
_REFUSED = re.compile(r"^\s*Non-2xx or 3xx responses: (\d+)", re.MULTILINE)
_SOCKET_ERRORS = re.compile(r"^\s*Socket errors: (.+)$", re.MULTILINE)

# What browsers send to a site they know. The cookie, the referrer and the validator are new in every request,
# and the browser and its languages alternate, so that no cache of header blocks can help.
_BROWSER_SCRIPT = """\
local chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
local safari = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15"
local agents = {
  "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) " .. chrome,
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_6) " .. safari,
}
local languages = {
  "en-GB,en;q=0.8", "fr-FR,fr;q=0.9,en;q=0.5", "de-DE,de;q=0.7", "es-ES,es;q=0.9", "ja,en-US;q=0.6",
}
local number = 0

function request()
  number = number + 1
  return "GET " .. wrk.path .. " HTTP/1.1\\r\\nHost: " .. wrk.headers["Host"]
    .. "\\r\\nUser-Agent: " .. agents[number % #agents + 1]
    .. "\\r\\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    .. "\\r\\nAccept-Language: " .. languages[number % #languages + 1]
    .. "\\r\\nAccept-Encoding: gzip, deflate, br, zstd"
    .. "\\r\\nReferer: http://example.org/pages/" .. number
    .. "\\r\\nCookie: session=c29tZSBsb25nIHNlc3Npb24ga2V5-" .. number .. "; theme=dark"
    .. "\\r\\nIf-None-Match: \\"" .. number .. "-5f2a\\""
    .. "\\r\\nSec-Fetch-Dest: document\\r\\nSec-Fetch-Mode: navigate\\r\\nSec-Fetch-Site: same-origin"
    .. "\\r\\nUpgrade-Insecure-Requests: 1\\r\\n\\r\\n"
end
"""


@attrs.frozen
class WrkResult:
    """What one run of `wrk` counted."""

    requests: int
    requests_per_second: float


def parse(output: str) -> WrkResult:
    """Read `wrk`'s output.

    Raises:
        BenchError: a response was an error, a socket failed, nothing was answered, or this is not from `wrk`.
    """
    count, rate = _COUNT.search(output), _RATE.search(output)
    if count is None or rate is None:
        raise BenchError(f"the output of wrk could not be read: {output!r}")
    refused, failed = _REFUSED.search(output), _SOCKET_ERRORS.search(output)
    if refused is not None:
        raise BenchError(f"{refused[1]} of {count[1]} responses had a status other than 2xx or 3xx.")
    if failed is not None:
        raise BenchError(f"wrk had socket errors: {failed[1]}.")
    if int(count[1]) == 0:
        raise BenchError("no request was answered.")
    return WrkResult(int(count[1]), float(rate[1]))


def is_installed() -> bool:
    """Whether `wrk` is on the path."""
    return shutil.which("wrk") is not None


def version() -> str:
    """Return `wrk`'s version."""
    # It prints its version with its usage, and ends with an error.
    text = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"wrk\s+(?:debian/)?(\S+)", text)
    return "unknown" if found is None else found[1]


def run(url: str, seconds: float, *, browser_headers: bool) -> WrkResult:
    """Load `url` from 50 connections for about `seconds` (whole seconds, at least 1: `wrk` knows no others).

    Raises:
        BenchError: `wrk` failed, or an answer was not what it should be.
    """
    with _script(browser_headers) as script:
        words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", *script, url]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"wrk ended with exit code {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return parse(done.stdout)


@contextmanager
def _script(browser_headers: bool) -> Iterator[list[str]]:
    if not browser_headers:
        yield []
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "browser.lua"
        file.write_text(_BROWSER_SCRIPT, encoding="utf-8")
        yield ["-s", str(file)]
