"""The attribute `types` of an application, on the server and in the harness (CON-007)."""

from typing import Any

import pytest

from seaway.conformance.client.http import connect
from seaway.conformance.harness import Harness
from seaway.reference import Server

from .scripted import Application, answer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("opened", [Server, Harness])
@pytest.mark.parametrize("types", ["http", None, 7])
async def test_types_that_are_no_collection_are_an_error_that_says_so(opened: Any, types: Any) -> None:
    application = Application(answer)
    application.types = types
    with pytest.raises(TypeError, match=r"application\.types: expected a collection"):
        async with opened(application):
            pass


async def test_an_application_of_no_types_is_never_called() -> None:
    application = Application(answer, types=())
    async with Server(application, port=0) as server, connect(server.address) as client:
        assert (await client.ask()).status == 501
    async with Harness(application) as harness:
        with pytest.raises(TypeError, match="this application takes"):
            async with harness.http("GET", "/"):
                pass
    assert not application.consumers
