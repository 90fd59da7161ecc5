"""The scripts that run at the broker, from the folder ``lua``: whatever has to be done at once is done there.

Rules of this module: a script says at its head what it takes, what it returns, and what it must keep true. It reads
the broker's clock and no other.
"""

from __future__ import annotations

from hashlib import sha1
from importlib.resources import files

import attrs


@attrs.frozen
class Script:
    """A script: its *text*, and the *sha* by which the broker knows it once it was loaded."""

    text: bytes
    sha: bytes


_folder = files("seaway.layers.redis") / "lua"
_common = (_folder / "common.lua").read_bytes()


def _load(name: str) -> Script:
    text = _common + (_folder / f"{name}.lua").read_bytes()
    return Script(text, sha1(text, usedforsecurity=False).hexdigest().encode())


SEND = _load("send")
TEND = _load("tend")
ATTACH = _load("attach")
LOOK = _load("look")
DETACH = _load("detach")
JOIN = _load("join")
LEAVE = _load("leave")
BEAT = _load("beat")
MEMBERS = _load("members")
POLL = _load("poll")
BACK = _load("back")
HISTORY = _load("history")
FLUSH_INBOX = _load("flush_inbox")
FLUSH_LISTS = _load("flush_lists")

SCRIPTS = (SEND, TEND, ATTACH, LOOK, DETACH, JOIN, LEAVE, BEAT, MEMBERS, POLL, BACK, HISTORY, FLUSH_INBOX, FLUSH_LISTS)
BY_SHA = {script.sha: script for script in SCRIPTS}
