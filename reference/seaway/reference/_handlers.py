"""Which method of a consumer class handles which message type.

Rules of this file:

- A method name stands for one message type. Every underscore of an undecorated name is a dot: ``game_over``
  handles ``game.over``. A type with an underscore of its own needs `handles`.
- A layer's message may come from anybody who can reach the layer. So a type reaches only what a user's class
  or its mix-ins define as a handler: a public method with an underscore in its name, which the base class of
  the helpers does not have. A method that cannot be a handler, such as one that takes no message, is an error
  when the class is made, not a way in: it is to be named with a leading underscore.
- All is worked out once, when the class is made, never while messages are dispatched.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from seaway.spec.errors import InvalidMessage
from seaway.spec.values import RESERVED_PREFIXES, normalise

__all__ = ["Handlers", "Message", "collect", "handles"]

Message = dict[str, Any]
Handler = Callable[[Any, Message], Any]
Function = TypeVar("Function", bound=Callable[..., Any])
Definitions = list[tuple[type[Any], Any]]
"""What the classes of one resolution order define for one name: class and value; the first one wins."""

PROTOCOLS = ("http", "http2", "websocket", "lifespan", "task")
DEFAULT_TYPES = ("http", "websocket")

# Senders choose the types of layer messages, so what is remembered of them has a bound.
MOST_IGNORED_TYPES = 1000

_HANDLES = "__seaway_handles__"

logger = logging.getLogger("seaway.consumers")


def handles(type: str) -> Callable[[Function], Function]:
    """Say that a method handles messages of *type*, for a type that has an underscore of its own.

    ``@handles("game.player_joined")`` belongs on a method named ``game_player_joined``; without it that name
    would stand for ``game.player.joined``.

    Raises:
        ValueError: *type* is not a message type (MSG-001).
        TypeError: the method has another name than *type* with its dots as underscores.
    """
    if not _is_type(type):
        raise ValueError(f"handles({type!r}): not a message type; expected lower-case words joined by dots (MSG-001)")

    def mark(function: Function) -> Function:
        name = type.replace(".", "_")
        if function.__name__ != name:
            raise TypeError(
                f"@handles({type!r}) stands on a method named {function.__name__!r}: name the method {name!r}"
            )
        setattr(function, _HANDLES, type)
        return function

    return mark


def _is_type(text: str) -> bool:
    try:
        normalise({"type": text})
    except InvalidMessage:
        return False
    return True


class Handlers(dict[str, Handler]):
    """Message type → handler, for one class. A type without a handler is ignored, logged once.

    `required`: the names that handlers take after the message and that have no default.
    """

    def __init__(self, owner: str, ignore: Handler) -> None:
        super().__init__()
        self.owner = owner
        self.ignore = ignore
        self.ignored_types = 0
        self.required: frozenset[str] = frozenset()

    def __missing__(self, type: str) -> Handler:
        if self.ignored_types < MOST_IGNORED_TYPES:
            self.ignored_types += 1
            self[type] = self.ignore
            if not type.startswith(RESERVED_PREFIXES):
                logger.warning("%s ignores messages of type %r: it has no handler for it", self.owner, type)
        return self.ignore

    def protocols(self) -> tuple[str, ...]:
        """Return the protocols whose messages are handled; the interface's default if none is."""
        prefixes = {type.partition(".")[0] for type, handler in self.items() if handler is not self.ignore}
        return tuple(name for name in PROTOCOLS if name in prefixes) or DEFAULT_TYPES


def collect(cls: type[Any], *, is_async: bool, helpers: Collection[type[Any]], base_names: Collection[str]) -> Handlers:
    """Return the handlers of *cls*: the methods that it and its mix-ins define, resolved as attributes are.

    What the classes in *helpers* define is none, nor is a method with one of *base_names*.

    Raises:
        TypeError: two types share a method name; or a public method with an underscore in its name is of the
            other flavour, or takes no message.
    """
    handlers = Handlers(f"{cls.__module__}.{cls.__qualname__}", _ignore_async if is_async else _ignore)
    required: set[str] = set()
    for name, definitions in _definitions(cls, helpers, base_names).items():
        type = _one_type(cls, name, definitions)
        owner, function = definitions[0]
        if type is None or not inspect.isfunction(function):
            continue
        where = f"{owner.__qualname__}.{name}"
        _check_flavour(where, function, is_async)
        arguments = _arguments(where, function)
        required.update(p.name for p in arguments if p.default is p.empty and p.kind is not p.VAR_KEYWORD)
        handlers[type] = _with_arguments(function, arguments)
    handlers.required = frozenset(required)
    return handlers


async def _ignore_async(consumer: object, message: Message) -> None:
    """Take no notice of a message, in an asynchronous consumer."""


def _ignore(consumer: object, message: Message) -> None:
    """Take no notice of a message, in a synchronous consumer."""


def _definitions(cls: type[Any], helpers: Collection[type[Any]], base_names: Collection[str]) -> dict[str, Definitions]:
    found: dict[str, Definitions] = {}
    for owner in cls.__mro__:
        if owner not in helpers:
            for name, value in vars(owner).items():
                if not name.startswith("_") and name not in base_names:
                    found.setdefault(name, []).append((owner, value))
    return found


def _one_type(cls: type[Any], name: str, definitions: Definitions) -> str | None:
    """Return the message type that *name* stands for in *cls*, or None. Two of them are an error."""
    types: dict[str, type[Any]] = {}
    for owner, function in definitions:
        if inspect.isfunction(function):
            types.setdefault(getattr(function, _HANDLES, name.replace("_", ".")), owner)
    if len(types) > 1:
        (one, first), (other, second), *_ = types.items()
        raise TypeError(
            f"{cls.__qualname__}.{name} would handle both {one!r} (defined in {first.__qualname__}) and "
            f"{other!r} (defined in {second.__qualname__}); a method name stands for one type: "
            f"rename one, or give both the same @handles"
        )
    return next((type for type in types if _is_type(type)), None)


def _check_flavour(where: str, function: Any, is_async: bool) -> None:
    # A decorator may have put a plain function around a coroutine function: what it returns can be awaited.
    if any(inspect.iscoroutinefunction(f) for f in (function, inspect.unwrap(function))) == is_async:
        return
    kind, change = ("asynchronous", "async def") if is_async else ("synchronous", "def")
    raise TypeError(
        f"{where} cannot be a handler in this {kind} consumer: define it with '{change}', or, if it handles "
        f"no messages, begin its name with an underscore"
    )


def _arguments(where: str, function: Any) -> list[inspect.Parameter]:
    """Return what *function* takes after ``self`` and the message."""
    parameters = list(inspect.signature(function).parameters.values())
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    anything = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if len(positional) < 2 and not anything:
        raise TypeError(
            f"{where} takes no message, so it cannot be a handler: expected (self, message, …), or, if it "
            f"handles no messages, a name that begins with an underscore"
        )
    rest = positional[2:] + [p for p in parameters if p.kind in (p.KEYWORD_ONLY, p.VAR_KEYWORD)]
    return [p for p in rest if p.kind is not p.POSITIONAL_ONLY]


def _with_arguments(function: Any, arguments: list[inspect.Parameter]) -> Handler:
    """Return *function* as a handler that also gets the arguments of the URL that it names."""
    names = tuple(argument.name for argument in arguments)
    if not arguments:
        handler: Handler = function
    elif any(argument.kind is argument.VAR_KEYWORD for argument in arguments):

        def handler(consumer: Any, message: Message) -> Any:
            return function(consumer, message, **consumer.kwargs)
    elif len(arguments) == 1 and arguments[0].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:
        (only,) = names  # the most common case, on the path of each request: by position it costs a tenth

        def handler(consumer: Any, message: Message) -> Any:
            try:
                argument = consumer.kwargs[only]
            except KeyError:
                return function(consumer, message)
            return function(consumer, message, argument)
    else:

        def handler(consumer: Any, message: Message) -> Any:
            given = consumer.kwargs
            return function(consumer, message, **{name: given[name] for name in names if name in given})

    return handler
