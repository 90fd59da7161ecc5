"""The ASGI servers that applications are tried under, each as a process."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs

from ..scripted import until


@attrs.frozen
class ASGIServer:
    """How one is started, and what of ASGI it lacks. `command`: its arguments, with {app} and {port}."""

    command: str
    has_lifespan: bool = True
    cuts: bool = True  # whether it ends the connection of a response that its application leaves incomplete
    denies: bool = True  # whether a WebSocket can be rejected with another status than 403
    tells_codes: bool = True  # whether websocket.disconnect has the code of the client's close frame
    dates: bool = True  # whether it adds a date to a response that has none
    status: int = 0  # of a process that SIGTERM has ended


SERVERS = {
    "uvicorn": ASGIServer("uvicorn {app} --port {port} --no-access-log", status=-signal.SIGTERM),
    "hypercorn": ASGIServer("hypercorn {app} --bind 127.0.0.1:{port}", tells_codes=False),
    "hypercorn-trio": ASGIServer("hypercorn {app} --bind 127.0.0.1:{port} --worker-class trio", tells_codes=False),
    "granian": ASGIServer("granian {app} --interface asgi --port {port}"),
    "daphne": ASGIServer("daphne {app} --port {port}", has_lifespan=False, cuts=False, denies=False, dates=False),
}


class ServerProcess:
    """One of them, running `app`, a dotted name and an attribute; and what it has written so far."""

    def __init__(self, server: ASGIServer, app: str, directory: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address: Any = free.getsockname()
        self.output = directory / "output"
        command = server.command.format(app=app, port=self.address[1]).split()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1"}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command], stdout=output, stderr=output, env=environment, start_new_session=True
            )

    @property
    def text(self) -> str:
        return self.output.read_text()

    @property
    def seen(self) -> list[list[str]]:
        """What the consumers were called with: inbox, number, type and more."""
        return [line.split()[1:] for line in self.text.splitlines() if line.startswith("saw ")]

    async def ready(self) -> None:
        def answers() -> bool:
            assert self.process.poll() is None, self.text
            with socket.socket() as probe:
                return probe.connect_ex(self.address) == 0

        await until(answers, "the start of the server")

    async def exit(self) -> int:
        """Ask it to end, and wait until it has."""
        self.process.send_signal(signal.SIGTERM)
        await until(lambda: self.process.poll() is not None, f"the end of the process: {self.text}")
        return self.process.wait()

    def kill(self) -> None:
        """End it and what it has started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
