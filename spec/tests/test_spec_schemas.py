"""The schemas themselves: valid, complete, described, and with examples that hold."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest

from seaway.spec import RESERVED_PREFIXES, from_json, validate
from seaway.spec.schemas import index, schema, statistics, types, vectors

FOLDER = files("seaway.spec") / "schemas"
RAW = {
    path.name: json.loads(path.read_text(encoding="utf-8"))
    for path in FOLDER.iterdir()
    if path.name.endswith(".json") and path.name != "index.json"
}
MESSAGES = {name: value for name, value in RAW.items() if name not in {"common.json", "statistics.json"}}
CHAPTERS = Path(__file__).parent.parent


def parts(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema inside *value* that describes a value of a message, with its path."""
    for key in ("properties", "$defs"):
        for name, inner in value.get(key, {}).items():
            yield f"{path}/{key}/{name}", inner
            yield from parts(inner, f"{path}/{key}/{name}")
    for key in ("prefixItems", "anyOf"):
        for number, inner in enumerate(value.get(key, [])):
            if key == "prefixItems":
                yield f"{path}/{key}/{number}", inner
            yield from parts(inner, f"{path}/{key}/{number}")
    if isinstance(value.get("items"), dict):
        yield f"{path}/items", value["items"]
        yield from parts(value["items"], f"{path}/items")


@pytest.mark.parametrize("name", RAW)
def test_a_schema_is_valid_under_the_metaschema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(RAW[name])


@pytest.mark.parametrize("name", RAW)
def test_a_second_validator_says_so_too(name: str) -> None:
    jsonschema_rs.meta.validate(RAW[name])


def undescribed(schema: dict[str, Any]) -> list[str]:
    """The fields of a schema that say nothing of what they mean, by their paths."""
    definitions = RAW["common.json"]["$defs"]
    return [
        path
        for path, part in parts(schema)
        if not part.get("description")
        and not definitions.get(part.get("$ref", "").rpartition("/")[2], {}).get("description")
    ]


@pytest.mark.parametrize("name", RAW)
def test_every_field_has_a_description(name: str) -> None:
    assert undescribed(RAW[name]) == []
    assert RAW[name]["title"]
    assert RAW[name]["description"]


@pytest.mark.parametrize("name", MESSAGES)
def test_a_field_without_a_description_is_found(name: str) -> None:
    for field in MESSAGES[name]["properties"]:
        broken = deepcopy(MESSAGES[name])
        broken["properties"][field].pop("description", None)
        by_reference = "$ref" in broken["properties"][field]

        assert undescribed(broken) == ([] if by_reference else [f"/properties/{field}"])


@pytest.mark.parametrize("name", MESSAGES)
def test_the_default_of_a_field_is_valid_and_no_required_field_has_one(
    name: str, with_jsonschema: Callable[..., Callable[[Any], bool]]
) -> None:
    message = MESSAGES[name]
    bundle = schema(message["title"], message["x-direction"][0])

    for key, part in message["properties"].items():
        assert ("default" in part) != (key in message["required"])
        if "default" in part:
            field = {**bundle["properties"][key], "$defs": bundle.get("$defs", {})}
            assert with_jsonschema(field)(part["default"])


@pytest.mark.parametrize("name", MESSAGES)
def test_the_examples_are_valid(name: str, with_jsonschema: Callable[..., Callable[[Any], bool]]) -> None:
    message = MESSAGES[name]
    direction = message["x-direction"][0]

    assert message["examples"]
    for example in message["examples"]:
        assert with_jsonschema(schema(message["title"], direction))(example)
        validate(from_json(example), direction)


def test_the_example_of_statistics_is_valid_and_a_count_below_zero_is_not(
    with_jsonschema: Callable[..., Callable[[Any], bool]],
) -> None:
    valid = with_jsonschema(statistics())
    (example,) = statistics()["examples"]

    assert valid(example)
    assert not valid({**example, "sent": -1})
    assert not valid({**example, "dropped": {}})


@pytest.mark.parametrize("name", MESSAGES)
def test_a_file_is_named_for_its_type(name: str) -> None:
    message = MESSAGES[name]
    title = message["title"]
    both_ways = sum(other["title"] == title for other in MESSAGES.values()) > 1

    assert message["properties"]["type"]["const"] == title
    assert title.startswith(RESERVED_PREFIXES)
    assert name == (f"{title}.{message['x-direction'][0].partition('-')[0]}.json" if both_ways else f"{title}.json")


@pytest.mark.parametrize("name", RAW)
def test_every_requirement_that_a_schema_names_is_in_the_text(name: str) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in CHAPTERS.glob("*.md"))
    named = set(re.findall(r'"x-requirement": "([^"]*)"', json.dumps(RAW[name])))

    assert named or name == "common.json"
    assert {one for one in named if f"**{one}**" not in text} == set()


def test_the_index_lists_every_schema_once() -> None:
    assert sorted(entry["schema"] for entry in index()) == sorted(MESSAGES)
    assert set(types()) == {message["title"] for message in MESSAGES.values()}
    for entry in index():
        assert entry["direction"] == MESSAGES[entry["schema"]]["x-direction"]


def test_a_schema_comes_complete() -> None:
    text = json.dumps(schema("http.request"))

    assert "common.json" not in text
    wanted = set(re.findall(r'"#/\$defs/([a-z_]+)"', text))
    assert wanted == set(schema("http.request")["$defs"])


def test_a_type_that_goes_both_ways_has_a_schema_for_each() -> None:
    assert schema("server.wake")["x-direction"] == ["from-consumer"]
    assert schema("server.wake", "to-consumer")["x-direction"] == ["to-consumer"]


@pytest.mark.parametrize(("type_", "direction"), [("http.nothing", None), ("http.response", "to-consumer")])
def test_a_type_without_a_schema_is_a_key_error(type_: str, direction: Any) -> None:
    with pytest.raises(KeyError, match=type_):
        schema(type_, direction)


def test_what_is_handed_out_may_be_changed() -> None:
    schema("http.response")["properties"].clear()
    index().clear()
    vectors("names").clear()

    assert schema("http.response")["properties"]
    assert index()
    assert vectors("names")
