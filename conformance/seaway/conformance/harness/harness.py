"""`Harness`: an application under test, without a network and without waiting.

Rules of this module: what a test calls is here; what happens then is in `core`.
"""

from __future__ import annotations

import json as json_module
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from seaway.conformance.harness.clock import Clock
from seaway.conformance.harness.core import Core, Failure
from seaway.conformance.harness.http import Exchange, Request, Response
from seaway.conformance.harness.lifespan import Lifespan
from seaway.conformance.harness.limits import Limits
from seaway.conformance.harness.requests import Headers
from seaway.conformance.harness.websocket import Socket, WebSocket

if TYPE_CHECKING:
    from typing import Self

E = TypeVar("E", bound=BaseException)


class Harness:
    """Runs the consumers of *application* as a server would: ``async with Harness(application) as h``.

    On the event loop of the test, asyncio or trio, and in its task: enter it in the test, not in a fixture that
    runs elsewhere. `SyncHarness` is the same for tests that have no event loop.

    What a consumer raises reaches the client as it would from a server, 500 or 1011. An expectation that fails
    because of it has it as its cause. What the test has not asked for by `raised` is raised when the harness is left.

    Args:
        application: what makes the consumers, of either flavour.
        layer: an open channel layer of either flavour, which stays the caller's to close; without one, the harness
            has its own, in memory and on `clock`.
        limits: the server's limits and time-outs.
        clock: the clock, if it is to be shared.
        deadline: real seconds that a consumer's call may take before an expectation fails.
        patience: real seconds that an expectation waits for what consumers do in tasks of their own, once all are
            idle. Less than *deadline*.

    Attributes:
        clock: moves by ``await h.clock.advance(seconds)``.
    """

    def __init__(
        self,
        application: Any,
        *,
        layer: Any = None,
        limits: Limits | None = None,
        clock: Clock | None = None,
        deadline: float = 10.0,
        patience: float = 0.0,
    ) -> None:
        if not callable(application):
            raise TypeError(f"an application is a callable that makes consumers, not {application!r} (CON-003)")
        if layer is not None and not isinstance(getattr(layer, "is_async", None), bool):
            raise TypeError(f"layer: expected a layer object, with the attribute is_async (LAY-006), got {layer!r}")
        self.clock = clock or Clock()
        self._core = Core(application, layer, limits or Limits(), self.clock, deadline, patience)
        self._lifespan: Lifespan | None = None
        self._state = "was not entered: use `async with Harness(application) as h`"

    @property
    def layer(self) -> Any:
        """The layer, with methods to be awaited, whatever its flavour: what a script or another process would use."""
        self._check_entered()
        return self._core.layer

    async def __aenter__(self) -> Self:
        if self._state == "has been left":
            raise RuntimeError("this harness has been used: make a new one")
        await self._core.start()
        self._state = ""
        if "lifespan" in self._core.types:
            try:
                await self._start()
            except BaseException:
                await self._core.stop()
                raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self._end()
        finally:
            self._state = "has been left"
            await self._core.stop()
        self._tell_failures(error)

    # Clients

    @asynccontextmanager
    async def websocket(
        self, path: str, *, headers: Headers = (), subprotocols: Sequence[str] = ()
    ) -> AsyncIterator[WebSocket]:
        """Open a WebSocket to *path*, a query included. Whether it is accepted is asked with `WebSocket.accepted`."""
        self._check_type("websocket")
        async with WebSocket(Socket(self._core, path, headers, subprotocols)) as client:
            yield client

    @asynccontextmanager
    async def http(
        self,
        method: str,
        path: str,
        *,
        headers: Headers = (),
        body: bytes | None = None,
        more_body: bool = False,
    ) -> AsyncIterator[Request]:
        """Begin a request, and stay: for long polling, for streams, and for a client that goes.

        Args:
            method: such as ``"GET"``.
            path: as in the request line, a query included.
            headers: a mapping, or pairs; ``host`` and the framing are added.
            body: the body, or its first part.
            more_body: whether `Request.body` follows.
        """
        self._check_type("http")
        async with Request(Exchange(self._core, method, path, headers, body, more_body)) as request:
            yield request

    async def request(
        self, method: str, path: str, *, headers: Headers = (), body: bytes | None = None, json: Any = None
    ) -> Response:
        """Send a whole request and return the whole response; *json* is a body in JSON instead of *body*.

        Raises:
            AssertionError: all consumers are idle and the response is not complete.
        """
        if json is not None:
            if body is not None:
                raise TypeError("request takes body=… or json=…, not both")
            body = json_module.dumps(json).encode()
        async with self.http(method, path, headers=headers, body=body) as request:
            return await request.response()

    async def get(self, path: str, *, headers: Headers = ()) -> Response:
        """As `request`, with GET."""
        return await self.request("GET", path, headers=headers)

    async def post(self, path: str, *, headers: Headers = (), body: bytes | None = None, json: Any = None) -> Response:
        """As `request`, with POST."""
        return await self.request("POST", path, headers=headers, body=body, json=json)

    # What happens around them

    async def settle(self) -> None:
        """Return when all consumers are idle and nothing is on its way to one.

        Raises:
            AssertionError: a call has not returned within the deadline.
        """
        self._check_entered()
        await self._core.settle()

    async def drain(self, *, grace: float = 10.0) -> None:
        """Let the server shut down gracefully: all get ``server.drain``, then WebSockets are closed with 1012.

        A request may still be answered.
        """
        self._check_entered()
        connections = list(self._core.connections.values())
        for one in connections:
            one.file_socket({"type": "server.drain", "reason": "shutdown", "grace": grace})
        await self._core.settle()
        for one in connections:
            if isinstance(one, Socket):
                one.drained("shutdown")

    async def raised(self, kind: type[E]) -> E:
        """Return the exception of that *kind* that came out of a consumer: the test expects it.

        Raises:
            AssertionError: there is none, once all consumers are idle.
        """
        await self.settle()
        for one in self._core.failures:
            if isinstance(one.error, kind) and not one.is_known:
                one.is_known = True
                return one.error
        others = [repr(one.error) for one in self._core.failures]
        raise AssertionError(f"expected {kind.__name__} out of a consumer; came out: {', '.join(others) or 'nothing'}")

    # Its own

    def _check_entered(self) -> None:
        if self._state:
            raise RuntimeError(f"this harness {self._state}")

    def _check_type(self, type: str) -> None:
        self._check_entered()
        if type not in self._core.types:
            raise TypeError(f"this application takes {sorted(self._core.types)} by its `types`, not {type!r} (CON-007)")

    async def _start(self) -> None:
        lifespan = self._lifespan = Lifespan(self._core)
        self._core.begin(lifespan)
        await self._core.expect(lambda: lifespan.has_started or lifespan.is_over, "lifespan.startup", lifespan)
        if lifespan.has_failed or lifespan.is_over:
            await self._core.expect(lambda: lifespan.is_over, "lifespan.shutdown", lifespan)
            first, *_ = self._core.failures
            first.is_known = True
            raise _noted(first)

    async def _end(self) -> None:
        await self._core.settle()
        if self._lifespan is not None:
            lifespan = self._lifespan
            lifespan.stop()
            await self._core.expect(lambda: lifespan.is_over, "the lifespan consumer to end", lifespan)

    def _tell_failures(self, error: BaseException | None) -> None:
        left = [one for one in self._core.failures if not one.is_known]
        if not left:
            return
        if error is not None:
            for one in left:
                error.add_note(f"{one}:\n{''.join(traceback.format_exception(one.error))}")
        elif len(left) == 1:
            raise _noted(left[0])
        else:
            raise BaseExceptionGroup("exceptions out of consumers", [_noted(one) for one in left])


def _noted(failure: Failure) -> BaseException:
    failure.error.add_note(f"{failure}; a test that expects it says `await h.raised({type(failure.error).__name__})`")
    return failure.error
