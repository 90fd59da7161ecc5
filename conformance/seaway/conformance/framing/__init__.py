"""Raw requests, bad and borderline, and what a server may do with each: a table for anybody's server.

The table is `requests.json`, whose form is told by `requests.schema.json`. It needs no code of this project. Each row
is sent with another request, ``next``, behind it in the same bytes:

- *refused*: one response with a status of the list, and the end of the connection; neither request reaches the
  application, but for one whose body has the fault;
- *served*: both are, in their order, the first with the path and the body that are told;
- a row with both leaves the choice to the server, and allows nothing between them.

Rules of this module: it reads the table; it sends nothing.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from attrs import frozen


@frozen
class Row:
    """One raw request.

    Attributes:
        id: its name.
        clause: of the RFC.
        requirements: of the specification.
        request: its bytes.
        fields: its field lines, if they are all that distinguishes it.
        refused: the statuses with which it may be refused; empty: it must be served.
        served: path and body that the application gets; ``None``: it must be refused.
    """

    id: str
    clause: str
    requirements: tuple[str, ...]
    request: bytes
    fields: bytes | None
    refused: frozenset[int]
    served: tuple[str, bytes] | None

    def __str__(self) -> str:
        return f"{self.id} ({self.clause}; {', '.join(self.requirements)})"


@cache
def rows() -> tuple[Row, ...]:
    """Return the table."""
    return tuple(map(_row, _table()["rows"]))


def following() -> bytes:
    """Return the request that stands behind each of the table."""
    return str(_table()["next"]).encode("latin-1")


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(files(__name__).joinpath("requests.json").read_text(encoding="utf-8"))
    return table


def _row(entry: dict[str, Any]) -> Row:
    fields = _bytes(entry["fields"]) if "fields" in entry else None
    request = b"GET / HTTP/1.1\r\n" + fields + b"\r\n" if fields is not None else _bytes(entry["request"])
    served = entry.get("served")
    return Row(
        entry["id"],
        entry["clause"],
        tuple(entry["requirements"]),
        request,
        fields,
        frozenset(entry.get("refused", ())),
        served and (served["path"], served["body"].encode("latin-1")),
    )


def _bytes(parts: list[Any]) -> bytes:
    return b"".join(
        part.encode("latin-1") if isinstance(part, str) else part["repeat"].encode("latin-1") * part["times"]
        for part in parts
    )
