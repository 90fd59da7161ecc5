"""The connection on asyncio, uvloop included: who asks leaves word whom to tell, and is told where the bytes arrive.

Rules of this module: as in `_connection`. No task waits for an answer, so none has to be woken to take it; a task that
waits for each answer would be a fifth of what one message through a work queue costs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import anyio
import hiredis

from seaway.layers.redis._connection import failed
from seaway.layers.redis._greeting import History
from seaway.layers.redis._streams import Address
from seaway.layers.redis._wire import Command

Answer = list[Any] | ConnectionError
"""The replies to some commands, or why there are none."""


class _Question:
    __slots__ = ("count", "deadline", "replies", "tell", "timeout")

    def __init__(self, count: int, timeout: float, deadline: float, tell: Callable[[Answer], None]) -> None:
        self.count = count
        self.timeout = timeout
        self.deadline = deadline
        self.tell = tell
        self.replies: list[Any] = []


class AsyncioConnection(asyncio.Protocol):
    """See `seaway.layers.redis._connection.Connection`. Any number may ask at the same time."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.history: History | None = None
        self.knows_lists = False
        self.loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(notEnoughData=Ellipsis)
        self._questions: deque[_Question] = deque()
        self._broken = ""
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    @classmethod
    async def open(cls, address: Address, timeout: float) -> AsyncioConnection:
        """Connect; ``ConnectionError`` unless that is done within *timeout* seconds."""
        loop = asyncio.get_running_loop()
        name = address.host if address.tls is not None else None
        new = partial(cls, address)
        try:
            with anyio.fail_after(timeout):
                if address.path:
                    made = await loop.create_unix_connection(new, address.path, ssl=address.tls, server_hostname=name)
                else:
                    made = await loop.create_connection(
                        new, address.host, address.port, ssl=address.tls, server_hostname=name
                    )
        except (OSError, TimeoutError) as error:
            raise failed(address, error) from error
        return made[1]

    def ask(self, commands: Sequence[Command], timeout: float, tell: Callable[[Answer], None]) -> None:
        """Write *commands* at once; *tell* is called with the answer, later. It must not raise.

        Raises:
            ConnectionError: nothing was written.
        """
        if self._broken:
            raise self._why()
        data = b"".join([hiredis.pack_command(command) for command in commands])
        deadline = self.loop.time() + timeout
        self._questions.append(_Question(len(commands), timeout, deadline, tell))
        if self._timer is None or deadline < self._due:
            self._watch(deadline)
        self._transport.write(data)

    async def run(self, commands: Sequence[Command], timeout: float) -> list[Any]:
        """See `Connection.run`."""
        told: asyncio.Future[Answer] = self.loop.create_future()
        self.ask(commands, timeout, partial(_resolve, told))
        try:
            answer = await told
        except BaseException:
            self._break("a call was cancelled between question and answer")
            raise
        if isinstance(answer, ConnectionError):
            raise answer
        return answer

    def is_over(self) -> bool:
        """See `Connection.is_over`."""
        return bool(self._broken)

    def abort(self) -> None:
        """See `Connection.abort`."""
        self._break("given up")

    async def close(self) -> None:
        """See `Connection.close`."""
        self._break("closed")

    # The end

    def _break(self, why: str) -> None:
        """Let whoever waits here fail: one answer is missing, so nobody's will come."""
        self._broken = self._broken or why
        self._transport.abort()

    def _why(self) -> ConnectionError:
        return ConnectionError(f"the broker at {self.address}: {self._broken}")

    def _watch(self, deadline: float) -> None:
        """Look at *deadline* whether an answer is late. One timer for all questions: most are answered long before."""
        if self._timer is not None:
            self._timer.cancel()
        self._due = deadline
        self._timer = self.loop.call_at(deadline, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._questions:
            first = min(self._questions, key=lambda question: question.deadline)
            if first.deadline <= self.loop.time():
                self._break(f"no answer within {first.timeout:.1f} s")
            else:
                self._watch(first.deadline)

    # What the event loop calls

    def connection_made(self, transport: Any) -> None:  # uvloop's is no subclass of asyncio's
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        gets, questions = self._reader.gets, self._questions
        try:
            self._reader.feed(data)
            while questions and not self._broken:
                reply = gets()
                if reply is Ellipsis:
                    return
                question = questions[0]
                question.replies.append(reply)
                if len(question.replies) == question.count:
                    questions.popleft()
                    question.tell(question.replies)
        except hiredis.HiredisError as error:
            self._break(f"{type(error).__name__}: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        error = exc or ConnectionResetError("closed by the broker")
        self._broken = self._broken or f"{type(error).__name__}: {error}"
        if self._timer is not None:
            self._timer.cancel()
        questions = list(self._questions)
        self._questions.clear()
        for question in questions:
            question.tell(self._why())


def _resolve(told: asyncio.Future[Answer], answer: Answer) -> None:
    if not told.done():
        told.set_result(answer)
