"""The router: which application a connection gets, by type and URL, and URLs from names."""

import inspect
import logging
import uuid
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.reference.consumers import Consumer, SyncConsumer
from seaway.reference.routing import Mount, Route, Router

Message = dict[str, Any]


class Probe:
    """An application that notes its calls; makes applications of either flavour with a name."""

    def __init__(self, name: str, is_async: bool = True, types: tuple[str, ...] = ("http", "websocket")) -> None:
        self.name = name
        self.is_async = is_async
        self.types = types
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.messages: list[Message] = []

    def __call__(self, *arguments: Any, **from_url: Any) -> Any:
        self.calls.append((arguments, from_url))

        async def consumer(message: Message) -> None:
            self.messages.append(message)

        return consumer if self.is_async else self.messages.append


class Client:
    """Calls a router as a server does, and tells which application it has chosen."""

    def __init__(self, router: Any) -> None:
        self.router = router
        self.sent: list[Message] = []

    def send(self, message: Message) -> Any:
        self.sent.append(message)
        return nothing() if self.router.is_async else None

    async def connect(self, path: str, type: str = "http", root_path: str = "") -> Any:
        consumer = self.router(type, "layer", "channel", self.send)
        event = {"http": "http.request", "websocket": "websocket.connect"}[type]
        await done(consumer({"type": event, "path": path, "root_path": root_path}))
        return consumer


async def nothing() -> None: ...


async def done(result: Any) -> None:
    if inspect.isawaitable(result):
        await result


async def chosen(router: Any, path: str, type: str = "http") -> tuple[str, dict[str, Any]] | None:
    """The name of the probe that a path leads to, and its arguments; `None` for a 404."""
    probes = {id(e.application): e.application for e in router.endpoints}.values()
    before = {probe: len(probe.calls) for probe in probes}
    await Client(router).connect(path, type)
    called = [(p.name, *[kw for _, kw in p.calls[before[p] :]]) for p in probes if len(p.calls) > before[p]]
    assert len(called) <= 1
    return called[0] if called else None  # type: ignore[return-value]


def routes(*patterns: str, is_async: bool = True) -> list[Route | Mount]:
    return [Route(pattern, Probe(pattern, is_async)) for pattern in patterns]


@pytest.mark.anyio
async def test_an_application_gets_the_servers_arguments_and_those_of_the_url(is_async: bool) -> None:
    probe = Probe("chat", is_async)
    router = Router([Route("/chat/room/{room_name}/", probe)])
    client = Client(router)

    consumer = await client.connect("/chat/room/lobby/", "websocket")
    await done(consumer({"type": "websocket.receive", "text": "x"}))
    await done(consumer({"type": "websocket.disconnect", "code": 1000}))

    assert router.is_async is is_async
    assert probe.calls == [(("websocket", "layer", "channel", client.send), {"room_name": "lobby"})]
    assert [message["type"] for message in probe.messages] == [
        "websocket.connect",
        "websocket.receive",
        "websocket.disconnect",
    ]
    assert probe.messages[0]["path"] == "/chat/room/lobby/"
    assert client.sent == []


@pytest.mark.anyio
async def test_the_type_decides_between_routes_of_one_path() -> None:
    page, chat = Probe("page", types=("http",)), Probe("chat", types=("websocket", "lifespan"))
    both = Probe("both")
    router = Router([Route("/", page), Route("/", chat), Route("/only", both, types=("http",))])

    assert await chosen(router, "/", "http") == ("page", {})
    assert await chosen(router, "/", "websocket") == ("chat", {})
    assert await chosen(router, "/only", "http") == ("both", {})
    assert await chosen(router, "/only", "websocket") is None


@pytest.mark.anyio
async def test_a_path_without_a_route_gets_404(is_async: bool) -> None:
    router = Router(routes("/here", "/there/{x}", is_async=is_async))
    client = Client(router)
    for type in ("http", "websocket"):
        for path in ("/", "/her", "/here/", "/there/", "/there/a/b", "/here\n", "/there/a\n/", "here"):
            consumer = await client.connect(path, type)
            await done(consumer({"type": f"{type}.disconnect"}))

    assert {(message["type"], message["status"]) for message in client.sent} == {
        ("http.response", 404),
        ("websocket.reject", 404),
    }
    assert len(client.sent) == 16, "one answer each, and none to the disconnect"


@pytest.mark.anyio
async def test_a_connection_that_ends_before_its_first_message_is_no_error(is_async: bool) -> None:
    router = Router(routes("/", is_async=is_async))
    client = Client(router)

    await done(router("http", "layer", "channel", client.send)({"type": "http.disconnect"}))

    assert client.sent == []


@pytest.mark.anyio
async def test_an_application_that_raises_is_not_called_again_for_the_terminal_message() -> None:
    calls: list[str] = []

    def broken(*arguments: Any) -> Any:
        calls.append("call")
        raise LookupError("broken")

    client = Client(Router([Route("/", broken)]))
    consumer = client.router("http", "layer", "channel", client.send)
    with pytest.raises(LookupError, match="broken"):
        consumer({"type": "http.request", "path": "/"})
    await consumer({"type": "http.disconnect"})

    assert calls == ["call"]


UUID = "01234567-89ab-cdef-0123-456789ABCDEF"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/a/{x}", "/a/b", {"x": "b"}),
        ("/a/{x}", "/a/ü %20", {"x": "ü %20"}),
        ("/a/{x}", "/a/line\nline", {"x": "line\nline"}),
        ("/a/{x:str}/", "/a/b/", {"x": "b"}),
        ("/a/{x:int}", "/a/0042", {"x": 42}),
        ("/a/{x:int}", "/a/" + "9" * 18, {"x": int("9" * 18)}),
        ("/a/{x:int}", "/a/" + "9" * 19, None),
        ("/a/{x:int}", "/a/-1", None),
        ("/a/{x:int}", "/a/٣", None),
        ("/a/{x:uuid}", f"/a/{UUID}", {"x": uuid.UUID(UUID)}),
        ("/a/{x:uuid}", f"/a/{UUID.replace('-', '')}", None),
        ("/a/{x:path}", "/a/b/c//d/", {"x": "b/c//d/"}),
        ("/a/{x:path}", "/a/", None),
        ("/a/{x:path}/end", "/a/b/c/end", {"x": "b/c"}),
        ("/a/v{x:int}.{y:int}-{z}.txt", "/a/v1.2-b.c.txt", {"x": 1, "y": 2, "z": "b.c"}),
        ("/a.b/{x}", "/aXb/c", None),
        ("/(a|b)*/{x}", "/(a|b)*/c", {"x": "c"}),
        ("/{größe}", "/1", {"größe": "1"}),
    ],
)
async def test_patterns(pattern: str, path: str, expected: dict[str, Any] | None) -> None:
    found = await chosen(Router(routes(pattern)), path)
    assert found == (None if expected is None else (pattern, expected))


@pytest.mark.anyio
@pytest.mark.parametrize("reverse", [False, True])
async def test_the_more_specific_route_wins_whatever_the_order(reverse: bool) -> None:
    patterns = [
        "/user/me",
        "/user/{name}",
        "/user/{number:int}",
        "/user/{key:uuid}",
        "/user/{rest:path}",
        "/user/me-{name}",
        "/user/{a}/posts",
        "/user/{b}/{c}",
        "/user/{a}/photos",
        "/{x}/me",
        "/{everything:path}",
        "/files/{name}",
        "/files/{name}.txt",
        "/files/{name}e.txt",
        "/files/{number:int}.txt",
        "/deep/{tail:path}",
        "/deep/{tail:path}/edit",
    ]
    router = Router(routes(*(reversed(patterns) if reverse else patterns)))
    expected = {
        "/user/me": "/user/me",
        "/user/you": "/user/{name}",
        "/user/12": "/user/{number:int}",
        f"/user/{UUID}": "/user/{key:uuid}",
        "/user/me-2": "/user/me-{name}",
        "/user/1/posts": "/user/{a}/posts",
        "/user/1/photos": "/user/{a}/photos",
        "/user/1/post": "/user/{b}/{c}",
        "/user/1/posts/2": "/user/{rest:path}",
        "/team/me": "/{x}/me",
        "/team/you": "/{everything:path}",
        "/": None,
        "/files/a.png": "/files/{name}",
        "/files/a.txt": "/files/{name}.txt",
        "/files/ae.txt": "/files/{name}e.txt",
        "/files/7.txt": "/files/{number:int}.txt",
        "/files/7": "/files/{name}",
        "/deep/a/b": "/deep/{tail:path}",
        "/deep/a/b/edit": "/deep/{tail:path}/edit",
        "/deep/edit": "/deep/{tail:path}",
        "/files/": "/{everything:path}",
    }
    for path, pattern in expected.items():
        found = await chosen(router, path)
        assert (found and found[0]) == pattern, path


@pytest.mark.anyio
async def test_parameters_reach_the_right_names_among_many_routes() -> None:
    router = Router(routes(*[f"/s{n % 7}/{{a{n}}}/t{n}/{{b{n}:int}}" for n in range(60)]))
    for n in range(60):
        found = await chosen(router, f"/s{n % 7}/x{n}/t{n}/{n}")
        assert found == (f"/s{n % 7}/{{a{n}}}/t{n}/{{b{n}:int}}", {f"a{n}": f"x{n}", f"b{n}": n})


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("chat/", "begins with '/'"),
        ("/a?b", "without"),
        ("/{}", "expected {name}"),
        ("/{a b}", "expected {name}"),
        ("/{1}", "expected {name}"),
        ("/{a", "expected {name}"),
        ("/a}", "expected {name}"),
        ("/{a:float}", "no converter is named 'float'; there are int, path, str, uuid"),
        ("/{a}/{a}", "two parameters are named 'a'"),
        ("/{send}", "'send' is an argument of every consumer"),
        ("/{a}{b}", "nothing separates 'a' from 'b'"),
        ("/{a}-{b}", "a segment can have one"),
        ("/{a:path}-{b}", "a segment can have one"),
        ("/{a:path}/x/{b:path}", "one parameter of path"),
    ],
)
def test_a_malformed_pattern_is_an_error_that_quotes_it(pattern: str, complaint: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is checked below
        Route(pattern, Probe("x"))
    assert repr(pattern) in str(caught.value)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [("/a", "/a"), ("/a/{x}", "/a/{y}"), ("/a/{x:int}/b", "/a/{y:int}/b"), ("/{x}.txt", "/{y:str}.txt")],
)
def test_routes_that_match_the_same_paths_are_an_error(one: str, other: str) -> None:
    with pytest.raises(ValueError, match="match the same paths") as caught:
        Router(routes(one, other))
    assert repr(one) in str(caught.value)
    assert repr(other) in str(caught.value)


def test_a_route_needs_a_type_that_is_routed() -> None:
    with pytest.raises(ValueError, match=r"'/x'.*expected types"):
        Route("/x", Probe("x", types=("lifespan",)))
    with pytest.raises(ValueError, match=r"'/x'.*expected types"):
        Route("/x", Probe("x"), types=("htttp",))
    with pytest.raises(ValueError, match="gives 'http' to its routes"):
        Router([], http=Probe("x"))


def test_a_handler_argument_that_the_url_lacks_is_an_error_when_the_router_is_made() -> None:
    class Chat(Consumer):
        async def websocket_connect(self, message: Message, room_name: str, colour: str = "") -> None: ...

    Router([Mount("/{room_name}", Router([Route("/x", Probe("x"))]))])
    Router([Route("/{room_name}/", Chat)])
    with pytest.raises(TypeError, match=r"'/\{room\}/'.*Chat.*takes room_name"):
        Router([Route("/{room}/", Chat)])
    nested = [Route("/x/{room_name}", Chat)]
    Router([Mount("/api", Router(nested))])


@pytest.mark.anyio
async def test_a_mounted_router_is_flattened_and_tells_its_root_path() -> None:
    inner = Probe("inner")
    api = Router([Route("/users/{number:int}", inner, name="user"), Route("/", inner, name="home")])
    middle = Router([Mount("/v{version:int}", api, name="v")])
    router = Router([Mount("/api", middle, name="api"), *routes("/api/{other}")])

    await Client(router).connect("/api/v02/users/7", root_path="")
    await Client(router).connect("/outside/api/v2/", root_path="/outside")

    (_, first), (_, second) = inner.calls
    assert first == {"version": 2, "number": 7}
    assert second == {"version": 2}
    assert [(m["path"], m["root_path"]) for m in inner.messages] == [
        ("/api/v02/users/7", "/api/v02"),
        ("/outside/api/v2/", "/outside/api/v2"),
    ]
    assert router.reverse("api:v:user", version=3, number=5) == "/api/v3/users/5"
    assert await chosen(router, "/api/x") == ("/api/{other}", {"other": "x"})


@pytest.mark.anyio
async def test_another_application_gets_all_below_its_prefix() -> None:
    legacy = Probe("legacy")
    router = Router([Mount("/old", legacy, name="old"), *routes("/old/new", "/{x}")])

    for path in ("/old", "/old/", "/old/a/b"):
        assert await chosen(router, path) == ("legacy", {})
    assert await chosen(router, "/old/new") == ("/old/new", {})
    assert await chosen(router, "/older") == ("/{x}", {"x": "older"})
    assert {message["root_path"] for message in legacy.messages} == {"/old"}
    assert router.reverse("old") == "/old"


@pytest.mark.anyio
async def test_the_message_of_the_server_is_not_changed_by_a_mount() -> None:
    message = {"type": "http.request", "path": "/old/x", "root_path": ""}
    router = Router([Mount("/old", Probe("legacy"))])

    await router("http", None, "channel", None)(message)

    assert message["root_path"] == ""


def test_mounts_that_cannot_be() -> None:
    for prefix in ("", "/", "/api/"):
        with pytest.raises(ValueError, match="without a slash at its end"):
            Mount(prefix, Router([]))
    with pytest.raises(ValueError, match="applications for lifespan"):
        Mount("/api", Router([], lifespan=Probe("startup")))


@pytest.mark.anyio
async def test_other_types_go_to_one_application_each() -> None:
    startup, broker = Probe("startup"), Probe("broker")
    router = Router(routes("/"), lifespan=startup, mqtt=broker)

    assert router.types == ("http", "websocket", "lifespan", "mqtt")
    await router("lifespan", "layer", "channel", None)({"type": "lifespan.startup"})
    assert startup.messages == [{"type": "lifespan.startup"}]
    assert broker.calls == []
    with pytest.raises(ValueError, match="takes the types http, websocket, lifespan, mqtt, not 'task'"):
        router("task", "layer", "channel", None)


def test_a_router_is_synchronous_only_if_all_its_applications_are() -> None:
    sync, asynchronous = Probe("sync", is_async=False), Probe("async")

    assert Router([]).is_async
    assert not Router([Route("/", sync)]).is_async
    assert not Router([Mount("/a", Router([Route("/", sync)]))], lifespan=sync).is_async
    assert Router([Route("/", sync), Route("/a", asynchronous)]).is_async
    assert Router([Route("/", sync)], lifespan=asynchronous).is_async
    assert Router([Route("/", sync), Route("/a", lambda *_: None)]).is_async, "undeclared: the server's flavour"


def test_reverse_builds_encoded_paths() -> None:
    chat = Probe("x")
    router = Router(
        [
            Route("/chat/room/{room_name}/", chat, name="room"),
            Route("/files/{name:path}", chat, name="file"),
            Route("/größe/{n:int}/{key:uuid}", chat, name="size"),
        ]
    )

    assert router.reverse("room", room_name="a b/c?#%ü".replace("/", "")) == "/chat/room/a%20bc%3F%23%25%C3%BC/"
    assert router.reverse("file", name="a/b c.txt") == "/files/a/b%20c.txt"
    assert router.reverse("size", n=7, key=uuid.UUID(UUID)) == f"/gr%C3%B6%C3%9Fe/7/{UUID.lower()}"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, "takes the arguments name, number; given: none"),
        ({"name": "x", "number": 1, "more": 2}, "given: more, name, number"),
        ({"name": "a/b", "number": 1}, "name='a/b' does not fit {name:str}"),
        ({"name": "", "number": 1}, "name='' does not fit"),
        ({"name": "..", "number": 1}, "segment '.' or '..'"),
        ({"name": "x", "number": -1}, "number=-1 does not fit {number:int}"),
        ({"name": "x", "number": "one"}, "number='one' does not fit"),
    ],
)
def test_reverse_refuses_what_would_not_lead_back(arguments: dict[str, Any], complaint: str) -> None:
    router = Router([Route("/{name}/{number:int}", Probe("x"), name="both")])
    with pytest.raises(ValueError, match="both") as caught:
        router.reverse("both", **arguments)
    assert complaint in str(caught.value)


def test_reverse_of_an_unknown_name_suggests_one() -> None:
    router = Router([Route("/", Probe("x"), name="room"), Route("/a", Probe("x"), name="other")])
    with pytest.raises(LookupError, match="no route is named 'rom'; did you mean 'room'"):
        router.reverse("rom")
    with pytest.raises(LookupError, match="there are: room, other"):
        router.reverse("zzz")


def test_one_name_stands_for_one_pattern() -> None:
    page, chat = Probe("page", types=("http",)), Probe("chat", types=("websocket",))
    Router([Route("/a", page, name="same"), Route("/a", chat, name="same")])
    with pytest.raises(ValueError, match="two routes are named 'same': '/a' and '/b'"):
        Router([Route("/a", page, name="same"), Route("/b", chat, name="same")])


segments = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1, max_size=8).filter(
    lambda text: text not in (".", "..")
)
FORTH_AND_BACK = Probe("forth and back", is_async=False)
FORTH_AND_BACK_ROUTER = Router(
    [
        *routes("/r/{a}/{n:int}/{k:uuid}/other", "/r/{p:path}", "/{p:path}", is_async=False),
        Route("/r/{a}/{n:int}/{k:uuid}/x/{p:path}", FORTH_AND_BACK, name="all"),
    ]
)


@given(
    a=segments,
    n=st.integers(0, 10**18 - 1),
    k=st.uuids(),
    p=st.lists(segments, min_size=1, max_size=4).map("/".join),
)
def test_what_reverse_builds_is_matched_with_the_same_arguments(a: str, n: int, k: uuid.UUID, p: str) -> None:
    path = unquote(FORTH_AND_BACK_ROUTER.reverse("all", a=a, n=n, k=k, p=p), errors="strict")
    FORTH_AND_BACK_ROUTER("http", None, "channel", None)({"type": "http.request", "path": path})
    assert FORTH_AND_BACK.calls.pop()[1] == {"a": a, "n": n, "k": k, "p": p}


def test_a_consumer_class_behind_a_router(caplog: pytest.LogCaptureFixture) -> None:
    class Hello(SyncConsumer):
        def http_request(self, message: Message, name: str) -> None:
            self.respond(200, f"Hello {name}")

    client = Client(Router([Route("/hello/{name}", Hello)]))
    with caplog.at_level(logging.WARNING):
        consumer = client.router("http", None, "channel", client.send)
        consumer({"type": "http.request", "path": "/hello/you"})
        consumer({"type": "http.disconnect", "complete": True})

    assert [message["body"] for message in client.sent] == [b"Hello you"]
    assert caplog.records == []


def test_a_reversed_path_never_names_another_host() -> None:
    class Page(Consumer):
        async def http_request(self, message: Message) -> None: ...

    router = Router([Route("/{rest:path}", Page, name="any")])

    assert router.reverse("any", rest="/evil.example") == "/%2Fevil.example"
