"""The registry of requirements follows the text, and finds what is wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seaway.spec.registry import InvalidChapterError, main, parse, requirements

GOOD = """# Layers

Prose about layers.

**LAY-001** (MUST; async layer, sync layer) A channel
MUST be a `str`.

## More

**LAY-002** (SHOULD NOT; sync layer) It SHOULD NOT be long, with these keys:

| key | type |
|---|---|
| `a` | `int` |

```
MUST in a code block binds nobody
```
"""


def chapters(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    return folder


def faults(folder: Path, **texts: str) -> list[str]:
    with pytest.raises(InvalidChapterError) as caught:
        parse(chapters(folder, **texts))
    return str(caught.value).splitlines()


def test_the_registry_is_current() -> None:
    assert main(["--check"]) == 0
    assert list(requirements().values()) == parse()


def test_a_requirement_has_what_the_text_says(tmp_path: Path) -> None:
    first, second = parse(chapters(tmp_path, layers=GOOD))

    assert (first.id, first.level, first.classes) == ("LAY-001", "MUST", ("async layer", "sync layer"))
    assert (first.chapter, first.section, first.text) == ("layers", "Layers", "A channel MUST be a `str`.")
    assert (second.level, second.section) == ("SHOULD NOT", "More")
    assert second.text.endswith("with these keys:\n\n| key | type |\n|---|---|\n| `a` | `int` |")


@pytest.mark.parametrize(
    "change",
    [
        ("a `str`", "an `int`"),
        ("`a` | `int`", "`a` | `str`"),
        ("(MUST; async layer, sync", "(MUST; sync layer, async"),
    ],
)
def test_the_hash_changes_with_the_meaning(tmp_path: Path, change: tuple[str, str]) -> None:
    assert change[0] in GOOD
    before = {one.hash for one in parse(chapters(tmp_path, layers=GOOD))}
    after = {one.hash for one in parse(chapters(tmp_path, layers=GOOD.replace(*change)))}

    assert len(before & after) == 1


def test_the_hash_stays_when_lines_are_broken_otherwise(tmp_path: Path) -> None:
    before = [one.hash for one in parse(chapters(tmp_path, layers=GOOD))]
    after = [
        one.hash
        for one in parse(chapters(tmp_path, layers=GOOD.replace("channel\nMUST", "channel MUST") + "\nMore prose.\n"))
    ]

    assert before == after


def test_an_identifier_that_stands_twice_is_found(tmp_path: Path) -> None:
    assert faults(tmp_path, layers=GOOD, more=GOOD.replace("LAY-002", "LAY-003")) == [
        "more.md:5: LAY-001: stands twice"
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("**LAY-001** (MUST; sync layer) It has to be so.", "layers.md:1: LAY-001: the sentence lacks MUST"),
        ("**LAY-001** (MUST; sync layer) It MUST NOT be.", "layers.md:1: LAY-001: the sentence lacks MUST"),
        (
            "**LAY-001** (MUST; sync layer) It MUST be so and SHOULD be fast.",
            "layers.md:1: LAY-001: the sentence has SHOULD beside MUST",
        ),
        (
            "**LAY-001** (MUST; sync layer) It MUST be so and MUST be fast.",
            "layers.md:1: LAY-001: the sentence has MUST more than once; write two requirements",
        ),
        ("**LAY-001** (SHALL; sync layer) It SHALL be so.", "layers.md:1: LAY-001: 'SHALL' is no level"),
        ("**LAY-001** (MUST; layer) It MUST be so.", "layers.md:1: LAY-001: 'layer' is no conformance class"),
        ("**LAY-001** It MUST be so.", "layers.md:1: expected **ID-000** (LEVEL; class, class) and a sentence"),
        ("**LAY-1** (MUST; layer) It MUST.", "layers.md:1: expected **ID-000** (LEVEL; class, class) and a sentence"),
        ("Prose.\n\nIt MUST be so.", "layers.md:3: MUST outside a requirement"),
        ("It is RECOMMENDED.", "layers.md:1: RECOMMENDED outside a requirement"),
        ("- one\n- it MAY be", "layers.md:1: MAY outside a requirement"),
    ],
)
def test_a_fault_is_found_where_it_stands(tmp_path: Path, text: str, fault: str) -> None:
    assert fault in faults(tmp_path, layers=text)


def test_what_is_shipped_is_not_empty() -> None:
    assert requirements()["LAY-001"].level == "MUST"
    assert {one.chapter for one in requirements().values()} >= {"messages", "consumers", "layers", "http", "websocket"}
