"""A server that speaks only WebSocket (its class is *async server (websocket)*), over any layer that it is given.

`python afternoon_server.py FILE [PORT]` serves a chat room; servers with the same FILE share it.
"""

import asyncio
import inspect
import itertools
import logging
import signal
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from typing import Any

from afternoon_message import RESERVED, decode, encode
from afternoon_websocket import Broken, Refusal, accept, check_sent, frame, incoming, parse, response

Message = dict[str, Any]
log = logging.getLogger("afternoon")
DEFAULTS: dict[str, Any] = {
    "max_consumers": 10_000, "max_header_size": 32 << 10, "max_header_fields": 100, "header_timeout": 10.0,
    "handshake_timeout": 10.0, "send_timeout": 30.0, "grace": 10.0, "websocket_max_size": 1 << 20, "origins": (),
    "socket_messages": 16, "socket_bytes": 1 << 16, "layer_messages": 100, "layer_bytes": 1 << 20,
    "spread": 0.05,  # seconds between two closings in a shutdown, if the grace has room for them
}  # fmt: skip
MAY_SEND = {
    "connecting": ("websocket.accept", "websocket.send", "websocket.reject"),
    "open": ("websocket.send", "websocket.close"),
}


class Gone(ConnectionError):  # noqa: N818 - nothing is wrong
    """The connection has ended, which is nobody's fault."""

    def __init__(self, connection: "Connection") -> None:
        super().__init__("the connection has ended (CON-065)")
        self.connection = connection


def refuse(status: int, text: str = "", *headers: tuple[bytes, bytes]) -> bytes:
    """Return an answer of the server's own."""
    kind = (b"content-type", b"text/plain; charset=utf-8")
    return response(status, [kind, *headers], (text or f"{status}").encode() + b"\n")


def weigh(value: Any) -> int:
    """Return the length of all text and bytes in a value (CON-039)."""
    if isinstance(value, str | bytes):
        return len(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return sum(map(weigh, inner))


class Mailbox:
    """What waits for one consumer: a line for the socket and the server, and a side for the layer."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.line: deque[tuple[Message, int | None]] = deque()  # no size: the server's own, beyond all bounds
        self.side: deque[tuple[Message, int | None]] = deque()  # no size: a gap
        self.last_was_socket = False
        self.gap: Message | None = None  # while messages are dropped: where they are counted
        self.filled, self.room = asyncio.Event(), asyncio.Event()

    def full(self) -> bool:
        """Tell whether the socket has to wait."""
        sizes = [size for _, size in self.line if size is not None]
        return bool(len(sizes) >= self.settings["socket_messages"] or sum(sizes) >= self.settings["socket_bytes"])

    def put(self, message: Message, size: int | None = None) -> None:
        """File a message of the socket, or without a size one of the server."""
        self.line.append((message, size))
        self.filled.set()

    def put_last(self, message: Message) -> None:
        """File the terminal message, which messages of the layer do not outlive."""
        self.side.clear()
        self.put(message)
        self.room.set()

    def put_layer(self, message: Message) -> None:
        """File a message of the layer, or count it in a gap."""
        self.filled.set()
        if message["type"] == "layer.gap":
            self._put_gap(dict(message))
            return
        sizes, weight = [size for _, size in self.side if size is not None], weigh(message)
        count, most = self.settings["layer_messages"], self.settings["layer_bytes"]
        if self.gap and len(sizes) <= count / 2 and sum(sizes) <= most / 2:
            self.gap = None
        if self.gap and self.gap["dropped"]:
            self.gap["dropped"] += 1
        elif not self.gap and sizes and (len(sizes) >= count or sum(sizes) + weight > most):
            self.gap = self._put_gap({"type": "layer.gap", "reason": "overflow", "dropped": 1})
        elif not self.gap:
            self.side.append((message, weight))

    def _put_gap(self, gap: Message) -> Message:
        last = self.side[-1][0] if self.side else {}
        if last.get("type") == "layer.gap" and last["reason"] == gap["reason"]:
            both = last["dropped"], gap.get("dropped")
            last["dropped"] = None if None in both else sum(both)
            return last
        self.side.append((gap, None))
        return gap

    def forget_wake(self) -> None:
        """Take out a `server.wake` that was filed and not given."""
        self.line = deque(entry for entry in self.line if entry[0]["type"] != "server.wake")

    async def get(self) -> Message:
        """Return what is next: the two sources in turn, but the layer waits for the server's own messages."""
        while not self.line and not self.side:
            self.filled.clear()
            await self.filled.wait()
        urgent = any(size is None for _, size in self.line)
        if self.line and (urgent or not self.side or not self.last_was_socket):
            message, size = self.line.popleft()
            self.last_was_socket = self.last_was_socket or size is not None
            self.room.set()
        else:
            message, _ = self.side.popleft()
            self.last_was_socket = False
        return message


class View:
    """The part of the layer that a consumer gets."""

    is_async = True

    def __init__(self, connection: "Connection") -> None:
        self._connection, self._server, self._groups = connection, connection.server, set[str]()
        for name in ("interface", "extensions", "capacity", "expiry", "max_message_size"):
            setattr(self, name, getattr(self._server.layer, name))
        self.ChannelFull, self.MessageTooLarge = self._server.layer.ChannelFull, self._server.layer.MessageTooLarge

    async def send(self, channel: str, message: Message) -> None:
        """Send to a channel."""
        await self._call("send", channel, self._read(message))

    async def send_group(self, group: str, message: Message) -> None:
        """Send to a group."""
        await self._call("send_group", group, self._read(message))

    async def group_add(self, group: str, channel: str) -> None:
        """Join a group, for as long as the consumer lives."""
        self._own(channel)
        if self._connection.ended:
            raise RuntimeError("the consumer has ended (CON-023)")
        try:
            await self._call("group_add", group, channel)
        except asyncio.CancelledError:
            if group not in self._groups and not self._server.layer.is_async:  # a thread went on with it (GRP-004)
                await self._call("group_discard", group, channel)
            raise
        self._groups.add(group)

    async def group_discard(self, group: str, channel: str) -> None:
        """Leave a group."""
        self._own(channel)
        await self._call("group_discard", group, channel)
        self._groups.discard(group)

    def _own(self, channel: str) -> None:
        if channel != self._connection.channel:
            raise ValueError("channel: expected the consumer's own (CON-022)")

    def _read(self, message: Message) -> Message:
        """Let the caller change the message from now on: a thread reads it later (LAY-030)."""
        return message if self._server.layer.is_async else decode(encode(message))

    async def _call(self, name: str, *args: Any) -> None:
        done = asyncio.get_running_loop().create_future()
        self._connection.operations.add(done)
        try:
            await self._server.call_layer(name, *args)
        finally:
            self._connection.operations.discard(done)
            done.set_result(None)

    def _refuse(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("this is a view; open a layer of your own for it (CON-021)")

    receive = new_channel = close_channel = flush = statistics = close = _refuse


class Connection:
    """One WebSocket with its consumer; `state` is that of the table of states."""

    def __init__(self, server: "Server", reader: "Reader", writer: asyncio.StreamWriter, connect: Message,
                 channel: str) -> None:  # fmt: skip
        self.server, self.reader, self.writer, self.connect = server, reader, writer, connect
        self.settings, self.loop = server.settings, asyncio.get_running_loop()
        self.channel = channel
        self.mailbox, self.state, self.lock = Mailbox(self.settings), "new", asyncio.Lock()
        self.over, self.opened = self.loop.create_future(), asyncio.Event()
        self.closed_with: tuple[int, str] | None = None  # the close frame that was first
        self.begun = self.calling = self.cancelled = self.ended = False
        self.wake: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[None]  # in which `run` calls the consumer
        self.pong: bytes | None = None
        self.operations: set[asyncio.Future[None]] = set()  # of the view, under way
        self.mailbox.put(connect, weigh(connect))
        self.consumer = server.application("websocket", View(self), self.channel, self.send)
        if not callable(self.consumer):
            raise TypeError("the application returned what cannot be called (CON-012)")
        reader.when_over = self.lost
        if reader.over:
            self.lost(False)

    # What the consumer does

    async def send(self, message: Message) -> None:
        """Send to the client; this is the application's fourth argument."""
        kind = check_sent(message)
        if not self.begun:
            raise ValueError("nothing can be sent before the first call (CON-029)")
        if kind == "server.wake":
            return self._set_wake(message["after"])
        self._check_state(kind)
        async with self.lock:  # whole messages, one after the other
            await self._wait_for_room()
            self._check_state(kind)  # it may have changed
            if kind == "websocket.reject":
                headers, body = list(message.get("headers", [])), message.get("body", b"")
                self.writer.write(response(message.get("status", 403), headers, body))
                self.state = "closing"
                self.end(1006)
            elif kind == "websocket.close":
                self._write_close(message.get("code", 1000), message.get("reason", ""))
                self.state = "closing"
                self.end(1006)  # as it was closed with; the client's answer is not waited for (CON-051)
            else:
                if self.state == "connecting":
                    self.writer.write(accept(self.connect, message if kind == "websocket.accept" else {}))
                    self.state = "open"
                    self.opened.set()
                if kind == "websocket.send":
                    text = message.get("text")
                    self.writer.write(frame(2, message["bytes"]) if text is None else frame(1, text.encode()))
        return None

    def _check_state(self, kind: str) -> None:
        if self.state == "ended":
            raise Gone(self)
        if kind not in MAY_SEND.get(self.state, ()):
            hint = "; use websocket.reject (WS-018)" if self.state == "connecting" else " (WS-015)"
            raise ValueError(f"{kind} is not allowed in the state {self.state}{hint}")

    async def _wait_for_room(self) -> None:
        waited, step, buffer = 0.0, self.settings["send_timeout"] / 8, self.writer.transport.get_write_buffer_size
        while (size := buffer()) > 1 << 16 and not self.over.done():
            drained = asyncio.ensure_future(self.writer.drain())
            await asyncio.wait([drained, self.over], timeout=step, return_when=asyncio.FIRST_COMPLETED)
            drained.cancel()
            lost = (await asyncio.gather(drained, return_exceptions=True))[0]
            waited = waited + step if buffer() >= size else 0
            if waited >= self.settings["send_timeout"] or isinstance(lost, OSError):
                self.writer.transport.abort()
                self.end(1006)

    def _set_wake(self, after: float | None) -> None:
        if self.over.done():
            raise Gone(self)
        self.mailbox.forget_wake()
        if self.wake:
            self.wake.cancel()
        if after is not None:
            self.wake = self.loop.call_later(after, self.mailbox.put, {"type": "server.wake"})

    # How it ends

    def end(self, code: int, reason: str = "") -> None:
        """File the terminal message."""
        if self.over.done():
            return
        self.state = "closed" if self.state == "closing" else "ended"
        self.over.set_result(None)
        if self.wake:
            self.wake.cancel()
        code, reason = self.closed_with or (code, reason)
        self.mailbox.put_last({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.loop.call_later(self.settings["grace"], self.give_up)

    def close(self, code: int, status: int, reason: str = "") -> None:
        """End the connection of the server's own will: with a close code, or before accept with a status."""
        if self.over.done():
            return
        if self.state == "open":
            self._write_close(code, reason)
        elif self.state in ("new", "connecting"):
            self.writer.write(refuse(status))
            code = 1006
        self.end(code, reason)

    def _write_close(self, code: int, reason: str) -> None:
        if self.closed_with is None:
            self.closed_with = code, reason
            self.writer.write(frame(8, b"" if code == 1005 else code.to_bytes(2) + reason.encode()))
            self.loop.call_later(self.settings["handshake_timeout"], self.writer.transport.abort)  # WS-025

    def lost(self, failed: bool) -> None:
        """Take note of the end of the stream; once it is open, what came before is read first."""
        if failed or self.state in ("new", "connecting"):
            self.end(1006)

    def drain(self, reason: str, grace: float) -> None:
        """Tell the consumer that the server is going to close."""
        if not self.over.done():
            self.mailbox.put({"type": "server.drain", "reason": reason, "grace": grace})

    def give_up(self) -> None:
        """Cancel the call that still runs, and later the one after it."""
        if not self.ended:
            self.cancelled = self.calling
            if self.calling:
                self.task.cancel()
            self.loop.call_later(self.settings["grace"], self.give_up)

    # How the consumer is called

    async def run(self) -> None:
        """Call the consumer for each message, in one task and so in one context (CON-034)."""
        terminal = False
        try:
            while not terminal:
                message = await self.mailbox.get()
                terminal = message["type"] == "websocket.disconnect"
                if message is self.connect:
                    self.begun, self.state = True, "connecting" if self.state == "new" else self.state
                    self.loop.call_later(self.settings["handshake_timeout"], self._late)
                await self._give(message, terminal)
        finally:
            self.ended = True
            if self.operations:
                await asyncio.wait(self.operations)
            await self.server.forget(self.channel)

    async def _give(self, message: Message, terminal: bool) -> None:
        self.calling = True
        try:
            result = self.consumer(message)
            if not inspect.isawaitable(result):
                raise TypeError(f"the consumer returned {type(result).__name__}, which cannot be awaited (CON-017)")
            await result
        except BaseException as error:
            own = isinstance(error, Gone) and error.connection is self
            if own or self.cancelled:
                return  # CON-058, CON-054
            log.error("a consumer of %r failed", self.connect["path"], exc_info=error)
            if not terminal:
                self.close(1011, 500)
                self.mailbox.line = deque(list(self.mailbox.line)[-1:])  # only the terminal message (CON-052)
        finally:
            self.calling = False
            if self.cancelled:
                self.cancelled = False
                self.task.uncancel()

    def _late(self) -> None:
        if self.state == "connecting":
            self.close(1006, 503)

    # What the client does

    async def serve(self) -> None:
        """Read from the client until the connection is over."""
        opened = asyncio.ensure_future(self.opened.wait())
        await asyncio.wait([opened, self.over], return_when=asyncio.FIRST_COMPLETED)
        opened.cancel()
        if not self.opened.is_set():
            return
        try:
            async with aclosing(incoming(self.reader, self.settings["websocket_max_size"])) as messages:
                async for kind, data in messages:
                    if kind == "close":
                        self._write_close(*data)
                        self.end(*data)
                    elif kind == "ping":
                        if self.pong is None:
                            self.answering = self.loop.create_task(self._answer())
                        self.pong = data  # of several that wait, the latest
                    elif self.state == "open":
                        await self._take({"type": "websocket.receive", "text": None, "bytes": None, kind: data})
        except Broken as error:
            self.close(error.code, 400, str(error))
            self.writer.write_eof()
            while await self.reader.read(1 << 16):
                pass  # until the client has seen why: a reset could overtake it
        except (OSError, EOFError):
            self.end(1006)

    async def _take(self, message: Message) -> None:
        self.mailbox.put(message, weigh(message))
        while self.state == "open" and self.mailbox.full():  # the stream has a bound of its own, and stops then
            self.mailbox.room.clear()
            await self.mailbox.room.wait()

    async def _answer(self) -> None:
        async with self.lock:
            await self._wait_for_room()
            if self.closed_with is None and self.pong is not None:
                self.writer.write(frame(10, self.pong))
            self.pong = None


class Reader(asyncio.StreamReader):
    """A stream that tells when it is over, also while nobody reads from it."""

    when_over: Callable[[bool], None] = staticmethod(lambda failed: None)
    begun = over = False

    def feed_data(self, data: Any) -> None:
        """Take bytes from the transport."""
        self.begun = True
        super().feed_data(data)

    def feed_eof(self) -> None:
        """Take the end from the transport."""
        super().feed_eof()
        self.over = True
        self.when_over(False)

    def set_exception(self, exc: Exception) -> None:
        """Take an error from the transport."""
        super().set_exception(exc)
        self.when_over(True)


class Server:
    """Serves `application` on a TCP port; `run` returns after a shutdown, which `stop` begins."""

    def __init__(self, application: Any, layer: Any, host: str = "127.0.0.1", port: int = 0, **settings: Any) -> None:
        if unknown := settings.keys() - DEFAULTS.keys():
            raise TypeError(f"unknown settings: {', '.join(unknown)}")
        if not getattr(application, "is_async", True):
            raise TypeError("this server runs asynchronous applications only (CON-016)")
        if "lifespan" in getattr(application, "types", ()):
            raise TypeError("this server does not speak lifespan (LIF-003)")
        if layer.interface.partition(".")[0] != "1":
            raise TypeError(f"the layer has interface {layer.interface}, the server 1.0 (VER-003)")
        self.application, self.layer, self.host, self.port = application, layer, host, port
        self.settings = DEFAULTS | settings
        self.types = getattr(application, "types", ("http", "websocket"))
        self.connections: dict[str, Connection] = {}  # whose consumers have not ended
        self.handlers: set[asyncio.Task[None]] = set()
        self.idle: set[asyncio.Task[None]] = set()  # of them: no request yet
        self.numbers, self.unknown, self.logged = itertools.count(), 0, set[str]()
        self.ready, self.stopping, self.hurry = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.pool = ThreadPoolExecutor(8)  # for a layer that blocks
        self.receiver = ThreadPoolExecutor(1)

    def stop(self) -> None:
        """Begin a graceful shutdown; a second time, end its grace."""
        (self.hurry if self.stopping.is_set() else self.stopping).set()

    async def run(self) -> None:
        """Serve until `stop` and what follows from it is done."""
        loop, grace = asyncio.get_running_loop(), self.settings["grace"]
        self.inbox = await self.call_layer("new_channel", "server!")
        pump = loop.create_task(self._pump())

        def connected() -> asyncio.StreamReaderProtocol:
            reader = Reader(limit=self.settings["max_header_size"], loop=loop)
            return asyncio.StreamReaderProtocol(reader, lambda _, writer: self._handle(reader, writer), loop)

        listening = await loop.create_server(connected, self.host, self.port)
        self.port = listening.sockets[0].getsockname()[1]
        self.ready.set()
        await self.stopping.wait()
        listening.close()
        end, connections = loop.time() + grace, list(self.connections.values())
        pause = min(self.settings["spread"], grace / (len(connections) + 1))
        for task in self.idle:
            task.cancel()
        for i, connection in enumerate(connections, 1):
            connection.drain("shutdown", grace)
            loop.call_later(pause * i, self._spread, connection)
        while (self.handlers or self.connections) and loop.time() < end and not self.hurry.is_set():
            await asyncio.sleep(0.01)
        for patience in (0.3, 0.3):  # once for the calls that run, once for those with the terminal message (SRV-034)
            for connection in list(self.connections.values()):
                connection.close(1012, 503)
                connection.give_up()
            soon = loop.time() + patience
            while self.connections and loop.time() < soon:
                await asyncio.sleep(0.01)
        for task in list(self.handlers):
            task.cancel()
        await self.call_layer("close")
        await asyncio.wait([pump], timeout=0.1)
        self.pool.shutdown(wait=False)
        self.receiver.shutdown(wait=False)

    def _spread(self, connection: Connection) -> None:
        if connection.state == "open":
            connection.close(1012, 503)

    async def call_layer(self, name: str, *args: Any) -> Any:
        """Call a method of the layer: in a thread, if it blocks."""
        method = getattr(self.layer, name)
        if self.layer.is_async:
            return await method(*args)
        pool = self.receiver if name == "receive" else self.pool
        work = asyncio.get_running_loop().run_in_executor(pool, method, *args)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait([work])  # a thread cannot be cancelled
            raise

    async def forget(self, channel: str) -> None:
        """Let go of a consumer that has ended."""
        try:
            await self.call_layer("close_channel", channel)
        finally:
            self.connections.pop(channel, None)

    async def _pump(self) -> None:
        try:
            while True:
                self._deliver(*await self.call_layer("receive", [self.inbox]))
        except Exception:
            if not self.stopping.is_set():
                log.exception("the layer cannot be received from")
                self.stop()

    def _deliver(self, channel: str, message: Message) -> None:
        kind, bridge = message["type"], getattr(self.application, "bridge", False) is True
        if kind == "layer.gap" and channel == self.inbox:
            for connection in self.connections.values():
                if not connection.over.done():
                    connection.mailbox.put_layer({**message, "dropped": None})
        elif channel not in self.connections:
            self.unknown += 1  # LAY-069
        elif kind.startswith(RESERVED) and kind != "layer.gap" and not (bridge and kind.startswith("bridge.")):
            if kind not in self.logged and len(self.logged) < 100:
                self.logged.add(kind)
                log.warning("dropped %r, which only a server may make (MSG-022)", kind)
        elif not self.connections[channel].over.done():
            self.connections[channel].mailbox.put_layer(message)

    async def _handle(self, reader: Reader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self.handlers.add(task)
        try:
            try:
                connection = await self._open(reader, writer, task)
            except Refusal as refusal:
                answer = refuse(refusal.status, str(refusal), *refusal.headers)
                writer.write(answer[: answer.index(b"\r\n\r\n") + 4] if refusal.to_head else answer)
                writer.write_eof()
                with suppress(TimeoutError):
                    async with asyncio.timeout(1):  # what is not read would reset the connection
                        while await reader.read(1 << 16):
                            pass
            else:
                await connection.serve()
            writer.close()
            async with asyncio.timeout(self.settings["handshake_timeout"]):
                await writer.wait_closed()
        except (OSError, EOFError, asyncio.CancelledError):  # a time-out is an OSError too
            pass
        finally:
            writer.transport.abort()
            self.handlers.discard(task)

    async def _open(self, reader: Reader, writer: asyncio.StreamWriter, task: asyncio.Task[None]) -> Connection:
        if self.stopping.is_set():
            raise ConnectionError("a connection on which no request has begun (SRV-012)")
        self.idle.add(task)
        try:
            async with asyncio.timeout(self.settings["header_timeout"]):
                head = await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            if reader.begun:
                raise Refusal(408, "too slow") from None
            raise
        except asyncio.LimitOverrunError:
            raise Refusal(431, "too long") from None
        finally:
            self.idle.discard(task)
        origins, fields = self.settings["origins"], self.settings["max_header_fields"]
        head = head.removeprefix(b"\r\n")
        try:
            connect = parse(head, self.types, origins, fields)
        except Refusal as refusal:
            refusal.to_head = head.startswith(b"HEAD ")
            raise
        for key, name in (("client", "peername"), ("server", "sockname")):
            connect[key] = writer.get_extra_info(name)[:2]
        if len(self.connections) >= self.settings["max_consumers"]:
            raise Refusal(503, "too many connections", (b"retry-after", b"1"))
        channel = f"{self.inbox}{next(self.numbers)}"
        try:
            connection = Connection(self, reader, writer, connect, channel)
        except BaseException as error:
            log.error("the application failed for %r", connect["path"], exc_info=error)
            await self.forget(channel)
            raise Refusal(500, "internal server error") from None
        self.connections[channel] = connection
        connection.task = asyncio.create_task(connection.run())
        return connection


class Chat:
    """A chat room, as in the chapter on consumers."""

    is_async, types = True, ("websocket",)

    def __init__(self, type: str, channel_layer: Any, consumer_channel: str, send: Any) -> None:
        self.layer, self.channel, self.send = channel_layer, consumer_channel, send

    async def __call__(self, message: Message) -> None:
        """Take one message."""
        match message["type"]:
            case "websocket.connect":
                await self.layer.group_add("room", self.channel)
                await self.send({"type": "websocket.accept"})
            case "websocket.receive":
                await self.layer.send_group("room", {"type": "chat.line", "text": message["text"] or ""})
            case "chat.line":
                await self.send({"type": "websocket.send", "text": message["text"]})


async def main(path: str, port: int = 8000) -> None:
    """Serve the chat room until a signal."""
    from afternoon_layer import AfternoonLayer

    server = Server(Chat, AfternoonLayer(path), port=port)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    serving = asyncio.create_task(server.run())
    ready = asyncio.create_task(server.ready.wait())
    await asyncio.wait([serving, ready], return_when=asyncio.FIRST_COMPLETED)
    print(f"ws://{server.host}:{server.port}/", flush=True)
    await serving


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
