"""The works of the benchmark, P1 to P10: who is compared with whom, and what is to be reached."""

import functools
import http.client
import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Final

from seaway.conformance.bench import end_to_end, layer_load, redis_works, websocket_load, wrk
from seaway.conformance.bench.applications.routes import HELLO, ROUTED_PATH
from seaway.conformance.bench.errors import BenchError
from seaway.conformance.bench.processes import ServerProcess, can_account, per_cpu_second, running, sample_of
from seaway.conformance.bench.report import Goal, Role, Sample
from seaway.conformance.bench.scenarios import KIBIBYTES, PER_CPU_SECOND, PER_SECOND, Contender, Scenario
from seaway.conformance.bench.servers import BENCH_EXTRA, DAPHNE, GRANIAN, HYPERCORN, OURS, UVICORN, Server

WORKS: Final = ("P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10")

_APPLICATIONS: Final = "seaway.conformance.bench.applications"
_PEERS: Final = (UVICORN, GRANIAN, HYPERCORN, DAPHNE)
_OUR_LAYER: Final = "seaway.layers:MemoryLayer"
_DEFAULT_CAPACITY: Final = 100


def scenarios(layers: tuple[str, ...], servers: tuple[Server, ...]) -> Iterator[Scenario]:
    """Yield the scenarios of all works; `layers` and `servers` are guests that take part."""
    yield from _one_channel(layers)
    yield _one_group(layers)
    yield from redis_works.scenarios()
    for browser_headers in (False, True):
        yield _plain_http(servers, browser_headers)
        yield _routed_http(servers, browser_headers)
    yield _echo(servers)
    yield _idle(servers)
    yield end_to_end.scenario()


# P1 and P2: layers


def _one_channel(layers: tuple[str, ...]) -> Iterator[Scenario]:
    title = "memory layer, 1 channel, 20 senders, 1 receiver, 150-byte message"
    goals = (
        Goal(PER_SECOND.name, ("channels",), at_least=4),
        Goal(PER_SECOND.name, ("asyncio.Queue",), at_least=0.3),
    )
    bounds = {"capacity 100": _DEFAULT_CAPACITY, "never full": 2 * layer_load.BURST}
    for name, capacity in bounds.items():
        contenders = (
            *_layer_contenders("P1", layers, capacity),
            _layer_contender("P1", "asyncio.Queue", "peer", "queue", capacity),
        )
        yield Scenario("P1", name, title, (PER_SECOND, PER_CPU_SECOND), goals, contenders)


def _one_group(layers: tuple[str, ...]) -> Scenario:
    title = "memory layer, one group, 1000 channels, every message to each; deliveries"
    goals = (Goal(PER_SECOND.name, ("channels",), at_least=100),)
    contenders = tuple(_layer_contenders("P2", layers, _DEFAULT_CAPACITY))
    return Scenario("P2", "group", title, (PER_SECOND, PER_CPU_SECOND), goals, contenders)


def _layer_contenders(work: str, layers: tuple[str, ...], capacity: int) -> Iterator[Contender]:
    yield _layer_contender(work, "seaway", "ours", _OUR_LAYER, capacity)
    yield _layer_contender(work, "channels", "peer", "channels", capacity, ("channels",))
    for layer in layers:
        yield _layer_contender(work, layer, "guest", layer, capacity)


def _layer_contender(
    work: str, name: str, role: Role, subject: str, capacity: int, modules: tuple[str, ...] = ()
) -> Contender:
    measure = functools.partial(_measure_layer, work, subject, capacity)
    return Contender(name, role, measure, modules, BENCH_EXTRA)


def _measure_layer(work: str, subject: str, capacity: int, seconds: float) -> Sample:
    words = [sys.executable, "-m", layer_load.__name__, work, subject]
    words += [f"--capacity={capacity}", f"--seconds={seconds}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return sample_of(done, subject)


# P7: HTTP


def _plain_http(servers: tuple[Server, ...], browser_headers: bool) -> Scenario:
    goals = (
        Goal(PER_SECOND.name, ("uvicorn",), at_least=1.6),
        Goal(PER_CPU_SECOND.name, ("granian",), at_least=1),
    )
    contenders = tuple(
        _server_contender(server.name, server, _application(server, "hello"), _http("/", HELLO, browser_headers))
        for server in (OURS, *_PEERS, *servers)
    )
    return _http_scenario("plain", "HTTP hello, a plain consumer", goals, contenders, browser_headers)


def _routed_http(servers: tuple[Server, ...], browser_headers: bool) -> Scenario:
    goals = (Goal(PER_SECOND.name, ("starlette under uvicorn",), at_least=1.6),)
    load = _http(ROUTED_PATH, HELLO + b"17", browser_headers)
    contenders = [
        _server_contender(server.name, server, _application(server, "routes"), load) for server in (OURS, *servers)
    ]
    for server in (UVICORN, GRANIAN):
        application = f"{_APPLICATIONS}.starlette_routes:routes"
        contenders.append(
            _server_contender(f"starlette under {server.name}", server, application, load, ("starlette",))
        )
    title = "HTTP hello, a consumer class behind 20 routes"
    return _http_scenario("routed", title, goals, tuple(contenders), browser_headers)


def _http_scenario(
    name: str, title: str, goals: tuple[Goal, ...], contenders: tuple[Contender, ...], browser_headers: bool
) -> Scenario:
    if browser_headers:
        name, title = f"{name}, browser", f"{title}, with a browser's headers that change"
    blocked = _no_accounting() or (None if wrk.is_installed() else wrk.INSTALL)
    return Scenario("P7", name, title, (PER_SECOND, PER_CPU_SECOND), goals, contenders, blocked)


Load = Callable[[ServerProcess, float], Sample]


def _http(path: str, expected: bytes, browser_headers: bool) -> Load:
    def load(server: ServerProcess, seconds: float) -> Sample:
        _check_answer(server, path, expected)
        url = f"http://{server.host}:{server.port}{path}"
        wrk.run(url, 1, browser_headers=browser_headers)  # warm-up
        cpu = server.cpu_seconds()
        result = wrk.run(url, seconds, browser_headers=browser_headers)
        cpu = server.cpu_seconds() - cpu
        return {
            PER_SECOND.name: result.requests_per_second,
            PER_CPU_SECOND.name: per_cpu_second(result.requests, cpu),
        }

    return load


def _check_answer(server: ServerProcess, path: str, expected: bytes) -> None:
    """Refuse to measure a server that answers quickly but wrongly."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        status, body = response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise BenchError(f"GET {path} was not answered: {error!r}") from error
    finally:
        connection.close()
    if (status, body) != (200, expected):
        raise BenchError(f"GET {path} was answered with {status} {body[:80]!r} instead of 200 {expected!r}.")


# P8 and P9: WebSocket


def _echo(servers: tuple[Server, ...]) -> Scenario:
    goals = (Goal(PER_SECOND.name, tuple(peer.name for peer in _PEERS), at_least=1.5),)
    title = f"WebSocket echo, {websocket_load.ECHO_CONNECTIONS} connections, {len(websocket_load.TEXT)} bytes"
    metrics = (PER_SECOND, PER_CPU_SECOND)
    return Scenario("P8", "echo", title, metrics, goals, _websocket(servers, _load_echo), _no_websockets())


def _idle(servers: tuple[Server, ...]) -> Scenario:
    goals = (Goal(KIBIBYTES.name, at_most=4),)
    count = websocket_load.IDLE_CONNECTIONS
    title = f"memory of an idle WebSocket, {count} of them, each with a consumer and its channel"
    return Scenario("P9", "idle", title, (KIBIBYTES,), goals, _websocket(servers, _load_idle), _no_websockets())


def _websocket(servers: tuple[Server, ...], load: Load) -> tuple[Contender, ...]:
    return tuple(
        _server_contender(server.name, server, _application(server, "echo"), load)
        for server in (OURS, *_PEERS, *servers)
    )


def _load_echo(server: ServerProcess, seconds: float) -> Sample:
    return websocket_load.echo(f"ws://{server.host}:{server.port}/", seconds, server.cpu_seconds)


def _load_idle(server: ServerProcess, seconds: float) -> Sample:
    return websocket_load.idle(f"ws://{server.host}:{server.port}/", server.resident_bytes)


# Common to P7, P8 and P9


def _application(server: Server, name: str) -> str:
    return f"{_APPLICATIONS}.{'asgi' if server.speaks_asgi else 'consumers'}:{name}"


def _server_contender(
    name: str, server: Server, application: str, load: Load, modules: tuple[str, ...] = ()
) -> Contender:
    def measure(seconds: float) -> Sample:
        with running(server.template, application) as process:
            return load(process, seconds)

    return Contender(name, server.role, measure, server.modules + modules, server.install)


def _no_accounting() -> str | None:
    if can_account():
        return None
    return "the processor time and memory of servers are read from /proc: run it on Linux"


def _no_websockets() -> str | None:
    if importlib.util.find_spec("picows") is None:
        return f"picows is missing: install it with `{BENCH_EXTRA}`"
    return _no_accounting()
