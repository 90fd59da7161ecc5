"""A chat room with a live poll, over WebSockets, or by long polling where these do not get through.

`Chat` is asynchronous, `LongPoll` and `Page` are not; all are members of the same groups. The layer carries events to
everybody in a room; a few are remembered here, to tell who comes back what was missed, or that nobody knows.
"""
# ruff: noqa: D102, D103 - the name of a handler says which message it handles

import re
import threading
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from seaway.reference import Consumer, Route, Router, SyncConsumer

Message = dict[str, Any]
CHOICES = ("sync", "async", "both")
REMEMBERED, ROOMS, VOTERS = 100, 1000, 10_000  # messages of a room, rooms, voters in a room
HOLD = 25  # seconds that a long poll waits for news: less than the patience of servers and proxies
EPOCH = f"{time.time_ns():x}"  # tells this process from the one before, which remembered other events
TYPES = {".html": b"text/html; charset=utf-8", ".css": b"text/css", ".js": b"text/javascript", ".svg": b"image/svg+xml"}
FILES = {file.name: file for file in Path(__file__).parent.iterdir() if file.suffix in TYPES}
SAFE = [(b"content-security-policy", b"default-src 'self'"), (b"x-content-type-options", b"nosniff")]


class Room:
    """What this process remembers of a room. Changes are numbered; they come from the loop and from threads."""

    def __init__(self, name: str) -> None:
        self.group = f"demo.room.{name}"
        self.lock = threading.Lock()
        self.messages: deque[Message] = deque(maxlen=REMEMBERED)
        self.votes: dict[str, str] = {}
        self.last = self.forgotten = 0  # the numbers of the last change, and of the last message that is forgotten

    def change(self, request: Any) -> Message:
        """Apply what a browser asks for; return the event that tells everybody. `ValueError`: it is nonsense."""
        with self.lock:
            event: Message = {"number": self.last + 1, "time": time.time()}
            match request:
                case {"kind": "say", "name": str(name), "text": str(text)} if text.strip():
                    event |= {"kind": "message", "name": name.strip()[:30] or "Guest", "text": text.strip()[:1000]}
                    if len(self.messages) == REMEMBERED:
                        self.forgotten = self.messages[0]["number"]
                    self.messages.append(event)
                case {"kind": "vote", "voter": str(voter), "choice": str(choice)} if choice in CHOICES:
                    if voter in self.votes or (len(self.votes) < VOTERS and len(voter) < 50):
                        self.votes[voter] = choice
                    event |= {"kind": "vote", "votes": self.count()}
                case _:
                    raise ValueError("expected something to say, or a vote")
            self.last += 1
            return event

    def count(self) -> dict[str, int]:
        return {choice: Counter(self.votes.values())[choice] for choice in CHOICES}

    def since(self, request: Message) -> Message:
        """Return the state: the messages that a browser has not had yet, and whether others may be missing."""
        cursor = parse_qs(request["query_string"].decode("latin-1")).get("after", [""])[0]
        epoch, _, number = cursor.partition(".")
        with self.lock:
            known = int(number) if epoch == EPOCH and re.fullmatch("[0-9]{1,15}", number) else 0
            missed = bool(cursor) and (epoch != EPOCH or known < self.forgotten)
            new = [event for event in self.messages if event["number"] > known]
            state = {"kind": "state", "epoch": EPOCH, "last": self.last, "missed": missed}
            return {**state, "messages": new, "votes": self.count()}


rooms: dict[str, Room] = {}


def find(name: str) -> Room | None:
    if not re.fullmatch("[a-z0-9-]{1,40}", name) or (name not in rooms and len(rooms) >= ROOMS):
        return None
    return rooms.setdefault(name, Room(name))


class Chat(Consumer):
    """A browser with a WebSocket."""

    async def websocket_connect(self, message: Message, room: str) -> None:
        if (found := find(room)) is None:
            await self.reject(404)
        else:
            self.room = found
            await self.accept()
            await self.group_add(found.group)
            await self.send_json(found.since(message))

    async def websocket_receive(self, message: Message) -> None:
        try:
            event = self.room.change(self.receive_json(message))
            await self.send_group(self.room.group, {"type": "room.event", "event": event})
        except ValueError as error:
            await self.close(1008, str(error)[:100])

    async def room_event(self, message: Message) -> None:
        await self.send_json(message["event"])

    async def layer_gap(self, message: Message) -> None:
        await self.send_json({"kind": "gap", "dropped": message["dropped"]})


class LongPoll(SyncConsumer):
    """A browser without one. POST says something or votes; GET is answered as soon as there is news."""

    waiting = False

    def http_request(self, message: Message, room: str) -> None:
        if (found := find(room)) is None:
            self.respond(404)
        elif message["method"] == "POST":
            try:
                event = found.change(self.receive_json(message))
                self.send_group(found.group, {"type": "room.event", "event": event})
                self.respond_json(event)
            except ValueError as error:
                self.respond(400, str(error))
        else:
            self.room, self.request, self.waiting = found, message, True
            self.group_add(found.group)
            self.send({"type": "server.wake", "after": HOLD})
            if message["query_string"] != f"after={EPOCH}.{found.last}".encode():
                self.room_event(message)

    def room_event(self, message: Message) -> None:
        if self.waiting:
            self.waiting = False
            self.respond_json(self.room.since(self.request), headers=[*SAFE, (b"cache-control", b"no-store")])

    layer_gap = server_wake = server_drain = room_event


class Page(SyncConsumer):
    """The page of a room, and its files."""

    def http_request(self, message: Message, file: str = "page.html", room: str = "lobby") -> None:
        if file not in FILES or find(room) is None:
            self.respond(404, "There is nothing here.")
        else:
            headers = [*SAFE, (b"cache-control", b"no-cache"), (b"content-type", TYPES[FILES[file].suffix])]
            self.respond(200, FILES[file].read_bytes(), headers)


page, chat = Route("/room/{room}/", Page, name="room"), Route("/room/{room}/", Chat, name="room")
poll, files = Route("/room/{room}/events", LongPoll), Route("/static/{file}", Page)
application = Router([Route("/", Page), page, chat, poll, files])
