"""The cases of the Autobahn TestSuite, run by kosoku: all but the slow ones, and compression, which we do not offer.

What they gave when all of them ran, and how to run them: `docs/reliability.md`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import kosoku
from anyio.from_thread import start_blocking_portal

from seaway.conformance.applications import asynchronous_echo
from seaway.reference import Server, Settings

SLOW = "9.*"  # large messages, and many
COMPRESSION = ("12.*", "13.*")


async def judged(url: str) -> list[Any]:
    """Return the results. Each case allows a second for an answer: one that failed beside others is run again alone."""
    try:
        return list(await kosoku.run_fuzzingclient(url, exclude_cases=[SLOW, *COMPRESSION], concurrency=4))
    except kosoku.FailureError as failure:
        passed = [result for result in failure.results if result.passed]
        bad = [result.case_id for result in failure.results if not result.passed]
        print("run again:", *bad)
        assert 0 < len(bad) < 25, "more than a slow moment"
        return [*passed, *await kosoku.run_fuzzingclient(url, cases=bad)]


def test_every_case_passes(anyio_backend: Any) -> None:
    name, options = anyio_backend
    with (
        start_blocking_portal(name, options) as portal,
        portal.wrap_async_context_manager(
            Server(asynchronous_echo, port=0, settings=Settings(access_log=False))
        ) as server,
    ):
        results = asyncio.run(judged(server.url.replace("http", "ws", 1)))
    behaviours = Counter(result.behavior.value for result in results)
    assert sum(behaviours.values()) == 247
    assert behaviours.keys() <= {"OK", "NON-STRICT", "INFORMATIONAL"}
    assert {result.behavior_close.value for result in results} <= {"OK", "INFORMATIONAL"}
