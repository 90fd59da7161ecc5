"""The applications that servers under test are started with: puppets, whose strings the suite holds, and an echo.

Each exists in both flavours: ``asynchronous`` and ``synchronous``, and with what distinguishes it behind an underscore,
as in ``asynchronous_lifespan``. A server imports one as ``seaway.conformance.applications:asynchronous``. The
environment tells it where the suite listens, see `strings`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seaway.conformance.applications.echo import AsyncEcho, SyncEcho
from seaway.conformance.applications.puppet import AsyncEarly, AsyncPuppet, Puppet, SyncEarly, SyncPuppet

SECRET = "a-secret-of-the-application"
"""Stands in the text of every exception of an application here; no client may see it (SEC-002)."""


def _application(make: Callable[..., Any], **attributes: Any) -> Callable[..., Any]:
    def application(*arguments: Any, **keywords: Any) -> Any:
        return make(*arguments, **keywords)

    for name, value in attributes.items():
        setattr(application, name, value)
    return application


def _raising(make: type[Puppet]) -> Callable[..., Any]:
    def application(*arguments: Any, **keywords: Any) -> Any:
        make(*arguments, **keywords)
        raise RuntimeError(SECRET)

    return application


def _returning(make: type[Puppet], result: Any) -> Callable[..., Any]:
    def application(*arguments: Any, **keywords: Any) -> Any:
        make(*arguments, **keywords)
        return result

    return application


def _unlike(message: Any) -> None:
    """Return at once, nothing that can be awaited."""


async def _unlike_async(message: Any) -> None:
    """Return what can be awaited."""


_BOTH = ("http", "websocket")
_ALL = ("lifespan", "http", "websocket")

asynchronous = _application(AsyncPuppet, is_async=True, types=_BOTH)
asynchronous_echo = _application(AsyncEcho, is_async=True, types=_BOTH)
asynchronous_http = _application(AsyncPuppet, is_async=True, types=("http",))
asynchronous_websocket = _application(AsyncPuppet, is_async=True, types=("websocket",))
asynchronous_lifespan = _application(AsyncPuppet, is_async=True, types=_ALL)
asynchronous_only_lifespan = _application(AsyncPuppet, is_async=True, types=("lifespan",))
asynchronous_undeclared = _application(AsyncPuppet)
asynchronous_early = _application(AsyncEarly, is_async=True, types=_BOTH)
asynchronous_raising = _application(_raising(AsyncPuppet), is_async=True, types=_BOTH)
asynchronous_raising_lifespan = _application(_raising(AsyncPuppet), is_async=True, types=_ALL)
asynchronous_none = _application(_returning(AsyncPuppet, None), is_async=True, types=_BOTH)
asynchronous_unlike = _application(_returning(AsyncPuppet, _unlike), is_async=True, types=_BOTH)

synchronous = _application(SyncPuppet, is_async=False, types=_BOTH)
synchronous_echo = _application(SyncEcho, is_async=False, types=_BOTH)
synchronous_http = _application(SyncPuppet, is_async=False, types=("http",))
synchronous_websocket = _application(SyncPuppet, is_async=False, types=("websocket",))
synchronous_lifespan = _application(SyncPuppet, is_async=False, types=_ALL)
synchronous_only_lifespan = _application(SyncPuppet, is_async=False, types=("lifespan",))
synchronous_undeclared = _application(SyncPuppet)
synchronous_early = _application(SyncEarly, is_async=False, types=_BOTH)
synchronous_raising = _application(_raising(SyncPuppet), is_async=False, types=_BOTH)
synchronous_raising_lifespan = _application(_raising(SyncPuppet), is_async=False, types=_ALL)
synchronous_none = _application(_returning(SyncPuppet, None), is_async=False, types=_BOTH)
synchronous_unlike = _application(_returning(SyncPuppet, _unlike_async), is_async=False, types=_BOTH)
