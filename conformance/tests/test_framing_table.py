"""The table of raw requests is what its schema and the registry say, and large enough."""

from __future__ import annotations

import json
from collections import Counter
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from seaway.conformance.framing import rows
from seaway.spec.registry import requirements


@pytest.fixture(scope="module")
def table() -> Any:
    return json.loads(files("seaway.conformance.framing").joinpath("requests.json").read_text())


def test_it_is_valid_under_its_schema(table: Any) -> None:
    schema = json.loads(files("seaway.conformance.framing").joinpath("requests.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(table, schema)


def test_it_has_many_rows_and_names_each_once() -> None:
    assert len(rows()) >= 280
    assert Counter(row.id for row in rows()).most_common(1)[0][1] == 1
    assert len({row.request for row in rows()}) == len(rows())


def test_each_row_names_requirements_of_a_server_that_are_there() -> None:
    for row in rows():
        for identifier in row.requirements:
            assert "async server" in requirements()[identifier].classes, row.id


def test_every_requirement_about_what_must_be_refused_in_a_head_or_a_body_has_a_row() -> None:
    named = {identifier for row in rows() if row.served is None for identifier in row.requirements}
    assert named >= {f"HTTP-{number:03}" for number in (54, 61, 62, 64, 65, 68, *range(69, 77), *range(78, 85), 89)}
