"""Where a Redis layer finds its broker, and as whom: URLs, TLS, rights, databases, sockets, keys for encryption."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import pytest
import redis

from seaway.conformance.brokers import FaultProxy, Server
from seaway.layers import open_layer
from seaway.layers.redis import RedisLayer, SyncRedisLayer
from seaway.layers.redis._embedded import socket_of

pytestmark = pytest.mark.anyio
MESSAGE = {"type": "test.message", "text": "secret"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


async def works(layer: Any, other: Any) -> None:
    """What one object sends the other gets, by every way there is."""
    async with layer, other:
        inbox = await layer.new_channel("here!")
        await layer.group_add("room", f"{inbox}1")
        for call in (other.send("work", MESSAGE), other.send(f"{inbox}1", MESSAGE), other.send_group("room", MESSAGE)):
            await call
        assert await layer.receive(["work"], 5) == ("work", MESSAGE)
        assert await layer.receive([inbox], 5) == (f"{inbox}1", MESSAGE)
        assert await layer.receive([inbox], 5) == (f"{inbox}1", MESSAGE)
        await layer.flush()
        await layer.group_discard("room", f"{inbox}1")
        await layer.close_channel(inbox)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://", {"host": "127.0.0.1", "port": 6379, "db": 0, "tls": False}),
        ("redis://broker.example:1234/5", {"host": "broker.example", "port": 1234, "db": 5}),
        ("redis://anna:p%40ss@h/", {"username": "anna", "password": "p@ss"}),
        ("redis://:word@h", {"username": "", "password": "word"}),
        ("redis://[::1]:7000", {"host": "::1", "port": 7000}),
        ("rediss://h?tls_ca=ca.pem", {"tls": True, "tls_ca": "ca.pem"}),
        ("redis+unix:///run/broker.sock?db=3", {"path": "/run/broker.sock", "db": 3}),
        ("redis+sentinel://a:1,b:2/name?db=1", {"sentinels": ("a:1", "b:2"), "service": "name", "db": 1}),
        ("redis+cluster://a:1,b:2", {"nodes": ("a:1", "b:2"), "tls": False}),
        ("redis+sentinel://a:1?tls=true", {"tls": True}),
        ("redis://h?tls=0", {"tls": False}),
        ("rediss+cluster://anna:w@a:1", {"nodes": ("a:1",), "tls": True, "username": "anna", "password": "w"}),
        ("redis+embedded://demo", {"embedded": "demo"}),
        ("redis://h?capacity=5&lease=2.5&channel_capacity=log.*:7", {"capacity": 5, "lease": 2.5}),
    ],
)
def test_a_url_says_what_keywords_say(url: str, expected: dict[str, Any]) -> None:
    for is_async in (True, False):
        options = open_layer(url, is_async=is_async)._options
        assert {name: getattr(options, name) for name in expected} == expected


def test_passwords_are_not_shown() -> None:
    layer = open_layer("redis://anna:hush@h?sentinel_password=hush", is_async=False)
    assert "hush" not in repr(layer._options)
    assert "hush" not in repr(layer)


@pytest.mark.parametrize(
    "url",
    [
        "redis://h/one", "redis://h?port=x", "redis://h?no=1", "redis+sentinel://h/x", "redis+cluster://h:1/2",
        "redis://h:0", "redis://h:99999", "redis://[::1", "redis://h?capacity", "redis://h#1", "redis+unix://h/broker.sock",
        "redis+unix:///", "redis+embedded://h/1", "redis+sentinel://h:1/name/1", "redis://h?tls=yes",
    ],
)  # fmt: skip
def test_a_url_that_names_no_broker_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"expected|not of type|no option"):
        open_layer(url)


@pytest.mark.parametrize("password", ["hu/sh", "hu#sh", "hu?sh", "12/sh", "12#sh", "12?sh", "[hu/sh"])
def test_a_password_that_is_not_encoded_is_refused_and_not_shown(password: str) -> None:
    with pytest.raises(ValueError, match="redis://anna:") as caught:
        open_layer(f"redis://anna:{password}@h")
    assert "sh" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    "options",
    [
        {"nodes": ["a:1"], "sentinels": ["b:1"]},
        {"embedded": "demo", "path": "/run/broker.sock"},
        {"nodes": ["a:1"], "db": 1},
        {"tls_ca": "ca.pem"},
        {"tls_cert": "me.pem", "tls": False},
    ],
)
@pytest.mark.req("LAY-015")
def test_options_of_which_one_would_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    for layer in (RedisLayer, SyncRedisLayer):
        with pytest.raises(ValueError, match="expected"):
            layer(**options)


@pytest.mark.parametrize(
    "url", ["rediss://127.0.0.1:1?tls_ca=missing.pem", "rediss+cluster://127.0.0.1:1?tls_cert=missing.pem"]
)
async def test_files_for_tls_that_cannot_be_read_are_named(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConnectionError, match=r"missing\.pem"):
        await open_layer(url).__aenter__()
    with pytest.raises(ConnectionError, match=r"missing\.pem"):
        open_layer(url, is_async=False).__enter__()
    assert not caplog.records


@pytest.mark.parametrize("scheme", ["redis+cluster", "redis+sentinel"])
def test_an_address_of_version_6_loses_its_brackets(scheme: str) -> None:
    with pytest.raises(ConnectionError, match=r"the broker at ::1:1:"):
        open_layer(f"{scheme}://[::1]:1", is_async=False).__enter__()


async def test_a_user_without_a_password_is_not_the_default_user(server: Server) -> None:
    server.command("ACL", "SETUSER", "guest", "on", "nopass", "~seaway:*", "+@all", "-@dangerous", "+info")
    async with open_layer(f"redis://guest@127.0.0.1:{server.port}"):
        assert "user=guest " in str(server.command("CLIENT", "LIST"))


@pytest.mark.parametrize(
    ("option", "value"),
    [("port", 0), ("db", -1), ("prefix", "a{b"), ("encryption_keys", "one"), ("tls", 1), ("host", 7)],
)
@pytest.mark.req("LAY-015")
def test_an_option_that_makes_no_sense_is_refused(option: str, value: Any) -> None:
    for layer in (RedisLayer, SyncRedisLayer):
        with pytest.raises(ValueError, match=option):
            layer(**{option: value})


async def test_databases_are_apart(server: Server) -> None:
    async with RedisLayer(port=server.port, db=1) as one, RedisLayer(port=server.port, db=2) as two:
        await one.send("work", MESSAGE)
        assert await two.receive(["work"], 0) == (None, None)
        assert await one.receive(["work"], 0) == ("work", MESSAGE)


async def test_a_unix_socket_will_do(tmp_path: Path) -> None:
    path = tmp_path / "broker.sock"
    with Server("--unixsocket", str(path)):
        await works(open_layer(f"redis+unix://{path}"), open_layer(f"redis+unix://{path}"))


async def test_a_user_needs_the_prefix_and_what_the_documentation_lists(server: Server) -> None:
    rights = ("~shop:*", "resetchannels", "+@all", "-@dangerous", "+info")
    server.command("ACL", "SETUSER", "anna", "on", ">word", *rights)
    url = f"redis://anna:word@127.0.0.1:{server.port}?prefix=shop:"
    await works(open_layer(url), open_layer(url))


async def test_a_right_that_is_missing_is_named(server: Server) -> None:
    server.command("ACL", "SETUSER", "ben", "on", ">word", "~*", "+@all", "-@dangerous")
    layer = RedisLayer(port=server.port, username="ben", password="word")
    with pytest.raises(ConnectionError, match="info"):
        async with layer:
            pass
    with pytest.raises(ConnectionError, match="WRONGPASS"):
        async with RedisLayer(port=server.port, username="ben", password="other"):
            pass


async def test_tls_checks_the_broker(server: Server, tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    # The broker of the wheel speaks no TLS; the proxy in front of it does.
    with FaultProxy(server, tls=context) as proxy:
        url = f"rediss://localhost:{proxy.port}"
        await works(open_layer(f"{url}?tls_ca={tmp_path}/ca.pem"), open_layer(f"{url}?tls_ca={tmp_path}/ca.pem"))
        with SyncRedisLayer(host="localhost", port=proxy.port, tls=True, tls_ca=f"{tmp_path}/ca.pem") as layer:
            layer.send("work", MESSAGE)
            assert layer.receive(["work"], 5) == ("work", MESSAGE)
        with pytest.raises(ConnectionError, match=r"(?i)certificate"):
            async with open_layer(url):
                pass


@pytest.mark.req("SEC-013")
async def test_messages_are_encrypted_and_keys_rotate(server: Server) -> None:
    fernet = pytest.importorskip("cryptography.fernet")
    old, new = fernet.Fernet.generate_key().decode(), fernet.Fernet.generate_key().decode()
    options = {"port": server.port, "namespace": "crypt"}
    sender, receiver = RedisLayer(**options, encryption_keys=[old]), RedisLayer(**options, encryption_keys=[new, old])
    stranger = RedisLayer(**options)
    async with sender, receiver, stranger:
        inbox = await receiver.new_channel("here!")
        await receiver.group_add("room", f"{inbox}1")
        await sender.send(f"{inbox}1", MESSAGE)
        await sender.send_group("room", MESSAGE)
        await sender.send("work", MESSAGE)
        assert "secret" not in str(server.command("LRANGE", "seaway:crypt:n:{0}work", 0, -1))
        assert [(await receiver.receive([source], 5))[1] for source in (inbox, inbox, "work")] == [MESSAGE] * 3
        await stranger.send(f"{inbox}1", MESSAGE)  # from before there was encryption
        assert (await receiver.receive([inbox], 5))[1] == MESSAGE
        await receiver.send("work", MESSAGE)  # with the new key, which this one has not
        assert await stranger.receive(["work"], 0.3) == (None, None)
        assert (await stranger.statistics())["dropped"]["lost"] == 1


async def test_processes_share_a_private_broker() -> None:
    url = f"redis+embedded://{uuid4().hex}"  # others run this test at the same time
    await works(open_layer(url), open_layer(url))
    await anyio.lowlevel.checkpoint()


async def test_a_private_broker_listens_on_no_port() -> None:
    name = uuid4().hex
    async with open_layer(f"redis+embedded://{name}"):
        with redis.Redis(unix_socket_path=str(socket_of(name))) as broker:
            assert broker.config_get("port") == {"port": "0"}
