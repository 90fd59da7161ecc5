"""The tables of states: complete, without dead ends, in the words of the schemas and of the text."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from itertools import combinations
from pathlib import Path

import pytest

from seaway.spec.schemas import schema
from seaway.spec.states import Region, Transition, mermaid, protocols, table

CHAPTERS = Path(__file__).parent.parent
REGIONS = [
    pytest.param(protocol, region, id=f"{protocol}: {region.name}")
    for protocol in protocols()
    for region in table(protocol).regions
]


def reachable(region: Region) -> set[str]:
    found = {region.initial}
    for _ in region.states:
        found |= {one.target for one in region.transitions if one.target and found & set(one.sources)}
    return found


def test_there_is_a_table_for_each_protocol_type_of_the_interface() -> None:
    assert protocols() == ("http", "http2", "lifespan", "task", "websocket")


@pytest.mark.parametrize(("protocol", "region"), REGIONS)
def test_every_state_is_named_and_can_be_reached(protocol: str, region: Region) -> None:
    named = {name for one in region.transitions for name in (*one.sources, one.target) if name}

    assert set(region.states) == reachable(region) == named | {region.initial}
    assert {name for one in region.refusals for name in one.sources} <= set(region.states) | {"reset"}


@pytest.mark.parametrize(("protocol", "region"), REGIONS)
def test_every_message_of_a_table_has_a_schema_for_its_way_and_its_protocol(protocol: str, region: Region) -> None:
    for one in region.transitions:
        for type_ in set(one.types) - {"*"}:
            assert protocol in schema(type_, one.direction)["x-protocol"]  # type: ignore[arg-type]
            assert set(one.when) <= set(schema(type_, one.direction)["properties"])  # type: ignore[arg-type]


@pytest.mark.parametrize("protocol", protocols())
def test_every_message_of_a_protocol_is_in_its_table(protocol: str) -> None:
    from seaway.spec.schemas import index

    for entry in index():
        for direction in set(entry["direction"]) - {"layer"}:
            if protocol in entry["protocol"]:
                transitions = [one for region in table(protocol).regions for one in region.transitions]
                assert any(one.direction == direction and entry["type"] in one.types for one in transitions), entry


@pytest.mark.parametrize(("protocol", "region"), REGIONS)
def test_no_two_transitions_fit_the_same_message(protocol: str, region: Region) -> None:
    def overlap(one: Transition, other: Transition) -> bool:
        same = one.direction == other.direction and one.event == other.event
        types = set(one.types) & set(other.types) or not (one.types or other.types)
        apart = any(other.when.get(key, value) != value for key, value in one.when.items())
        return bool(same and set(one.sources) & set(other.sources) and types and not apart)

    assert [pair for pair in combinations(region.transitions, 2) if overlap(*pair)] == []


@pytest.mark.parametrize("protocol", protocols())
def test_the_terminal_message_can_come_in_every_state_but_the_first_and_the_last(protocol: str) -> None:
    region = table(protocol).regions[0]
    terminal = [one for one in region.transitions if table(protocol).terminal in one.types]
    sources = {name for one in terminal for name in one.sources}
    targets = {one.target for one in terminal}
    through_a_return = {name for one in region.transitions if one.event == "returned" for name in one.sources}

    assert sources | through_a_return | targets | {region.initial} == set(region.states)
    assert not any(set(one.sources) & targets for one in region.transitions)


@pytest.mark.parametrize(("protocol", "region"), REGIONS)
def test_every_requirement_of_a_table_is_in_the_text(protocol: str, region: Region) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in CHAPTERS.glob("*.md"))

    assert {one.requirement for one in region.refusals if f"**{one.requirement}**" not in text} == set()


@pytest.mark.parametrize(
    ("chapter", "protocol"),
    [("http.md", "http"), ("websocket.md", "websocket"), ("lifespan.md", "lifespan"), ("tasks.md", "task")],
)
def test_the_states_of_the_text_are_those_of_the_table(chapter: str, protocol: str) -> None:
    text = (CHAPTERS / chapter).read_text(encoding="utf-8")
    section = text.partition("\n## States\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    states = {name for region in table(protocol).regions for name in region.states}

    assert states - named <= {"stopping"}
    assert named <= states


@pytest.mark.parametrize("protocol", protocols())
def test_the_diagram_shows_every_state(protocol: str) -> None:
    text = mermaid(protocol)

    assert text.startswith("stateDiagram-v2\n")
    for region in table(protocol).regions:
        assert f"[*] --> {region.initial}" in text
        for name in region.states:
            assert re.search(rf"\b{name}\b", text)


def test_a_protocol_without_a_table_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        table("mqtt")


def test_the_transitions_in_the_description_of_the_data_are_ones_of_the_tables() -> None:
    folder = files("seaway.spec")
    text = (folder / "README.md").read_text(encoding="utf-8")
    shown = text.partition("## States")[2].partition("```json\n")[2].partition("```")[0].splitlines()
    tables = [json.loads(path.read_text(encoding="utf-8")) for path in (folder / "states").iterdir()]
    existing = [one for data in tables for region in data["regions"] for one in region["transitions"]]

    assert len(shown) == 2
    assert [line for line in shown if json.loads(line) not in existing] == []
