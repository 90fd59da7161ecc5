"""`SyncHarness`: the harness for tests that have no event loop. It runs one in a thread of its own.

Rules of this module: every method is that of the asynchronous class, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from seaway.conformance.harness.clock import Clock
from seaway.conformance.harness.harness import Harness
from seaway.conformance.harness.http import Request, Response
from seaway.conformance.harness.limits import Limits
from seaway.conformance.harness.requests import Headers
from seaway.conformance.harness.websocket import Accepted, Close, WebSocket

if TYPE_CHECKING:
    from typing import Self

E = TypeVar("E", bound=BaseException)
Message = dict[str, Any]


class SyncHarness:
    """Runs the consumers of *application* as a server would: ``with SyncHarness(application) as h``.

    As `Harness`, whose page says what each argument is, without ``async`` and ``await``.

    Args:
        application: what makes the consumers, of either flavour.
        layer: an open channel layer; an asynchronous one belongs to the event loop of its first use, so it is first
            used here.
        limits: as of `Harness`.
        clock: as of `Harness`; it is moved by ``h.clock.advance(seconds)``.
        deadline: as of `Harness`.
        patience: as of `Harness`.
        backend: the event loop that consumers run on, ``"asyncio"`` or ``"trio"``.
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
        backend: str = "asyncio",
    ) -> None:
        self._harness = Harness(
            application, layer=layer, limits=limits, clock=clock, deadline=deadline, patience=patience
        )
        self._backend = backend
        self._portal: BlockingPortal | None = None
        self._stack = ExitStack()

    @property
    def clock(self) -> SyncClock:
        """The clock."""
        return SyncClock(self._harness.clock, self._entered())

    @property
    def layer(self) -> Any:
        """The layer, with methods that block: what a script would use."""
        return SyncLayer(self._harness.layer, self._entered())

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal(self._backend))
            stack.enter_context(self._portal.wrap_async_context_manager(self._harness))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @contextmanager
    def websocket(
        self, path: str, *, headers: Headers = (), subprotocols: Sequence[str] = ()
    ) -> Iterator[SyncWebSocket]:
        """Open a WebSocket. See `Harness.websocket`."""
        opened = self._harness.websocket(path, headers=headers, subprotocols=subprotocols)
        with self._entered().wrap_async_context_manager(opened) as client:
            yield SyncWebSocket(client, self._entered())

    @contextmanager
    def http(
        self,
        method: str,
        path: str,
        *,
        headers: Headers = (),
        body: bytes | None = None,
        more_body: bool = False,
    ) -> Iterator[SyncRequest]:
        """Begin a request, and stay. See `Harness.http`."""
        begun = self._harness.http(method, path, headers=headers, body=body, more_body=more_body)
        with self._entered().wrap_async_context_manager(begun) as request:
            yield SyncRequest(request, self._entered())

    def request(
        self, method: str, path: str, *, headers: Headers = (), body: bytes | None = None, json: Any = None
    ) -> Response:
        """Send a whole request and return the whole response. See `Harness.request`."""
        return self._entered().call(partial(self._harness.request, method, path, headers=headers, body=body, json=json))

    def get(self, path: str, *, headers: Headers = ()) -> Response:
        """As `request`, with GET."""
        return self.request("GET", path, headers=headers)

    def post(self, path: str, *, headers: Headers = (), body: bytes | None = None, json: Any = None) -> Response:
        """As `request`, with POST."""
        return self.request("POST", path, headers=headers, body=body, json=json)

    def settle(self) -> None:
        """See `Harness.settle`."""
        self._entered().call(self._harness.settle)

    def drain(self, *, grace: float = 10.0) -> None:
        """See `Harness.drain`."""
        self._entered().call(partial(self._harness.drain, grace=grace))

    def raised(self, kind: type[E]) -> E:
        """See `Harness.raised`."""
        return self._entered().call(self._harness.raised, kind)

    def _entered(self) -> BlockingPortal:
        if self._portal is None:
            raise RuntimeError("this harness was not entered: use `with SyncHarness(application) as h`")
        return self._portal


class _Blocking:
    """An object of the event loop, for the test's thread."""

    def __init__(self, inner: Any, portal: BlockingPortal) -> None:
        self._inner = inner
        self._portal = portal


class SyncClock(_Blocking):
    """The clock of a `SyncHarness`."""

    _inner: Clock

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self._inner()

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass. See `Clock.advance`."""
        self._portal.call(partial(self._inner.advance, seconds))


class SyncLayer(_Blocking):
    """The layer of a `SyncHarness`: the methods of the layer, blocking."""

    is_async = False

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if not callable(value) or isinstance(value, type):
            return value
        return lambda *arguments, **options: self._portal.call(partial(value, *arguments, **options))


class _Client(_Blocking):
    """What both kinds of client have."""

    @property
    def channel(self) -> str:
        """The consumer's channel."""
        return str(self._inner.channel)

    @property
    def given(self) -> list[Message]:
        """The messages that the consumer was called with, so far."""
        return list(self._inner.given)

    @property
    def sent(self) -> list[Message]:
        """The messages that the consumer has sent, so far."""
        return list(self._inner.sent)

    def gap(self, *, dropped: int | None = None, reason: str = "lost") -> None:
        """Let the consumer be told that messages of the layer are missing (``layer.gap``)."""
        self._portal.call(partial(self._inner.gap, dropped=dropped, reason=reason))


class SyncWebSocket(_Client):
    """`WebSocket` for a `SyncHarness`."""

    _inner: WebSocket

    def send(self, *, text: str | None = None, bytes: bytes | None = None, json: Any = None) -> None:
        """See `WebSocket.send`."""
        self._portal.call(partial(self._inner.send, text=text, bytes=bytes, json=json))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """See `WebSocket.close`."""
        self._portal.call(partial(self._inner.close, code, reason))

    def lose(self) -> None:
        """See `WebSocket.lose`."""
        self._portal.call(self._inner.lose)

    def pause(self) -> None:
        """See `WebSocket.pause`."""
        self._portal.call(self._inner.pause)

    def resume(self) -> None:
        """See `WebSocket.resume`."""
        self._portal.call(self._inner.resume)

    def drain(self, reason: str = "overload", *, grace: float = 10.0) -> None:
        """See `WebSocket.drain`."""
        self._portal.call(partial(self._inner.drain, reason, grace=grace))

    def accepted(self) -> Accepted:
        """See `WebSocket.accepted`."""
        return self._portal.call(self._inner.accepted)

    def rejected(self) -> Response:
        """See `WebSocket.rejected`."""
        return self._portal.call(self._inner.rejected)

    def receive(self) -> Message:
        """See `WebSocket.receive`."""
        return self._portal.call(self._inner.receive)

    def receive_text(self) -> str:
        """See `WebSocket.receive_text`."""
        return self._portal.call(self._inner.receive_text)

    def receive_json(self) -> Any:
        """See `WebSocket.receive_json`."""
        return self._portal.call(self._inner.receive_json)

    def nothing(self) -> None:
        """See `WebSocket.nothing`."""
        self._portal.call(self._inner.nothing)

    def closed(self) -> Close:
        """See `WebSocket.closed`."""
        return self._portal.call(self._inner.closed)


class SyncRequest(_Client):
    """`Request` for a `SyncHarness`."""

    _inner: Request

    def body(self, part: bytes, *, more_body: bool = False) -> None:
        """See `Request.body`."""
        self._portal.call(partial(self._inner.body, part, more_body=more_body))

    def trailers(self, headers: Headers) -> None:
        """See `Request.trailers`."""
        self._portal.call(partial(self._inner.trailers, headers))

    def response(self) -> Response:
        """See `Request.response`."""
        return self._portal.call(self._inner.response)

    def begun(self) -> Response:
        """See `Request.begun`."""
        return self._portal.call(self._inner.begun)

    def part(self) -> bytes:
        """See `Request.part`."""
        return self._portal.call(self._inner.part)

    def cut(self) -> Response:
        """See `Request.cut`."""
        return self._portal.call(self._inner.cut)

    def waiting(self) -> None:
        """See `Request.waiting`."""
        self._portal.call(self._inner.waiting)

    def leave(self) -> None:
        """See `Request.leave`."""
        self._portal.call(self._inner.leave)
