"""The message classes: there and back without a change."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from seaway.spec import InvalidMessage, from_json
from seaway.spec.messages import MESSAGES, HTTPResponse, ServerWakeFrom, WebSocketSend
from seaway.spec.schemas import index, schema, vectors

ENTRIES = {entry["schema"].removesuffix(".json"): entry for entry in index()}
VALID = [
    pytest.param(name, from_json(case["message"]), id=f"{name}: {case['description']}")
    for name in ENTRIES
    for case in vectors(name)["valid"]
]


def without_defaults(name: str, message: dict[str, Any]) -> dict[str, Any]:
    entry = ENTRIES[name]
    properties = schema(entry["type"], entry["direction"][0])["properties"]
    defaults = {key: part["default"] for key, part in properties.items() if "default" in part}
    full = {"$bytes": ""}
    return {
        key: value
        for key, value in message.items()
        if key in properties and not (key in defaults and (b"" if defaults[key] == full else defaults[key]) == value)
    }


@pytest.mark.parametrize(("name", "message"), VALID)
def test_a_valid_message_survives_the_way_there_and_back(name: str, message: dict[str, Any]) -> None:
    one = MESSAGES[name].from_dict(message)

    assert without_defaults(name, one.to_dict()) == without_defaults(name, message)
    assert MESSAGES[name].from_dict(one.to_dict()).to_dict() == one.to_dict()


def test_every_schema_has_its_class() -> None:
    assert set(MESSAGES) == set(ENTRIES)
    for name, one in MESSAGES.items():
        properties = schema(ENTRIES[name]["type"], ENTRIES[name]["direction"][0])["properties"]
        assert [field.name for field in attrs.fields(one)] == [key for key in properties if key != "type"]


def test_what_has_its_default_is_left_out() -> None:
    assert HTTPResponse(status=204).to_dict() == {"type": "http.response", "status": 204}
    assert WebSocketSend(text="").to_dict() == {"type": "websocket.send", "text": ""}


def test_what_is_required_is_there_even_if_it_is_null() -> None:
    assert ServerWakeFrom(after=None).to_dict() == {"type": "server.wake", "after": None}
    with pytest.raises(TypeError, match="after"):
        ServerWakeFrom()  # type: ignore[call-arg]


def test_an_invalid_message_gives_no_object() -> None:
    with pytest.raises(InvalidMessage, match="HTTP-021"):
        HTTPResponse.from_dict({"type": "http.response", "status": 99})


def test_a_message_of_another_type_gives_no_object() -> None:
    with pytest.raises(InvalidMessage, match=r"type: expected 'http.response'"):
        HTTPResponse.from_dict({"type": "http.response.body"})


def test_an_object_cannot_be_changed() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        HTTPResponse(status=200).status = 500  # type: ignore[misc]
