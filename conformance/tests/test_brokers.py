"""The brokers and the proxy that fault tests stand on: what they claim to do to a connection is done."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis.crc import key_slot
from redis.exceptions import RedisError

from seaway.conformance.brokers import Cluster, FaultProxy, Sentinels, Server, redis_binary
from seaway.conformance.brokers.proxy import _loop

BINARIES = [pytest.param("", id="valkey")]
if redis_binary():
    BINARIES.append(pytest.param(redis_binary(), id="redis"))

PING, PONG = b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"
GET = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
BLPOP = b"*3\r\n$5\r\nBLPOP\r\n$1\r\nl\r\n$1\r\n0\r\n"
INCR = b"*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def proxy(server: Server) -> Iterator[FaultProxy]:
    with FaultProxy(server) as proxy:
        yield proxy


def connect(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def ask(connection: socket.socket, request: bytes, size: int) -> bytes:
    connection.sendall(request)
    found = b""
    while len(found) < size and (data := connection.recv(size - len(found))):
        found += data
    return found


@pytest.mark.parametrize("binary", BINARIES)
def test_a_server_comes_back_at_its_port_without_its_data(binary: str) -> None:
    with Server(binary=binary) as server:
        port = server.port
        server.command("SET", "k", "v")
        server.restart_empty()
        assert (server.port, server.command("GET", "k")) == (port, None)


def test_a_frozen_server_accepts_but_does_not_answer_until_it_is_started(server: Server) -> None:
    server.command("SET", "k", "v")
    server.freeze()
    with socket.create_connection(("127.0.0.1", server.port), timeout=0.2) as connection:
        connection.sendall(PING)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    server.start()
    assert server.command("GET", "k") == "v"


def test_a_promoted_replica_has_the_data_and_knows_whose_copy_it_is(server: Server) -> None:
    server.command("SET", "k", "v")
    with Server() as replica:
        replica.follow(server)
        before = server.info("replication")["master_replid"]
        server.kill()
        replica.promote()
        assert replica.command("GET", "k") == "v"
        assert replica.info("replication")["master_replid2"] == before


def test_what_was_started_ends_with_a_process_that_is_killed() -> None:
    code = (
        "from seaway.conformance.brokers import Server; import os, signal; server = Server(); server.start();"
        "print(server.pid, server.folder, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    pid, folder = done.stdout.split()
    deadline = time.monotonic() + 10
    while _runs(int(pid)) or Path(folder).exists():
        assert time.monotonic() < deadline, f"{pid} runs: {_runs(int(pid))}; {folder} is there: {Path(folder).exists()}"
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_sentinels_exchange_master_and_replica_alive_or_dead() -> None:
    with Sentinels() as sentinels:
        first = sentinels.master
        sentinels.failover()
        second = sentinels.master
        assert second is not first
        second.kill()
        sentinels.failed_over(second)
        assert sentinels.master is first


def test_a_slot_moves_with_its_keys() -> None:
    with Cluster() as cluster:
        source = cluster.node_of("{k}1")
        target = next(server for server in cluster.servers if server is not source)
        for number in range(5):
            source.command("SET", f"{{k}}{number}", "v")
        assert cluster.move(key_slot(b"k"), target) == 5
        assert cluster.node_of("{k}1") is target
        assert target.command("GET", "{k}4") == "v"


def test_a_plain_proxy_passes_everything_on(proxy: FaultProxy) -> None:
    with connect(proxy) as connection:
        assert ask(connection, PING, len(PONG)) == PONG
    assert (proxy.faults, proxy.hits) == (0, 0)


def test_a_cut_resets_what_is_connected_and_lets_in_what_comes(proxy: FaultProxy) -> None:
    with connect(proxy) as connection:
        ask(connection, PING, len(PONG))
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert (proxy.faults, proxy.hits) == (1, 0), "nothing was in flight"
    with connect(proxy) as connection:
        assert ask(connection, PING, len(PONG)) == PONG


def test_a_cut_is_a_hit_while_an_answer_is_awaited_but_not_while_a_read_blocks(
    server: Server, proxy: FaultProxy
) -> None:
    with connect(proxy) as waits, connect(proxy) as blocks:
        blocks.sendall(BLPOP)
        while "blocked_clients:1" not in str(server.command("INFO", "clients")):
            time.sleep(0.005)
        server.freeze()
        waits.sendall(PING)
        while proxy.bytes_up < len(PING) + len(BLPOP):
            time.sleep(0.005)
        proxy.cut()
        server.start()
    assert (proxy.faults, proxy.hits) == (2, 1)


def test_a_reply_is_lost_after_the_work_is_done(server: Server, proxy: FaultProxy) -> None:
    with connect(proxy) as connection:
        ask(connection, PING, len(PONG))
        proxy.drop_reply()
        with pytest.raises(ConnectionResetError):
            ask(connection, INCR, 1)
    assert server.command("GET", "k") == "1"
    assert (proxy.faults, proxy.hits) == (1, 1)
    with connect(proxy) as connection:
        assert ask(connection, PING, len(PONG)) == PONG, "only one reply is lost"


def test_a_black_hole_refuses_nothing_and_answers_nothing_and_what_it_has_touched_is_reset(proxy: FaultProxy) -> None:
    with connect(proxy) as before:
        ask(before, PING, len(PONG))
        proxy.blackhole()
        with connect(proxy) as during:
            for connection in (before, during):
                connection.settimeout(0.2)
                connection.sendall(INCR)
                with pytest.raises(TimeoutError):
                    connection.recv(1)
            proxy.restore()
            for connection in (before, during):
                connection.settimeout(5)
                with pytest.raises(ConnectionResetError):
                    connection.recv(1)
    with connect(proxy) as connection:
        assert ask(connection, GET, 5) == b"$-1\r\n", "nothing came through"


def test_a_half_closed_connection_reads_as_ended(proxy: FaultProxy) -> None:
    with connect(proxy) as connection:
        ask(connection, PING, len(PONG))
        proxy.half_close()
        assert connection.recv(1) == b""


def test_delay_and_drip_change_the_time_and_not_the_bytes(proxy: FaultProxy) -> None:
    for slow in (proxy.delay, proxy.drip):
        slow(0.02)
        begun = time.monotonic()
        with connect(proxy) as connection:
            assert ask(connection, PING, len(PONG)) == PONG
        assert time.monotonic() - begun > 0.03
        proxy.restore()


def test_a_proxy_that_is_aimed_elsewhere_leads_there(proxy: FaultProxy) -> None:
    with Server() as other:
        other.command("SET", "k", "v")
        proxy.aim(other)
        with connect(proxy) as connection:
            assert ask(connection, GET, 7) == b"$1\r\nv\r\n"


def test_a_proxy_that_closes_leaves_nobody_behind_whom_it_has_just_accepted(proxy: FaultProxy) -> None:
    _loop().call_soon_threadsafe(time.sleep, 0.3)  # both come while its event loop is busy
    with connect(proxy) as connection:
        proxy.close()
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    gc.collect()  # a transport that nobody has closed says so here


def test_a_command_that_fails_says_so(server: Server) -> None:
    with pytest.raises(RedisError, match="unknown command"):
        server.command("NOSUCH")
