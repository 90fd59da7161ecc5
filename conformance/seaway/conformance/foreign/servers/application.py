"""What a foreign server serves: ``app``, an application of the suite in `as_asgi`; `launch` says which, and how."""

from __future__ import annotations

import json
import os
from importlib import import_module
from typing import Any

from seaway.conformance.foreign.servers.launch import APPLICATION, SETTINGS
from seaway.reference import Settings
from seaway.reference.asgi import as_asgi
from seaway.reference.cli._settings import with_settings


def _application() -> Any:
    module, _, attribute = os.environ[APPLICATION].partition(":")
    return getattr(import_module(module), attribute)


def _settings() -> Settings:
    given: dict[str, list[str]] = json.loads(os.environ.get(SETTINGS, "{}"))
    grace = float(next(iter(given.get("--grace", ())), Settings().grace))
    settings = Settings(grace=grace, allowed_origins=frozenset(given.get("--allow-origin", ())), access_log=False)
    return with_settings(settings, given.get("--set", ()))


app = as_asgi(_application(), settings=_settings())
