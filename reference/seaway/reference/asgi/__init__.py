"""Seaway beside ASGI: our applications under an ASGI server, and ASGI applications under ours."""

from .calling import from_asgi
from .serving import as_asgi

__all__ = ["as_asgi", "from_asgi"]
