"""Sites in Starlette, FastAPI, Quart and Django (with Channels) on our server, and through both bridges."""

import importlib
from typing import Any

import pytest

from seaway.conformance.client.websocket import text, websocket
from seaway.reference import Server, Settings
from seaway.reference.asgi import as_asgi, from_asgi

from ..scripted import traces
from . import frameworks
from .site_checks import CHECKS

pytestmark = pytest.mark.anyio

QUIET = Settings(access_log=False)
BACKENDS = {
    "asyncio": ("asyncio", {"use_uvloop": False}),
    "uvloop": ("asyncio", {"use_uvloop": True}),
    "trio": ("trio", {}),
}
FRAMEWORKS = ["starlette", "fastapi", "quart", "django"]
ONLY_ASYNCIO = {"quart", "django"}
PAIRS = [
    pytest.param((framework, backend), id=f"{framework}-{name}")
    for framework in FRAMEWORKS
    for name, backend in BACKENDS.items()
    if name != "trio" or framework not in ONLY_ASYNCIO
]


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> Any:
    """A framework, and an event loop that it runs on."""
    return request.param


@pytest.fixture
def anyio_backend(pair: Any) -> Any:
    return pair[1]


@pytest.fixture
def framework(pair: Any) -> str:
    return str(pair[0])


@pytest.fixture
def app(framework: str) -> Any:
    return importlib.import_module(f"{frameworks.__name__}.of_{framework}").app


@pytest.fixture(params=["direct", "round-trip"])
def application(request: pytest.FixtureRequest, app: Any) -> Any:
    return from_asgi(app) if request.param == "direct" else from_asgi(as_asgi(from_asgi(app), settings=QUIET))


@pytest.mark.parametrize("check", CHECKS)
async def test_a_site_behaves_as_its_framework_says(application: Any, check: str) -> None:
    async with Server(application, port=0, settings=QUIET) as server:
        await CHECKS[check](server.address)


async def test_the_lifespan_is_run_once(framework: str, application: Any) -> None:
    frameworks.notes.clear()
    async with Server(application, port=0, settings=QUIET) as server:
        await CHECKS["pages"](server.address)
        during = list(frameworks.notes)

    assert (during, frameworks.notes) == (([], []) if framework == "django" else (["opened"], ["opened", "closed"]))


@pytest.mark.req("CON-055", "CON-056", "WS-038")
async def test_what_a_websocket_raises_is_1011_and_logged_once(
    framework: str, app: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Quart catches it itself, logs it and closes with 1000, under every server."""
    async with Server(from_asgi(app), port=0, settings=QUIET) as server, websocket(server.address, "/sinks") as socket:
        await socket.send(text("help"))
        code = await socket.closed()

    ours = [record for record in traces(caplog.records, RuntimeError) if record.name == "seaway.server"]
    assert (code, len(ours)) == ((1000, 0) if framework == "quart" else (1011, 1))
