"""Options of a layer, by keyword and in a URL; and layers by URL and by dotted path."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from seaway.layers import AsyncLayer, MemoryLayer, SyncLayer, SyncMemoryLayer, open_layer, shown_url


def test_every_option_of_the_interface_has_its_default() -> None:
    options = MemoryLayer()._options
    assert (options.capacity, options.expiry, options.namespace, options.lease) == (100, 60, "", 30)
    assert (options.max_message_size, options.inbox_capacity, options.inbox_bytes) == (1 << 20, 10_000, 64 << 20)
    assert (options.send_deadline, dict(options.channel_capacity), dict(options.channel_expiry)) == (2, {}, {})


def test_an_unknown_option_names_the_known_ones() -> None:
    with pytest.raises(TypeError, match=r"'capcity'.*capacity, channel_capacity, expiry.*LAY-014"):
        MemoryLayer(capcity=3)


def test_group_expiry_tells_the_new_way() -> None:
    with pytest.raises(TypeError, match="no group expiry"):
        MemoryLayer(group_expiry=3)


@pytest.mark.parametrize(
    "option",
    [
        {"capacity": 0},
        {"capacity": 1.5},
        {"capacity": True},
        {"expiry": 0},
        {"expiry": float("inf")},
        {"expiry": "60"},
        {"lease": -1},
        {"namespace": "a b"},
        {"namespace": None},
        {"name": "a/b"},
        {"channel_capacity": {"a": 0}},
        {"channel_capacity": [("a", 1)]},
        {"channel_expiry": {"a": -1}},
        {"channel_expiry": {1: 1}},
        {"inbox_capacity": 0},
        {"inbox_bytes": 0},
        {"max_message_size": 0},
        {"send_deadline": 0},
    ],
)
def test_a_value_that_makes_no_sense_is_refused_at_construction(option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"{next(iter(option))}.*LAY-015"):
        SyncMemoryLayer(**option)


def test_the_first_glob_that_matches_the_whole_name_counts() -> None:
    globs = {"thumb?": 1, "thumb*": 2, "T*": 3, "a.b": 4, "[xy]": 5}
    layer = SyncMemoryLayer(channel_capacity=globs, capacity=9)
    wanted = {"thumbs": 1, "thumb": 2, "thumbnails": 2, "athumbs": 9, "tt": 9, "TT": 3, "a.b": 4, "aXb": 9, "x": 9}
    assert {name: layer._route(name).capacity for name in wanted} == wanted


def test_decisions_about_made_up_names_do_not_fill_the_memory() -> None:
    with SyncMemoryLayer() as layer:
        for number in range(40_000):
            layer._route(f"made.up.{number}")
        for number in range(3000):
            layer._sources_of([f"made.up.{number}"])
        assert len(layer._routes) <= 16_384
        assert len(layer._sources) <= 1024


def test_a_url_carries_options_with_their_types() -> None:
    layer = open_layer("memory://chat?capacity=5&expiry=2.5&channel_capacity=a*:7&channel_capacity=b:8&namespace=x")
    assert isinstance(layer, MemoryLayer)
    assert (layer.capacity, layer.expiry) == (5, 2.5)
    assert [layer._route(name).capacity for name in ("aa", "b", "c")] == [7, 8, 5]
    assert (layer._options.name, layer._options.namespace) == ("chat", "x")  # type: ignore[attr-defined]


def test_keywords_win_over_the_url() -> None:
    layer = open_layer("memory://chat?capacity=5", False, capacity=6)
    assert isinstance(layer, SyncMemoryLayer)
    assert layer.capacity == 6


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("foo://x", "there are memory"),
        ("memory://x?speed=1", "no option 'speed'"),
        ("memory://x?capacity=many", "not of type int"),
        ("memory://x?channel_capacity=5", "not of type"),
        ("memory://x?capacity", "NAME=VALUE"),
        ("memory://x?capacity=0", "LAY-015"),
        ("memory://a/b", "expected memory://NAME"),
        ("memory://a b", "LAY-015"),
        ("Layer", "expected a URL"),
        ("", "expected a URL"),
        ("no.such.module.Layer", "cannot be imported"),
        ("seaway.layers.Nothing", "cannot be imported"),
        ("seaway.layers:open_layer", "is no layer class"),
    ],
)
def test_a_url_that_cannot_be_opened_says_why(url: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        open_layer(url)


def test_an_unknown_option_by_keyword_is_a_type_error_by_url_too() -> None:
    with pytest.raises(TypeError, match="LAY-014"):
        open_layer("memory://x", speed=1)


@pytest.mark.parametrize("path", ["seaway.layers.SyncMemoryLayer", "seaway.layers:SyncMemoryLayer"])
def test_a_dotted_path_gives_the_flavour_that_was_asked_for(path: str) -> None:
    with open_layer(path, is_async=False, capacity=3) as layer:  # type: ignore[union-attr]
        assert isinstance(layer, SyncMemoryLayer)
        assert layer.capacity == 3
    adapted = open_layer(path)
    assert isinstance(adapted, AsyncLayer)
    assert adapted.is_async


def test_a_scheme_comes_from_any_package_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    from seaway.layers import opening

    module = types.ModuleType("third_party_layers")
    module.make = lambda url, is_async, **options: (url, is_async, options)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "third_party_layers", module)
    points = [
        EntryPoint("third", "third_party_layers:make", "seaway.layers"),
        EntryPoint("broken", "no_such_module:make", "seaway.layers"),
    ]
    monkeypatch.setattr(opening, "entry_points", lambda group: points)
    assert open_layer("third://host", False, capacity=3) == ("third://host", False, {"capacity": 3})  # type: ignore[comparison-overlap]
    with pytest.raises(ValueError, match="no_such_module"):
        open_layer("broken://host")


def test_both_flavours_of_the_base_can_be_told_apart_by_their_classes() -> None:
    assert AsyncLayer.is_async
    assert not SyncLayer.is_async
    assert (MemoryLayer.interface, SyncMemoryLayer.interface) == ("1.0", "1.0")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://anna:hush@h:1/2?lease=3", "redis://anna:***@h:1/2?lease=3"),
        ("redis+sentinel://:hush@h:1,i:2/main", "redis+sentinel://:***@h:1,i:2/main"),
        ("redis+unix://anna:hush@/run/r.sock", "redis+unix://anna:***@/run/r.sock"),
        (
            "redis://h?password=hush&lease=3&sentinel_password=hush&encryption_keys=hush",
            "redis://h?password=***&lease=3&sentinel_password=***&encryption_keys=***",
        ),
        ("redis://:p@hush@h:1", "redis://:***@h:1"),
        ("redis://anna:hush/hush?hush#hush@h:1", "redis://anna:***@h:1"),
        ("memory://chat?capacity=10", "memory://chat?capacity=10"),
        ("package.module:Layer", "package.module:Layer"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize("url", ["nosuch://anna:hush@h", "redis://anna:hush@h/zero", "redis://anna:hush@h?leese=3"])
def test_an_error_does_not_show_the_secrets_of_a_url(url: str) -> None:
    with pytest.raises(ValueError, match=":") as caught:
        open_layer(url)
    assert "hush" not in str(caught.value)
