"""A fault run: processes that send and receive through proxies, faults, and the judgement of the history checker.

Rules of this module: it knows brokers, proxies and logs, and a layer by its URL only. What happened is in the logs of
the processes; each fault is in them too, and one counts only if calls were in flight when it came.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Set
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import asdict, evolve, frozen
from fault_worker import Part

from seaway.conformance.brokers import Cluster, ClusterProxy, FaultProxy, Server
from seaway.conformance.history import Bounds, Event, History, as_event, check, read_logs
from seaway.conformance.history_spans import Spans
from seaway.conformance.recorder import Recorder
from seaway.spec import inbox_of

LARGE = os.environ.get("SEAWAY_FAULTS") == "large"
OPTIONS: dict[str, Any] = {} if LARGE else {"send_deadline": 6.0}
"""Of all layer objects: a large run has a quiet machine, and what is promised by default; in CI a machine that is busy
is no broker that is away."""
READY_SECONDS = 60.0
FLOW_SECONDS = 30.0
TICK_SECONDS = 0.02
"""A fault that lasts is logged again and again, so that the checker sees that it does."""
SENDING = ("send", "send_group", "group_add", "group_discard")


@frozen
class Fault:
    """A fault, from *begin* to *end* in nanoseconds, to the connections of *processes*."""

    begin: float
    end: float
    processes: frozenset[str]


class Process:
    """A worker process, and the proxy between it and the broker."""

    def __init__(self, part: Part, proxy: FaultProxy | ClusterProxy) -> None:
        self.part = part
        self.proxy = proxy
        self.inbox = ""
        self._popen = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("fault_worker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self.tell(json.dumps(asdict(part)))

    def tell(self, line: str) -> None:
        """Write one line to it."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(f"{line}\n")
        self._popen.stdin.flush()

    def answer(self, seconds: float = READY_SECONDS) -> dict[str, Any]:
        """Return its next line."""
        assert self._popen.stdout is not None
        ready, _, _ = select.select([self._popen.stdout], [], [], seconds)
        line = self._popen.stdout.readline() if ready else ""
        assert line, f"{self.part.name} has not answered within {seconds:g} s; its exit code is {self._popen.poll()}"
        found: dict[str, Any] = json.loads(line)
        return found

    def kill(self) -> None:
        """Kill it."""
        self._popen.send_signal(signal.SIGKILL)
        self._popen.wait()

    def freeze(self) -> None:
        """Stop it; `thaw` lets it go on."""
        self._popen.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._popen.send_signal(signal.SIGCONT)

    @property
    def runs(self) -> bool:
        """Whether it does."""
        return self._popen.poll() is None

    def close(self) -> None:
        """End it."""
        if self.runs:
            self._popen.kill()
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                pipe.close()
        self.proxy.close()


class News:
    """What the logs in *folder* say from now on; what they said before is not read, for it may be very much."""

    def __init__(self, folder: Path) -> None:
        self._ends = {path: path.stat().st_size for path in sorted(folder.glob("*.log"))}
        self._sent: set[str] = set()
        self._came: list[tuple[str, str]] = []

    def heard(self, moment: float) -> set[str]:
        """Return which processes have had a message that was sent after *moment*."""
        for event in self._read():
            if event.operation in ("send", "send_group") and event.phase == "begun" and event.time > moment * 1e9:
                self._sent.add(event.message)
            elif event.operation == "receive" and event.message:
                self._came.append((event.process, event.message))
        return {process for process, message in self._came if message in self._sent}

    def _read(self) -> Iterator[Event]:
        for path, end in self._ends.items():
            with path.open("rb") as log:
                log.seek(end)
                whole, _, _ = log.read().rpartition(b"\n")
            if whole:
                self._ends[path] = end + len(whole) + 1
                yield from map(as_event, whole.decode().split("\n"))


class Stage:
    """Where a fault run plays. Use it by ``with``; then `begin`, faults inside `fault`, and `judge`.

    Args:
        server: the broker.
        folder: for the logs.
        bounds: what the layer objects are made with.
        url: where they find the broker by themselves, past their proxies.
    """

    def __init__(self, server: Server | Cluster, folder: Path, bounds: Bounds, url: str = "") -> None:
        self.server = server
        self.processes: list[Process] = []
        self.back: list[float] = []
        self.faults: list[Fault] = []
        self.bounds = bounds
        self._folder = folder
        self._url = url
        self._options = {**OPTIONS, "expiry": bounds.expiry, "lease": bounds.lease, "namespace": folder.name}
        self._options.update({} if bounds.capacity is None else {"capacity": bounds.capacity})
        self._recorder = Recorder.to_file("stage", folder / "stage.log")
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def _launch(self, part: Part) -> Process:
        proxy = self._stack.enter_context(
            ClusterProxy(self.server) if isinstance(self.server, Cluster) else FaultProxy(self.server)
        )
        log = self._folder / f"{part.name}.log"
        process = Process(evolve(part, log=str(log), url=self._url or proxy.url, options=self._options), proxy)
        self._stack.callback(process.close)
        self.processes.append(process)
        return process

    def begin(self, readers: int, senders: int, kinds: tuple[str, ...], **part: Any) -> None:
        """Start processes, of *kinds* in turn, and return when all work.

        Args:
            readers: processes that receive.
            senders: processes that send, each with 8 tasks or threads.
            kinds: see `Part.kind`.
            part: more of `Part`.
        """
        plain = Part(name="", log="", url="", options={}, **part)
        for number in range(readers):
            kind = kinds[number % len(kinds)]
            self._launch(evolve(plain, name=f"reader{number}", kind=kind, reads=True, senders=0))
        for process in self.processes:
            process.inbox = process.answer()["inbox"]
        inboxes = tuple(process.inbox for process in self.processes)
        for number in range(senders):
            kind = kinds[number % len(kinds)]
            one = evolve(plain, name=f"sender{number}", kind=kind, inboxes=inboxes, senders=part.get("senders", 8))
            self._launch(one).answer()

    @property
    def readers(self) -> list[Process]:
        """Those that receive."""
        return [process for process in self.processes if process.part.reads]

    @property
    def senders(self) -> list[Process]:
        """Those that send."""
        return [process for process in self.processes if not process.part.reads]

    @contextmanager
    def fault(self, processes: list[Process] | None = None) -> Iterator[None]:
        """Log a fault that begins here, and ends with the block, to *processes*; if they are not given, to all."""
        touched = self.processes if processes is None else processes
        begin = time.monotonic_ns()
        self._recorder.happened("fault")
        is_over = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(is_over,))
        ticker.start()
        try:
            yield
        finally:
            is_over.set()
            ticker.join()
            names = frozenset(process.part.name for process in touched)
            self.faults.append(Fault(begin, time.monotonic_ns(), names))

    def _tick(self, is_over: threading.Event) -> None:
        while not is_over.wait(TICK_SECONDS):
            self._recorder.happened("fault")
        self._recorder.happened("fault")

    def flow(self) -> None:
        """Return when every reader that lives has had a message that was sent after now.

        `judge` says how long it took.
        """
        self.back.append(time.monotonic())
        news = News(self._folder)
        silent = {process.part.name for process in self.readers if process.runs}
        while silent and time.monotonic() < self.back[-1] + FLOW_SECONDS:
            time.sleep(0.2)
            silent -= news.heard(self.back[-1])

    def _events(self) -> list[Event]:
        return read_logs(sorted(self._folder.glob("*.log")))

    def touched(self) -> None:
        """Log that something happens to the broker that is no fault of ours, and does not count as one."""
        self._recorder.happened("fault")

    def killed(self, process: Process) -> None:
        """Kill *process*, and log it."""
        with self.fault([process]):
            process.kill()
            self._recorder.happened("killed", process.part.name)

    def end(self) -> list[Event]:
        """Let senders end, then, when they have recovered from the last fault, readers; return what all have logged."""
        last = max((fault.end for fault in self.faults), default=0.0) / 1e9
        for group in (self.senders, self.readers):
            if group == self.readers:
                time.sleep(max(0.0, last + self.bounds.recovery - time.monotonic()))
            living = [process for process in group if process.runs]
            for process in living:
                process.tell("end")
            for process in living:
                assert process.answer() == {"ended": True}
        return self._events()


class Account:
    """What a run has come to.

    Attributes:
        faults: how many there were.
        hits: how many of these came while a call was in flight that they touched: a send or a change of a group by a
            process whose connection failed, or a send to one.
        in_flight: how many such calls there were, all together.
        sent: messages whose send returned.
        received: messages that came.
        gaps: by reason, how many gaps came.
        flowing: seconds from each moment when the broker was back until every reader had a message sent after it.
    """

    def __init__(self, events: list[Event], stage: Stage) -> None:
        history = History(events, stage.bounds)
        readers = {process.part.name: process.inbox for process in stage.readers}
        calls = Spans(history.of(*SENDING))
        hit = [_hits(calls, fault, readers) for fault in stage.faults]
        self.faults = len(hit)
        self.hits = sum(count > 0 for count in hit)
        self.in_flight = sum(hit)
        self.sent = sum(call.returned for call in history.of("send", "send_group"))
        self.received = sum(bool(call.came) for call in history.received)
        self.gaps: dict[str, int] = {}
        for gap in history.gaps:
            reason = gap.last.reason if gap.last else ""
            self.gaps[reason] = self.gaps.get(reason, 0) + 1
        killed = {event.process for event in events if event.operation == "killed"}
        living = readers.keys() - killed
        self.flowing = [_last_of(history, moment, living) for moment in stage.back]

    def __str__(self) -> str:
        flowing = ", ".join(f"{seconds:.2f}" for seconds in self.flowing) or "-"
        return (
            f"{self.hits} of {self.faults} faults hit {self.in_flight} calls; {self.sent} sent, "
            f"{self.received} received, gaps {self.gaps or 'none'}; flowing after {flowing} s"
        )


def _hits(calls: Spans, fault: Fault, readers: dict[str, str]) -> int:
    """Return how many of *calls* *fault* came upon; *readers* are inboxes by process."""
    inboxes = [inbox for name, inbox in readers.items() if name in fault.processes]
    count = 0
    for call in calls.between(fault.begin, fault.end):
        target = inbox_of(call.channel) if call.channel else None
        to_reader = bool(inboxes) and (target is None or target in inboxes)
        count += call.first.process in fault.processes or to_reader
    return count


def _last_of(history: History, moment: float, readers: Set[str]) -> float:
    """Return after how many seconds each of *readers* had had a message sent after *moment*; infinity if never."""
    begin = moment * 1e9
    silent = set(readers)
    for call in history.received[bisect_left(history.received, begin, key=lambda call: call.end) :]:
        send = history.sends.get(call.came)
        if send is not None and send.begin > begin:
            silent.discard(call.first.process)
        if not silent:
            return (call.end - begin) / 1e9
    return float("inf")


def judge(stage: Stage, *, at_least: int, within: float) -> Account:
    """End the run and judge it.

    Args:
        stage: where it played.
        at_least: so many faults must have hit calls in flight.
        within: seconds in which traffic must flow again after each fault.

    Raises:
        AssertionError: the guarantees do not explain the logs, or the faults proved nothing, or traffic did not flow.
    """
    events = stage.end()
    account = Account(events, stage)
    print(account)
    check(events, stage.bounds)
    assert account.hits >= at_least, f"too few faults hit calls in flight to prove anything: {account}"
    assert account.received, f"nothing came: {account}"
    late = [seconds for seconds in account.flowing if seconds > within]
    assert not late, f"traffic did not flow again within {within:g} s: {account}"
    return account
