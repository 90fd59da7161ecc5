"""What ``--layer`` names: a class, a factory, a `LayerHarness`, or a URL.

Rules of this module: no pytest; nothing of the house is imported by name, a URL is opened through the entry points
``seaway.layers``. Whatever is wrong is one `TargetError`, whose text says what to do.
"""

from __future__ import annotations

import difflib
import inspect
import json
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any

from seaway.conformance.harness import LayerHarness
from seaway.conformance.within import TooLateError, within

ENTRY_POINTS = "seaway.layers"
LOAD_SECONDS = 10.0


class TargetError(Exception):
    """What ``--layer`` names cannot be tested; the text is for whoever wrote it."""


class CallableHarness(LayerHarness):
    """A layer class, or a function that returns a layer object: called with keyword options.

    Raises:
        TargetError: it cannot be called with the options given, or what it returns does not say its flavour.
    """

    def __init__(self, factory: Callable[..., Any], name: str, options: dict[str, Any]) -> None:
        self._factory = factory
        self._name = name
        self.options = options
        is_async = getattr(self.make(is_async=True), "is_async", None)
        if not isinstance(is_async, bool):
            raise TargetError(
                f"{name} is no layer: it lacks the attribute 'is_async', True or False (LAY-006); "
                "expected a layer class, a factory of layer objects, a LayerHarness, or a URL"
            )
        self.flavours = ("async",) if is_async else ("sync",)

    def make(self, *, is_async: bool, **options: Any) -> Any:
        """See `LayerHarness.make`."""
        if not options:
            try:
                return self._factory(**self.options)
            except (Exception, SystemExit) as error:
                raise TargetError(_cannot_make(self._name, self.options, error)) from error
        return self._factory(**{**self.options, **options})


class UrlHarness(LayerHarness):
    """A URL such as ``memory://test``, of a scheme that an installed package opens. It has both flavours."""

    flavours = ("async", "sync")

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        self._url = url
        self.options = options
        scheme = url.partition("://")[0]
        known = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
        if scheme not in known:
            raise TargetError(
                f"{shown(url)}: no layer for {scheme!r} is installed; "
                f"there are {', '.join(sorted(known)) or 'none'} (entry points {ENTRY_POINTS!r})"
            )
        try:
            self._open = known[scheme].load()
        except Exception as error:
            raise TargetError(f"{shown(url)}: {known[scheme].value} cannot be imported: {_last_line(error)}") from error
        try:
            self.make(is_async=True)
        except Exception as error:
            raise TargetError(f"{shown(url)} cannot be opened: {error}") from error

    def make(self, *, is_async: bool, **options: Any) -> Any:
        """See `LayerHarness.make`."""
        return self._open(self._url, is_async, **{**self.options, **options})


_SECRETS = re.compile(r"(?<=://)([^:@/]*:).*(?=@)|((?:password|encryption_keys)=)[^&]*")


def shown(target: str) -> str:
    """Return *target* as it may stand in a report: a URL with ``***`` for passwords and keys."""
    return _SECRETS.sub(lambda found: f"{found[1] or found[2]}***", target)


def load(target: str, options: dict[str, Any], directory: str = "") -> LayerHarness:
    """Return the harness that *target* names.

    Args:
        target: a URL, ``package.module:attribute`` or ``package.module.attribute``.
        options: keywords for each layer object.
        directory: where modules are looked for first.

    Raises:
        TargetError: nothing that can be tested.
    """
    try:
        with within(LOAD_SECONDS):
            harness = _loaded(target, options, directory)
    except TooLateError as error:
        raise TargetError(
            f"{target}: importing it and making an object has not ended within {LOAD_SECONDS:g} seconds; "
            f"it hangs at {error} (construction does no I/O, LAY-016)"
        ) from error
    harness.target = harness.target or target
    unknown = set(harness.flavours) - {"async", "sync"}
    if unknown or not harness.flavours:
        raise TargetError(f"{target}: flavours are 'async' and 'sync', got {harness.flavours!r}")
    if "async" in harness.flavours:
        _check_event_loops(harness.event_loops, target)
    return harness


def _loaded(target: str, options: dict[str, Any], directory: str) -> LayerHarness:
    if "://" in target:
        return UrlHarness(target, options)
    if directory and directory not in sys.path:
        sys.path.insert(0, directory)
    return _harness_of(_found(target), target, options)


def _check_event_loops(names: Sequence[str], target: str) -> None:
    if set(names) - {"asyncio", "trio"} or not names:
        raise TargetError(f"{target}: event_loops are 'asyncio' and 'trio', got {names!r}")
    if "trio" in names and find_spec("trio") is None:
        raise TargetError(
            "trio is not installed, and asynchronous layers are tested on it too: pip install 'seaway[conformance]'; "
            "for a layer that works on asyncio only write a LayerHarness with event_loops = ('asyncio',)"
        )


def parse_options(pairs: Iterable[str]) -> dict[str, Any]:
    """Return ``key=value`` pairs as a dict; a value that is JSON is taken as such, any other as a ``str``.

    Raises:
        TargetError: a pair without ``=`` or without a key.
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        key, mark, value = pair.partition("=")
        if not mark or not key:
            raise TargetError(f"--layer-option={pair}: expected --layer-option=key=value")
        try:
            options[key] = json.loads(value)
        except ValueError:
            options[key] = value
    return options


def _harness_of(found: Any, target: str, options: dict[str, Any]) -> LayerHarness:
    if isinstance(found, LayerHarness):
        return found
    if isinstance(found, type) and issubclass(found, LayerHarness):
        try:
            return found(**options)
        except TypeError as error:
            raise TargetError(f"{target}: a LayerHarness is made with the layer options only: {error}") from error
        except (Exception, SystemExit) as error:
            raise TargetError(f"{target}: the LayerHarness cannot be made: {_last_line(error)}") from error
    if not callable(found):
        raise TargetError(
            f"{target} is {type(found).__name__!r}; expected a layer class, a factory of layer objects, "
            "a LayerHarness, or a URL"
        )
    return CallableHarness(found, target, options)


def _found(target: str) -> Any:
    module_name, colon, attribute = target.partition(":")
    if not colon:
        module_name, _, attribute = target.rpartition(".")
    if not module_name or not attribute:
        raise TargetError(
            f"--layer={target}: expected package.module.Layer, package.module:attribute, or a URL such as memory://test"
        )
    module = _imported(module_name, target)
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            close = difflib.get_close_matches(part, dir(found), n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise TargetError(f"--layer={target}: {module_name} has no {part!r}{hint}")
        found = getattr(found, part)
    return found


def _imported(name: str, target: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise TargetError(
                f"--layer={target}: there is no module {error.name!r} in this directory or among the installed packages"
            ) from error
        raise TargetError(f"--layer={target}: {name} cannot be imported: {_last_line(error)}") from error
    except SyntaxError as error:
        where = f"{type(error).__name__}: {error.msg} ({error.filename}:{error.lineno})"
        raise TargetError(f"--layer={target}: {name} cannot be imported: {where}") from error
    except SystemExit as error:
        text = f"is a script: it ended itself while it was imported (SystemExit: {error.code})"
        raise TargetError(f"--layer={target}: {name} {text}; expected a module that can be imported") from error
    except Exception as error:
        raise TargetError(f"--layer={target}: {name} cannot be imported: {_last_line(error)}") from error


def _last_line(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


def _cannot_make(name: str, options: Mapping[str, Any], error: BaseException) -> str:
    given = ", ".join(f"{key}={value!r}" for key, value in options.items())
    text = f"{name}({given}) raised {type(error).__name__}: {error}"
    needed = _needed(name, error)
    return f"{text}; {needed}" if needed else text


def _needed(name: str, error: BaseException) -> str:
    if not isinstance(error, TypeError):
        return "construction does no I/O and fails only for a senseless option (LAY-015, LAY-016)"
    return (
        f"a layer class works without arguments (LAY-012): give what it needs by --layer-option=key=value, or "
        f"write a LayerHarness whose make() gives it (see {inspect.getmodule(LayerHarness).__name__})"  # type: ignore[union-attr]
    )
