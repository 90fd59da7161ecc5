"""The router: one application that gives each connection to another one, by protocol type and URL.

The application call has no path: it comes with the first message. So the router returns a consumer that
chooses then, once, and from there on only passes messages on.

Rules of this file:

- All is worked out when a router is made: mounted routers become routes of the outer one, routes without
  parameters a `dict`, the others a tree of segments. So a request costs the same with 2 routes and 200.
- A router has one flavour. It is synchronous if all its applications declare that they are; else synchronous
  ones go through `adapt_sync`.
- ``path`` is always the whole path; ``root_path`` is the part of it that mounts have matched.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import Any

from attrs import evolve, field, frozen

from seaway.reference._patterns import Pattern
from seaway.reference._table import Table
from seaway.reference.adapt import adapt_sync
from seaway.reference.consumers import Consumer, SyncConsumer

__all__ = ["Mount", "Route", "Router"]

Message = dict[str, Any]
Application = Callable[..., Callable[[Message], Any]]
ROUTED = ("http", "websocket")


@frozen
class Endpoint:
    """One route as its outermost router sees it; `prefix` is what mounts have put before `path`."""

    prefix: Pattern
    path: Pattern
    application: Application
    types: tuple[str, ...]
    name: str | None
    pattern: Pattern = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "pattern", Pattern(self.prefix.text + self.path.text, self.path.below))

    def check_arguments(self) -> None:
        """Raise `TypeError` if the application, a `Consumer` class, needs an argument that the URL lacks."""
        application = self.application
        if not isinstance(application, type) or not issubclass(application, Consumer | SyncConsumer):
            return
        missing = application.url_arguments() - {parameter.name for parameter in self.pattern.parameters}
        if missing:
            names = ", ".join(sorted(missing))
            raise TypeError(
                f"route {self}: a handler takes {names}, which the pattern does not have; put it into the "
                "pattern, or give the handler's argument a default"
            )

    def under(self, prefix: Pattern, name: str | None) -> Endpoint:
        """Return it as a router sees it that has mounted it under *prefix*."""
        names = f"{name}:{self.name}" if name and self.name else self.name
        return evolve(self, prefix=Pattern(prefix.text + self.prefix.text), name=names)

    def __str__(self) -> str:
        return f"{self.pattern.text!r} ({_name_of(self.application)})"


def _types_of(application: Application) -> tuple[str, ...]:
    return tuple(type for type in getattr(application, "types", ROUTED) if type in ROUTED)


def _name_of(application: Application) -> str:
    return getattr(application, "__qualname__", None) or repr(application)


@frozen
class Route:
    """A URL pattern and the application for it.

    - `pattern`: a path with parameters, as in ``/chat/room/{room_name}/``; converters are ``str`` (the
      default), ``int``, ``uuid`` and ``path``: ``{number:int}``. The application gets them as keyword
      arguments.
    - `application`: a `Consumer` class or any other application.
    - `name`: for `Router.reverse`.
    - `types`: ``http``, ``websocket`` or both; default: those of the application's own ``types``.

    Raises:
        ValueError: the pattern is malformed, or no type is left.
    """

    pattern: Pattern = field(converter=Pattern)
    application: Application
    name: str | None = field(default=None, kw_only=True)
    types: tuple[str, ...] = field(kw_only=True)

    @types.default
    def _types_of_application(self) -> tuple[str, ...]:
        return _types_of(self.application)

    def __attrs_post_init__(self) -> None:
        if not self.types or not set(self.types) <= set(ROUTED):
            raise ValueError(
                f"route {self.pattern.text!r}: expected types of {ROUTED}, got {self.types} "
                f"for {_name_of(self.application)}"
            )

    def endpoints(self) -> Iterator[Endpoint]:
        """Return what this is to a router."""
        yield Endpoint(Pattern(""), self.pattern, self.application, self.types, self.name)


@frozen
class Mount:
    """A router, or any other application, for all paths that begin with a prefix.

    - `prefix`: as the pattern of a `Route`, without a slash at its end.
    - `application`: of a `Router` each route is mounted; another application gets ``prefix`` and all paths
      below.
    - `name`: put before the names of a mounted router's routes: ``reverse("api:user")``.

    The first message that the application sees has the matched prefix in ``root_path``; ``path`` stays whole.

    Raises:
        ValueError: the prefix is malformed, or the mounted router has applications beside its routes.
    """

    prefix: Pattern = field(converter=Pattern)
    application: Application
    name: str | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not self.prefix.text or self.prefix.text.endswith("/"):
            raise ValueError(f"mount {self.prefix.text!r}: expected a prefix as '/api', without a slash at its end")
        if isinstance(self.application, Router) and self.application.applications:
            others = ", ".join(self.application.applications)
            raise ValueError(
                f"mount {self.prefix.text!r}: the mounted router has applications for {others}; "
                "give them to the outermost router"
            )

    def endpoints(self) -> Iterator[Endpoint]:
        """Return what this is to a router."""
        if isinstance(self.application, Router):
            for endpoint in self.application.endpoints:
                yield endpoint.under(self.prefix, self.name)
        else:
            below = Pattern("", below=True)
            yield Endpoint(self.prefix, below, self.application, _types_of(self.application), self.name)


async def _nothing_async(message: Message) -> None:
    """Take no notice of a message, in an asynchronous router."""


def _nothing(message: Message) -> None:
    """Take no notice of a message, in a synchronous router."""


class _Target:
    """An application, and what its mounts match of the path: text, or a pattern with parameters."""

    __slots__ = ("application", "mounted", "prefix", "prefix_pattern")

    def __init__(self, application: Application, prefix: Pattern) -> None:
        self.application = application
        self.mounted = bool(prefix.text)
        self.prefix = prefix.text
        self.prefix_pattern = re.compile(prefix.regex, re.DOTALL) if prefix.parameters else None

    def with_root(self, message: Message, root: str, path: str) -> Message:
        """Return *message* with the matched prefix in ``root_path``."""
        match = self.prefix_pattern and self.prefix_pattern.match(path)
        return {**message, "root_path": root + (match.group() if match else self.prefix)}


class _Routed:
    """The consumer that a router returns: chooses at the first message, then passes on.

    What it returns is what the chosen consumer or ``send`` returned: an awaitable in an asynchronous router.
    """

    __slots__ = ("_arguments", "_nothing", "_table", "_target")

    def __init__(
        self,
        table: Table[_Target],
        arguments: tuple[str, Any, str, Callable[[Message], Any]],
        nothing: Callable[[Message], Any],
    ) -> None:
        self._table = table
        self._arguments = arguments
        self._nothing = nothing
        self._target: Callable[[Message], Any] | None = None

    def __call__(self, message: Message) -> Any:
        target = self._target
        if target is not None:
            return target(message)
        return self._first(message)

    def _first(self, message: Message) -> Any:
        path = message.get("path")
        if path is None:  # the connection has ended before its first message was delivered
            return self._nothing(message)
        root = message.get("root_path", "")
        if root:
            path = path.removeprefix(root)
        found = self._table.find(path)
        if found is None:
            return self._not_found()
        target, from_url = found
        if target.mounted:
            message = target.with_root(message, root, path)
        self._target = consumer = target.application(*self._arguments, **from_url)
        return consumer(message)

    def _not_found(self) -> Any:
        self._target = self._nothing
        type, _, _, send = self._arguments
        answer = "http.response" if type == "http" else "websocket.reject"
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        return send({"type": answer, "status": 404, "headers": headers, "body": b"Not Found\n"})


class Router:
    """An application that gives each connection to the application for its protocol type and URL.

    ``Router([Route("/", Home), Route("/chat/room/{room_name}/", Chat, name="room")], lifespan=Startup)``

    - `routes`: `Route` and `Mount`, in any order: of two that match, the more specific one is taken (segment by
      segment from the left: text before ``int``, ``uuid``, ``str``, ``path``). The application is called with the
      parameters of the URL as keyword arguments. A path without a route gets 404, as a request and as a WebSocket.
    - `applications`: one application for each other type, such as ``lifespan``; it gets no path.

    `types` and `is_async` are derived. An asynchronous router takes synchronous applications through
    `adapt_sync`.

    Raises:
        ValueError: two routes match the same paths, or have the same name for different patterns.
        TypeError: a handler of a `Consumer` class takes an argument that its pattern does not have.
    """

    def __init__(self, routes: Iterable[Route | Mount], **applications: Application) -> None:
        self.endpoints = [endpoint for route in routes for endpoint in route.endpoints()]
        for endpoint in self.endpoints:
            endpoint.check_arguments()
        for type in ROUTED:
            if type in applications:
                raise ValueError(f"a router gives {type!r} to its routes: use Mount to give all of it to one")
        self.types = (*ROUTED, *applications)
        every = [endpoint.application for endpoint in self.endpoints] + list(applications.values())
        self.is_async = not every or any(getattr(application, "is_async", True) for application in every)
        self._nothing: Callable[[Message], Any] = _nothing_async if self.is_async else _nothing
        self._tables = {type: self._table(type) for type in ROUTED}
        self.applications = {type: self._adapted(other) for type, other in applications.items()}
        self._names = _names(self.endpoints)

    def _table(self, type: str) -> Table[_Target]:
        return Table(
            (endpoint.pattern, _Target(self._adapted(endpoint.application), endpoint.prefix))
            for endpoint in _of_type(self.endpoints, type)
        )

    def _adapted(self, application: Application) -> Application:
        if not self.is_async or getattr(application, "is_async", True):
            return application

        def adapted(*arguments: Any, **from_url: Any) -> Callable[[Message], Any]:
            return adapt_sync(partial(application, **from_url))(*arguments)

        return adapted

    def __call__(
        self,
        type: str,
        channel_layer: Any,
        consumer_channel: str,
        send: Callable[[Message], Awaitable[None] | None],
    ) -> Callable[[Message], Any]:
        """Return the consumer for a connection. `ValueError`: *type* is none of `types`."""
        arguments = (type, channel_layer, consumer_channel, send)
        table = self._tables.get(type)
        if table is not None:
            return _Routed(table, arguments, self._nothing)
        if type in self.applications:
            return self.applications[type](*arguments)
        raise ValueError(f"this router takes the types {', '.join(self.types)}, not {type!r}")

    def reverse(self, name: str, /, **arguments: Any) -> str:
        """Return the path of the route with that name, percent-encoded, for these arguments.

        Raises:
            LookupError: no route has this name.
            ValueError: an argument is missing, unknown, or does not fit its converter.
        """
        pattern = self._names.get(name)
        if pattern is None:
            close = difflib.get_close_matches(name, self._names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(self._names) or 'none'}"
            raise LookupError(f"no route is named {name!r}; {hint}")
        try:
            path = pattern.build(arguments)
            # Two slashes at the beginning would name another host.
            return "/%2F" + path[2:] if path.startswith("//") else path
        except ValueError as error:
            raise ValueError(f"reverse({name!r}): {error}") from None


def _of_type(endpoints: list[Endpoint], type: str) -> list[Endpoint]:
    """Return the endpoints of one type. `ValueError`: two of them match the same paths."""
    seen: dict[str, Endpoint] = {}
    for endpoint in endpoints:
        if type not in endpoint.types:
            continue
        other = seen.setdefault(endpoint.pattern.shape, endpoint)
        if other is not endpoint:
            raise ValueError(
                f"two routes of type {type!r} match the same paths: {other} and {endpoint}; "
                "take one out, or tell them apart with types=…"
            )
    return list(seen.values())


def _names(endpoints: list[Endpoint]) -> dict[str, Pattern]:
    names: dict[str, Pattern] = {}
    for endpoint in endpoints:
        if endpoint.name is not None:
            other = names.setdefault(endpoint.name, endpoint.pattern)
            if other.text != endpoint.pattern.text:
                raise ValueError(
                    f"two routes are named {endpoint.name!r}: {other.text!r} and {endpoint.pattern.text!r}"
                )
    return names
