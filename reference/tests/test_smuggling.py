"""Every raw request of the table gets an allowed verdict: whole, byte by byte, and as a handshake."""

from collections import Counter

import pytest

from seaway.conformance.client.http import IncompleteError, connect
from seaway.conformance.client.websocket import handshake
from seaway.conformance.face import Hang

from .scripted import Site, answer, serving
from .smuggling import CASES, Case

pytestmark = pytest.mark.anyio

NEXT = b"GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n"
LARGEST_TO_DRIP = 1000
_HANDSHAKE = handshake().partition(b"Host: test\r\n")[2]  # the fields of a handshake, and the empty line


async def judge(site: Site, case: Case, *, drip: bool) -> str:
    """Send the request and one more; returns what is wrong with the outcome, or an empty string."""
    before = len(site.consumers)
    async with connect(site.address) as client:
        await (client.drip if drip else client.send)(case.data + NEXT)
        try:
            first = await client.response()
        except IncompleteError:
            return "ended without a response"
        if first.status == 200 and case.served is not False:
            second = await client.response()
            if second.status != 200 or second.body != b"/smuggled ":
                return f"the next request was answered with {second}"
            if case.body is not None and first.body != case.body:
                return f"body {first.body!r}, expected {case.body!r}"
            return ""
        if case.served or first.status not in case.statuses:
            return f"answered with {first}, expected {'200' if case.served else sorted(case.statuses)}"
        if rest := await client.ended():
            return f"after the refusal came {rest[:80]!r}"
    answered = [consumer for consumer in site.consumers[before:] if consumer.state.get("path") == "/smuggled"]
    return "the next request reached the application" if answered else ""


async def judge_all(cases: list[Case], *, drip: bool) -> dict[str, str]:
    """The wrong verdicts, by case. One server for all: it must also survive them."""
    wrong = {}
    async with serving(answer) as site:
        for case in cases:
            try:
                complaint = await judge(site, case, drip=drip)
            except (AssertionError, Hang) as error:
                complaint = repr(error)
            if complaint:
                wrong[f"{case.id} ({case.clause})"] = complaint
    return wrong


async def test_every_request_gets_its_verdict() -> None:
    assert await judge_all(list(CASES), drip=False) == {}


async def test_every_request_gets_the_same_verdict_byte_by_byte() -> None:
    small = [case for case in CASES if len(case.data) <= LARGEST_TO_DRIP]

    assert await judge_all(small, drip=True) == {}


async def verdict(site: Site, head: bytes) -> int:
    """The status of the response to a bodiless request; refused ones must end the connection."""
    async with connect(site.address) as client:
        await client.send(head)
        response = await client.response()
        if response.status not in (200, 101):
            assert await client.ended() == b""
    return response.status


async def test_a_handshake_gets_the_verdict_of_a_request() -> None:
    wrong = {}
    async with serving(answer) as site:
        for case in CASES:
            if case.fields is None:
                continue
            status = await verdict(site, b"GET / HTTP/1.1\r\n" + case.fields + _HANDSHAKE)
            allowed = set(case.statuses) if case.served is False else {101}
            if case.served is None:
                allowed |= case.statuses
            if status not in allowed:
                wrong[case.id] = status

    assert wrong == {}


_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_VALUE = frozenset([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])


@pytest.mark.parametrize("place", ["name", "value"])
async def test_every_byte_has_one_verdict_on_both_paths(place: str) -> None:
    """RFC 9110, sections 5.1 and 5.5. A colon ends the name, so it is good in both places."""
    good = _TOKEN | {ord(":")} if place == "name" else _VALUE
    verdicts: Counter[tuple[bool, int, int]] = Counter()
    async with serving(answer) as site:
        for byte in range(256):
            line = (b"x%cy: z" if place == "name" else b"x: y%cz") % byte
            head = b"GET / HTTP/1.1\r\nHost: test\r\n" + line + b"\r\n"
            plain, upgrade = await verdict(site, head + b"\r\n"), await verdict(site, head + _HANDSHAKE)
            verdicts[byte in good, plain, upgrade] += 1

    assert verdicts == {(True, 200, 101): len(good), (False, 400, 400): 256 - len(good)}


def test_the_table_is_large_enough_and_names_each_case_once() -> None:
    names = Counter(case.id for case in CASES)

    assert names.most_common(1)[0][1] == 1
    assert {case.row for case in CASES} == {f"H{number}" for number in range(1, 15)}
    assert len(CASES) >= 120
