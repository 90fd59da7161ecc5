"""``python -m …launch SERVER APPLICATION PORT [WORD …]``: become the ASGI server SERVER, with APPLICATION in it.

Rules of this module: standard library only. It tells `application` through the environment what to serve, and then
gives the process to the server: signals and the exit code are the server's own. ``--set NAME=VALUE``, ``--grace
SECONDS`` and ``--allow-origin ORIGIN`` are settings of `as_asgi`; all other words are the server's.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence

APPLICATION, SETTINGS = "SEAWAY_CONFORMANCE_APPLICATION", "SEAWAY_CONFORMANCE_SETTINGS"
"""Environment variables: ``module:attribute`` of a Seaway application, and a JSON object of options to their values."""

SERVED = "seaway.conformance.foreign.servers.application:app"

COMMANDS = {
    "uvicorn": f"-m uvicorn {SERVED} --host 127.0.0.1 --port {{port}} --no-access-log",
    "hypercorn": f"-m hypercorn {SERVED} --bind 127.0.0.1:{{port}}",
    "daphne": f"-m daphne {SERVED} --bind 127.0.0.1 --port {{port}} --access-log /dev/null",
    "granian": f"-m granian {SERVED} --interface asgi --host 127.0.0.1 --port {{port}}",
}
"""How each is started, by its name: arguments of the interpreter."""

_OURS = ("--set", "--grace", "--allow-origin")


def main(name: str, application: str, port: str, words: Sequence[str]) -> None:
    """Become the server *name* on *port* of the loopback, with *application* and these *words*."""
    settings, rest = _parted(words)
    os.environ[APPLICATION], os.environ[SETTINGS] = application, json.dumps(settings)
    os.execv(sys.executable, [sys.executable, *shlex.split(COMMANDS[name].format(port=port)), *rest])


def _parted(words: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the settings of `as_asgi`, by option, and the words that are the server's."""
    settings: dict[str, list[str]] = {option: [] for option in _OURS}
    rest: list[str] = []
    left = iter(words)
    for word in left:
        if word in settings:
            settings[word].append(next(left))
        else:
            rest.append(word)
    return settings, rest


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[1] not in COMMANDS:
        sys.exit(f"expected a server ({', '.join(COMMANDS)}), module:application and a port")
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
