"""What a server offers, and how it is started: a small TOML file, ``--server-profile=FILE.toml``.

::

    name = "harbour"
    flavour = "async"                     # its own: of applications without is_async
    offers = ["http", "websocket", "lifespan", "sync applications"]
    layer = "--layer {layer}"             # how it is told a channel layer

    [settings]                            # how it is told what a test sets: the words of the specification
    grace = "--grace {value}"

    [variants]                            # ways to run it, each a subject of its own
    asyncio = ""
    uvloop = "--loop uvloop"

    [signals]
    stop = "SIGTERM"

Rules of this module: whatever is wrong is one `ProfileError` that names the file, the key and the near miss.
"""

from __future__ import annotations

import difflib
import shlex
import signal
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal

from attrs import field, frozen

SETTINGS = {
    "max_consumers": 10_000,
    "max_header_size": 32_768,
    "max_header_fields": 100,
    "header_timeout": 10,
    "body_buffer": 65_536,
    "mailbox_socket_messages": 16,
    "mailbox_socket_bytes": 65_536,
    "mailbox_layer_messages": 100,
    "mailbox_layer_bytes": 1_048_576,
    "body_timeout": 30,
    "response_timeout": 60,
    "handshake_timeout": 10,
    "send_timeout": 30,
    "grace": 10,
    "websocket_max_size": 1_048_576,
    "allowed_origins": None,
}
"""The settings of a server, with their defaults (SRV-033): bytes, counts and seconds."""

OFFERS = {
    "http": "HTTP/1.1",
    "websocket": "WebSocket",
    "http2": "HTTP/2",
    "lifespan": "lifespan",
    "sync applications": "synchronous applications",
    "async applications": "asynchronous applications",
    "layer": "a channel layer of the suite's own, given as a dotted path",
    "several processes": "several server processes on one channel layer",
    "signals": "a process that ends in order at SIGTERM",
    "file": 'the extension "http.response.file"',
    "compression": "compressed WebSocket messages",
}
"""What a server may offer, and how the report names it. What it does not offer is not tested."""

_KEYS = ("name", "command", "flavour", "offers", "layer", "settings", "variants", "signals")


class ProfileError(Exception):
    """A profile is not right."""


@frozen
class Profile:
    """A profile.

    Args:
        name: of the server.
        command: text in a command from which the profile is known without being named; empty: none.
        flavour: the server's own, ``"async"`` or ``"sync"``.
        offers: of `OFFERS`.
        layer: template of the options for a layer; empty: it takes none.
        settings: template of the options for each of `SETTINGS`.
        variants: words to be added, by the name of the variant.
        stop: the signal that ends it in order.
    """

    name: str
    command: str = ""
    flavour: Literal["async", "sync"] = "async"
    offers: frozenset[str] = frozenset({"http", "websocket"})
    layer: str = ""
    settings: Mapping[str, str] = field(factory=dict)
    variants: Mapping[str, str] = field(factory=lambda: {"server": ""})
    stop: signal.Signals = signal.SIGTERM

    def setting(self, name: str, value: object) -> list[str]:
        """Return the words that set *name*, of `SETTINGS`."""
        return _filled(self.settings[name], "value", value)

    def layer_options(self, layer: str) -> list[str]:
        """Return the words that give it the layer *layer*."""
        return _filled(self.layer, "layer", layer)

    def variant_options(self, name: str) -> list[str]:
        """Return the words of the variant *name*."""
        return shlex.split(self.variants[name])


def _filled(template: str, name: str, value: object) -> list[str]:
    return [word.replace(f"{{{name}}}", str(value)) for word in shlex.split(template)]


def read(path: Path) -> Profile:
    """Return the profile in the file *path*.

    Raises:
        ProfileError: no such file, no TOML, an unknown key or value.
    """
    try:
        return _profile(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
    except OSError as error:
        shipped = ", ".join(sorted(one.name.removesuffix(".toml") for one in _shipped()))
        raise ProfileError(
            f"--server-profile={path}: {error.strerror}; expected a TOML file, or the name of a profile that comes "
            f"with the suite: {shipped}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"--server-profile={path} is no TOML: {error}") from error


def find(given: str | None, command: str) -> Profile:
    """Return the profile that *given* names: a file, or one that comes with the suite.

    Without a name that which is made for *command*, or one that offers HTTP and WebSocket and no settings.

    Raises:
        ProfileError: it is not right.
    """
    shipped = {one.name.removesuffix(".toml"): one for one in _shipped()}
    if given is not None:
        if given in shipped:
            return _profile(tomllib.loads(shipped[given].read_text(encoding="utf-8")), given)
        return read(Path(given))
    for name, file in sorted(shipped.items()):
        profile = _profile(tomllib.loads(file.read_text(encoding="utf-8")), name)
        if profile.command and profile.command in command:
            return profile
    return Profile("server")


def _shipped() -> list[Traversable]:
    return [one for one in (files("seaway.conformance") / "profiles").iterdir() if one.name.endswith(".toml")]


def _profile(data: dict[str, Any], where: str) -> Profile:
    _known(data, _KEYS, where)
    found: dict[str, Any] = {"name": data.get("name", where)}
    for key in ("command", "layer", "name"):
        if key in data:
            found[key] = _text(data[key], f"{where}: {key}")
    if "flavour" in data:
        found["flavour"] = _known([data["flavour"]], ("async", "sync"), f"{where}: flavour")[0]
    if "offers" in data:
        found["offers"] = frozenset(_known(data["offers"], OFFERS, f"{where}: offers"))
    for key, known in (("settings", SETTINGS), ("variants", None)):
        table = data.get(key)
        if table is not None:
            if not isinstance(table, dict) or not table:
                raise ProfileError(f"{where}: expected a table [{key}] with at least one line")
            if known is not None:
                _known(table, known, f"{where}: {key}")
            found[key] = {name: _words(value, f"{where}: {key}.{name}") for name, value in table.items()}
    for name, template in found.get("settings", {}).items():
        if "{value}" not in template:
            raise ProfileError(f"{where}: settings.{name}: expected {{value}} in {template!r}")
    if found.get("layer") and "{layer}" not in _words(found["layer"], f"{where}: layer"):
        raise ProfileError(f"{where}: layer: expected {{layer}} in {found['layer']!r}")
    if "layer" in found.get("offers", ()) and not found.get("layer"):
        raise ProfileError(f"{where}: it offers 'layer': expected layer = \"… {{layer}}\", how the server is given one")
    if "signals" in data:
        if not isinstance(data["signals"], dict) or not data["signals"]:
            raise ProfileError(f"{where}: expected a table [signals] with at least one line")
        _known(data["signals"], ("stop",), f"{where}: signals")
        names = [one.name for one in signal.Signals]
        found["stop"] = signal.Signals[_known([data["signals"]["stop"]], names, f"{where}: signals.stop")[0]]
    return Profile(**found)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise ProfileError(f"{where}: expected a text, got {value!r}")
    return value


def _words(value: object, where: str) -> str:
    """Return *value*, a text that can be split into words."""
    text = _text(value, where)
    try:
        shlex.split(text)
    except ValueError as error:
        raise ProfileError(f"{where}: {text!r} cannot be read: {error}") from error
    return text


def _known(given: Iterable[Any], known: Iterable[str], where: str) -> list[str]:
    if isinstance(given, str):
        raise ProfileError(f"{where}: expected a list, got the text {given!r}")
    if not isinstance(given, Iterable):
        raise ProfileError(f"{where}: expected a list, got {given!r}")
    names = list(known)
    for one in given:
        if one not in names:
            close = difflib.get_close_matches(str(one), names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}"
            raise ProfileError(f"{where}: {one!r} is not known; {hint}")
    return list(given)
