"""The broker of the suite's channel layer: it sees each call of a server's layer object, and delivers what tests want.

Rules of this module: no pytest, no sockets. Left to itself it is a broker like any other, for all servers of one test.
"""

from __future__ import annotations

from typing import Any

import anyio

from seaway.conformance.applications.form import decoded, encoded
from seaway.conformance.client.http import within
from seaway.conformance.serving.consumer import Line

LAYERS = "seaway.conformance.applications.layers"
LAYER = f"{LAYERS}:AsyncTestLayer"


class Broker:
    """The broker of one test.

    Attributes:
        layer: dotted path of the layer class.
        calls: the calls of the layer objects: name and arguments, in the order in which they came.
    """

    def __init__(self, deadline: float, layer: str = LAYER) -> None:
        self.layer = layer
        self.calls: list[tuple[Any, ...]] = []
        self._deadline = deadline
        self._owners: dict[str, Line] = {}
        self._members: dict[str, dict[str, None]] = {}
        self._news = anyio.Event()

    async def deliver(self, channel: str, message: Any) -> None:
        """Have the server that owns *channel* receive *message*, whatever it is."""
        prefix = channel.partition("!")[0] + "!"
        assert prefix in self._owners, f"no server has made {prefix!r}; it has {sorted(self._owners)}"
        await self._owners[prefix].tell("deliver", channel=channel, message=encoded(message))

    async def seen(self, name: str, *arguments: Any) -> None:
        """Wait until the method *name* was called with *arguments*."""
        call = (name, *arguments)
        with within(self._deadline, f"the server has not called {name}{arguments!r} of its layer"):
            while call not in self.calls:
                await self._news.wait()

    async def members(self, group: str) -> list[str]:
        """Return the channels in *group*."""
        return list(self._members.get(group, ()))

    async def called(self, line: Line, event: dict[str, Any]) -> None:
        """Take in what the layer object behind *line* reports, and do what a broker does."""
        name, arguments = event["name"], [decoded(one) for one in event["arguments"]]
        self.calls.append((name, *arguments))
        self._news.set()
        self._news = anyio.Event()
        match name:
            case "new_channel":
                self._owners[arguments[0]] = line
            case "group_add":
                self._members.setdefault(arguments[0], {})[arguments[1]] = None
            case "group_discard":
                self._members.get(arguments[0], {}).pop(arguments[1], None)
            case "close_channel":
                for members in self._members.values():
                    members.pop(arguments[0], None)
            case "send":
                await self._route(arguments[0], arguments[1])
            case "send_group":
                for channel in self._members.get(arguments[0], ()):
                    await self._route(channel, arguments[1])

    async def _route(self, channel: str, message: Any) -> None:
        if channel.partition("!")[0] + "!" in self._owners:
            await self.deliver(channel, message)
