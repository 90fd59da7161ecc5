"""What of the server suite says something about a foreign server, and what does not.

Three things are told apart. What `as_asgi` does, and not the server, says nothing, whether it passes or fails. What is
promised, by ASGI's text or an RFC, and not kept, is of a kind that a script of `reproduce` shows. All else that is not
met is not promised, for a reason that stands here. What is neither of a kind nor excused stays a failure, and
`page.unexplained` names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from typing import TypeVar

from attrs import evolve

from seaway.conformance.foreign.fairness import NOT_PROMISED
from seaway.conformance.foreign.servers.promises import PROMISES
from seaway.conformance.foreign.servers.reproduce.__main__ import Script, scripts
from seaway.conformance.report import BROKEN
from seaway.conformance.runner import Result

_Value = TypeVar("_Value")

BRIDGE = "as_asgi does this, not the server"


def _numbered(prefix: str, *numbers: int) -> frozenset[str]:
    return frozenset(f"{prefix}-{number:03}" for number in numbers)


OF_THE_SERVER = (
    _numbered("CON", 46, 47, 51, 57, 62, 70)
    | _numbered("HTTP", 1, 2, 3, 7, 8, 9, 10, 11, 15, 16, 17, 18, 19, 28, 35, *range(40, 48), 51, *range(54, 63))
    | _numbered("HTTP", *range(64, 88), 89)
    | _numbered("LIF", 5, 8, 9, 10, 11)
    | _numbered("MSG", 26)
    | _numbered("SEC", *range(1, 8))
    | _numbered("SRV", *range(1, 14), 15, 16, 17)
    | _numbered("WS", 1, 2, 3, *range(5, 11), 19, *range(21, 26), *range(27, 33), *range(38, 47))
)
"""The requirements in which the server in front has a part; in all others it is `as_asgi` that is tested."""

_DRAIN = "ASGI has no notice of a shutdown for a consumer"
_LIFESPAN = "ASGI's text names no exit code, and no way for an application to stop its server"
_LIMIT = "no limit of size is promised, and RFC 9110, 5.4 leaves the 4xx status to the server"
_EXTENSION = "an extension of ASGI that the server does not offer for HTTP/1.1"
_TRAILERS = "ASGI has no trailer fields of a request"
_REST = "RFC 9112, 9.3 lets a server read the rest or close the connection, as it likes"
_WHOLE_BODY = "ASGI does not promise that a body is handed on as it comes"
_MAY_LF = "RFC 9112, 2.2 lets a recipient take a lone LF for a line end"
_FOLDED = "RFC 9112, 5.2 lets a server replace a fold by spaces"
_DENIAL = "the server does not offer ASGI's websocket.http.response, so it answers 403"
_REASON = "ASGI's reason is optional, and RFC 6455, 5.5.1 does not say which code answers a close frame"
_KEPT = "HTTP lets a connection go on behind a handshake that was refused, and leaves the 4xx status to the server"

REASONS: dict[str, str] = {
    "CON-051": _REASON,
    "CON-057": "what is seen there is WS-043",
    "CON-062": "ASGI does not promise that send waits for a slow client",
    "HTTP-001": "ASGI's text leaves it open",
    "HTTP-002": _WHOLE_BODY,
    "HTTP-003": _TRAILERS,
    "HTTP-009": _TRAILERS,
    "HTTP-010": _TRAILERS,
    "HTTP-011": _WHOLE_BODY,
    "HTTP-015": "RFC 9110, 10.1.1 lets a server send the 100 at once, and leave it out where there is no body",
    "HTTP-016": "RFC 9110, 10.1.1 lets a server send the 100 at once, and leave it out where there is no body",
    "HTTP-017": _WHOLE_BODY,
    "HTTP-018": _REST,
    "HTTP-019": _REST,
    "HTTP-041": "RFC 9110, 9.3.2 lets a response to HEAD leave out what is known only with the content",
    "HTTP-042": "RFC 9110, 9.3.2 lets a response to HEAD leave out what is known only with the content",
    "HTTP-043": _DENIAL,
    "HTTP-045": _EXTENSION,
    "HTTP-046": _EXTENSION,
    "HTTP-047": _EXTENSION,
    "HTTP-051": "ASGI has no way to say that a response is cut",
    "HTTP-054": "RFC 9110, 15.6.6 lets a server answer with 505, and asks for nothing",
    "HTTP-056": "the RFCs leave the form of a refusal open",
    "HTTP-059": _REST,
    "HTTP-061": _LIMIT,
    "HTTP-062": _LIMIT,
    "HTTP-064": _LIMIT,
    "HTTP-065": "RFC 9110, 10.1.1 lets a server answer with 417, and asks for nothing",
    "HTTP-067": "RFC 9110, 7.8 lets a server upgrade to what it speaks: hypercorn speaks h2c",
    "HTTP-068": "ASGI gives an application any method, and the answer is the application's",
    "HTTP-069": "RFC 9112, 6.1 lets a server go by transfer-encoding alone if it closes the connection afterwards",
    "HTTP-070": "a list with an empty element is chunked all the same (RFC 9110, 5.6.1.2)",
    "HTTP-071": "RFC 9112 forbids to send chunked twice, and does not say what who receives it does; 501 is a refusal",
    "HTTP-072": "RFC 9112, 6.1 asks that the connection is closed behind such a request, and it is",
    "HTTP-073": "RFC 9112, 6.3 allows a list of equal numbers, and 19 digits are a number",
    "HTTP-074": "RFC 9112, 7.1 names no largest number of digits",
    "HTTP-075": _MAY_LF,
    "HTTP-076": "RFC 9112, 7.1.1 asks to ignore chunk extensions, and names no limit",
    "HTTP-079": _FOLDED,
    "HTTP-080": "RFC 9110, 5.5 lets a recipient keep control characters other than CR, LF and NUL",
    "HTTP-081": _MAY_LF,
    "HTTP-085": "ASGI's path is the request target, and an absolute one is that",
    "HTTP-087": "RFC 9112, 9.3 lets a server close every connection of HTTP/1.0",
    "HTTP-089": "RFC 9110, 6.5.1 lets a recipient ignore trailer fields",
    "LIF-008": _LIFESPAN,
    "LIF-009": _LIFESPAN,
    "LIF-010": _LIFESPAN,
    "MSG-026": _TRAILERS,
    "SEC-003": "ASGI does not promise that send waits for a slow client",
    "SEC-005": "what is seen there is HTTP-082",
    "SEC-007": "RFC 7692 names no limit for what comes out of a compressed message",
    **dict.fromkeys((identifier for identifier in OF_THE_SERVER if identifier.startswith("SRV-")), _DRAIN),
    "WS-003": _REASON,
    "WS-005": "RFC 6455, 4.1 forbids a client to send frames before the handshake is answered",
    "WS-008": _REASON,
    "WS-009": _REASON,
    "WS-010": _DENIAL,
    "WS-021": _KEPT,
    "WS-022": _KEPT,
    "WS-024": _REASON,
    "WS-025": "RFC 6455, 7.1.1 names no time",
    "WS-027": "RFC 9110, 7.8 lets a server ignore an upgrade, and RFC 6455, 4.2.1 leaves the error code to it",
    "WS-028": _KEPT,
    "WS-029": _KEPT,
    "WS-030": "RFC 6455, 4.2.1 does not ask a server to check the list of subprotocols",
    "WS-031": "RFC 9110, 7.8 lets a server ignore an upgrade",
    "WS-032": "RFC 6455, 4.1 forbids a client to send frames before the handshake is answered",
    "WS-038": _REASON,
    "WS-040": "RFC 6455, 10.4 leaves it to the server when it looks at a length",
    "WS-041": "RFC 6455 names no number of fragments",
    "WS-043": "RFC 6455, 5.2 binds who sends a length, not who receives it",
    "WS-045": _REASON,
    "WS-046": "ASGI asks for pings 'as necessary', and names no time",
}
"""Why a requirement is not promised where no script shows that a promise was broken."""

SERVER_REASONS: dict[tuple[str, str], str] = {
    ("uvicorn", "SEC-001"): "it believes the loopback by default, and says so (--forwarded-allow-ips)",
    ("uvicorn h11", "SEC-001"): "it believes the loopback by default, and says so (--forwarded-allow-ips)",
    **dict.fromkeys(
        (("uvicorn h11", identifier) for identifier in ("WS-003", "WS-008", "WS-009", "WS-045")),
        "RFC 6455 does not say what becomes of 1014, which was registered later",
    ),
    ("granian", "SEC-001"): "what is seen there is HTTP-001",
    ("daphne", "WS-019"): "it announces no spec_version, which means 2.0, and headers of accept came with 2.1",
    ("daphne", "WS-021"): _DENIAL,
    ("daphne", "WS-022"): _DENIAL,
    ("daphne", "WS-028"): "it speaks version 8, too",
    ("daphne", "HTTP-028"): _WHOLE_BODY,
}
"""The same for one column: (column, requirement) to reason."""

CASES: dict[tuple[str, str], str] = {
    ("*", "drain.*"): _DRAIN,
    ("*", "calls.a_client_that_goes_at_once_*"): "ASGI does not promise a call for a client that has gone",
    ("uvicorn h11", "framing.every_byte_of_a_field_value_*"): REASONS["HTTP-080"],
    ("hypercorn", "framing.every_byte_of_a_field_value_*"): REASONS["HTTP-080"],
    ("*", "lifespan.a_start_up_that_raises_*"): _LIFESPAN,
    ("daphne", "application_call.*"): _DENIAL,
    ("daphne", "ends.a_time_out_ends_a_handshake"): _DENIAL,
    ("daphne", "ends.every_exception_cuts_a_response_that_has_begun"): REASONS["HTTP-051"],
    ("daphne", "ends.every_exception_ends_a_websocket"): _DENIAL,
    ("daphne", "http_request_bodies.*"): _WHOLE_BODY,
    ("daphne", "websocket_answers.*"): _DENIAL,
    ("granian", "websocket_answers.a_rejection_*"): _KEPT,
    ("granian", "websocket_answers.who_does_not_answer_*"): _KEPT,
}
"""What a test shows that is not promised, whatever its requirements: (column, test) to reason; both may have a star."""

ONLY: dict[tuple[str, str], frozenset[str]] = {
    ("*", "http_requests.trailers_follow_the_last_part_*"): frozenset({"HTTP-003", "HTTP-010"}),
    ("*", "messages.every_message_of_a_request_is_valid"): frozenset({"HTTP-003"}),
    ("granian", "messages.every_message_of_a_websocket_is_valid"): frozenset({"MSG-026", "WS-001"}),
    ("granian", "websocket_handshake.the_first_message_tells_the_whole_request"): frozenset({"WS-001"}),
}
"""The requirements that a failure tells something of, where the test ends before the others; as `CASES`."""


@cache
def kinds() -> dict[tuple[str, str], list[Script]]:
    """Return the kinds of failure, as their scripts, by column and requirement."""
    found: dict[tuple[str, str], list[Script]] = {}
    for script in scripts():
        for server in script.servers:
            for identifier in script.ids:
                found.setdefault((server, identifier), []).append(script)
    return found


def level(column: str, identifier: str) -> str:
    """Return what is broken there: ``"must"``, or ``"should"`` if nothing stronger is."""
    levels = {PROMISES[script.name].level for script in kinds().get((column, identifier), ())}
    return "should" if levels == {"should"} else "must"


def fair(column: str, result: Result) -> Iterator[Result]:
    """Yield *result* of *column* as it counts: several if its requirements are judged differently."""
    own = [identifier for identifier in result.ids if identifier in OF_THE_SERVER]
    rest = tuple(identifier for identifier in result.ids if identifier not in OF_THE_SERVER)
    if rest:
        yield evolve(result, ids=rest, verdict="not offered", message=BRIDGE, details="")
    if result.verdict not in BROKEN:
        if own:
            yield evolve(result, ids=tuple(own))
        return
    case = result.case.removeprefix("server.")
    excuse, only = _matching(CASES, column, case), _matching(ONLY, column, case)
    for identifier in own if only is None else sorted(only):
        reason = excuse or SERVER_REASONS.get((column, identifier)) or REASONS.get(identifier)
        if excuse is None and ((column, identifier) in kinds() or reason is None):
            yield evolve(result, ids=(identifier,))
        else:
            text = f"{NOT_PROMISED}: {reason}; seen: {result.message}"
            yield evolve(result, ids=(identifier,), verdict="not offered", message=text, details="")


def _matching(table: dict[tuple[str, str], _Value], column: str, case: str) -> _Value | None:
    found = (value for (where, what), value in table.items() if fnmatch(column, where) and fnmatch(case, what))
    return next(found, None)
