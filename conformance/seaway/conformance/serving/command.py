"""The command that starts a server: a template, and what is put into it.

Rules of this module: words are split before values are put in, so that no value is split. Whatever is wrong is one
`CommandError`, whose text says what to do.
"""

from __future__ import annotations

import difflib
import re
import secrets
import shlex
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

HOST = "127.0.0.1"

PLACEHOLDERS = {
    "python": "the interpreter that runs the suite",
    "application": "module:attribute of the application to serve",
    "host": "the address to listen on",
    "port": "the port to listen on",
    "layer": "options for the channel layer, if a test needs one; without it they go to the end",
    "settings": "options for what a test sets; without it they go to the end",
}
"""What a template may have in curly brackets. A word ``{layer}`` or ``{settings}`` becomes any number of words."""

_PORTS = range(12_000, 32_000)  # Linux gives 32,768 and above to outgoing connections, others 49,152 and above
_NEEDED = ("application", "port")
_SPREAD = ("layer", "settings")
_placeholder = re.compile(r"\{([^{}]*)\}")


class CommandError(Exception):
    """A command cannot be made from its template."""


def check(template: str) -> None:
    """Check a template.

    Raises:
        CommandError: an unknown placeholder, with the nearest; one that is missing; quotes that do not match.
    """
    words = _words(template)
    found = [name for word in words for name in _placeholder.findall(word)]
    for name in found:
        if name not in PLACEHOLDERS:
            close = difflib.get_close_matches(name, PLACEHOLDERS, n=1)
            hint = f"did you mean {{{close[0]}}}?" if close else f"there are {', '.join(PLACEHOLDERS)}"
            raise CommandError(f"the server command {template!r} has a placeholder {{{name}}}; {hint}")
    for name in _NEEDED:
        if name not in found:
            raise CommandError(f"the server command {template!r} has no {{{name}}}, {PLACEHOLDERS[name]}")
    for name in _SPREAD:
        if name in found and f"{{{name}}}" not in words:
            raise CommandError(f"the server command {template!r}: {{{name}}} must be a word of its own")


def command_line(
    template: str, values: Mapping[str, str], options: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """Return the words of a template that `check` has passed, with its placeholders filled in.

    Args:
        template: the command.
        values: for ``application``, ``host`` and ``port``.
        options: words for ``settings`` and ``layer``.
    """
    given = {"python": sys.executable, "host": HOST, **values}
    rest = dict(options or {})
    words: list[str] = []
    for word in _words(template):
        name = word[1:-1]
        if word == f"{{{name}}}" and name in _SPREAD:
            words += rest.pop(name, ())
        else:
            words.append(_placeholder.sub(lambda match: given[match[1]], word))
    return [*words, *(word for more in rest.values() for word in more)]


def _words(template: str) -> list[str]:
    try:
        return shlex.split(template)
    except ValueError as error:
        raise CommandError(f"the server command {template!r} cannot be read: {error}") from error


def free_port() -> int:
    """Return a TCP port that nobody listens on at this moment.

    It is below those that systems give to outgoing connections: between now and the server's start these come and go.
    """
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port


def reserved_port() -> tuple[int, socket.socket]:
    """Return a TCP port that nobody listens on, and what keeps it from other runs of the suite until it is closed.

    A server takes seconds on a busy machine until it listens; meanwhile another run would find its port free, and talk
    to it instead of its own. The UDP port of that number keeps it: only one can have it, and a server does not mind.
    """
    while True:
        port = free_port()
        keeper = socket.socket(type=socket.SOCK_DGRAM)
        try:
            keeper.bind((HOST, port))
        except OSError:
            keeper.close()
        else:
            return port, keeper
