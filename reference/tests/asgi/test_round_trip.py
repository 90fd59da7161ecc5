"""What is true of our server is true with ASGI in between: its own tests again, through both bridges.

The tests of `MODULES` are this module's too, under their module's name and their own. Left out is what ASGI has no
place for.
"""

from typing import Any

import pytest

from seaway.reference import Settings
from seaway.reference.asgi import as_asgi, from_asgi

from .. import (
    scripted,
    test_consumer_errors,
    test_http_requests,
    test_http_responses,
    test_layer_messages,
    test_mailbox,
    test_timeouts,
    test_wake,
    test_websocket_handshake,
    test_websocket_sending,
)

pytestmark = pytest.mark.anyio

MODULES = [
    test_consumer_errors,
    test_http_requests,
    test_http_responses,
    test_layer_messages,
    test_mailbox,
    test_timeouts,
    test_wake,
    test_websocket_handshake,
    test_websocket_sending,
]
_TIME = "what the bridges take on a busy machine counts, and the test gives it 0.2 s"
LEFT_OUT = {
    "test_trailers_follow_the_body_and_are_not_merged": "ASGI has no trailers of a request",
    "test_a_slow_consumer_costs_its_client_no_time": _TIME,
    "test_the_time_for_a_response_begins_with_the_last_byte_of_the_body": _TIME,
    "test_a_response_that_has_begun_has_no_time_out": _TIME,
}


class Lent:
    """The test's layer, which `as_asgi` must not close."""

    is_async = True

    def __init__(self, layer: Any) -> None:
        self._layer = layer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)

    async def close(self) -> None:
        """Stays open: the test goes on with it."""


def through_both_bridges(application: scripted.Application, layer: Any, settings: Settings) -> Any:
    return from_asgi(as_asgi(application, Lent(layer), settings=settings))


@pytest.fixture(autouse=True)
def bridged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripted, "wrap", through_both_bridges)


@pytest.fixture(params=[("asyncio", {"use_uvloop": False}), ("trio", {})], ids=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_what_is_left_out_is_there() -> None:
    assert [name for name in LEFT_OUT if not any(hasattr(module, name) for module in MODULES)] == []


for _module in MODULES:
    for _name, _test in vars(_module).items():
        if _name.startswith("test_") and callable(_test) and _name not in LEFT_OUT:
            globals()[f"{_module.__name__.rpartition('.')[2]}__{_name.removeprefix('test_')}"] = _test
