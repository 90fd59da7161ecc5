"""A state table as a picture: states in a column, each step an arc in a lane of its own, so that no labels collide."""

from __future__ import annotations

from html import escape
from typing import Any

_ROW, _LEFT, _WIDTH, _HEIGHT, _LANE, _LETTER = 96, 24, 170, 40, 34, 6.6
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1b2733 } .label { font-size: 11.5px }
rect { fill: #eaf2fb; stroke: #2a6fb0; stroke-width: 1.5 } path { fill: none; stroke: #55708a; stroke-width: 1.3 }
.end { fill: #2a6fb0 } .paper { fill: #fff; stroke: none }
"""


def draw(region: Any) -> str:
    """An SVG picture of a region of a state table (`seaway.spec.states.Region`)."""
    names = list(region.states)
    row = {name: index for index, name in enumerate(names)}
    steps: dict[tuple[int, int], list[str]] = {}
    for step in region.transitions:
        for source in step.sources:
            if step.target is not None and source != step.target:
                steps.setdefault((row[source], row[step.target]), []).append(_label(step))
    arcs, labels, taken = [], [], []
    for lane, ((source, target), lines) in enumerate(sorted(steps.items(), key=lambda item: _span(item[0]))):
        far = _LEFT + _WIDTH + _LANE * (lane + 1)
        arcs.append(_arc(source, target, lane, far))
        place = _place(source, target, far, lines, taken)
        taken.append(place)
        labels += [_text(place, index, line) for index, line in enumerate(lines)]
    width = max((right for _, _, right, _ in taken), default=_LEFT + _WIDTH) + 20
    height = _ROW * len(names)
    boxes = [_box(name, index, name == region.initial) for index, name in enumerate(names)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" role="img">'
        f"<title>{escape(region.name)}</title><style>{_STYLE}</style>"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" style="fill:#55708a;stroke:none"/></marker></defs>'
        f'<rect class="paper" width="100%" height="100%"/>{"".join(arcs)}{"".join(labels)}{"".join(boxes)}</svg>\n'
    )


Place = tuple[float, float, float, float]  # left, top, right, bottom


def _span(ends: tuple[int, int]) -> tuple[int, int]:
    return abs(ends[0] - ends[1]), ends[0]


def _place(source: int, target: int, far: float, lines: list[str], taken: list[Place]) -> Place:
    """Beside the arc's lane, as near its middle as no other label is."""
    width = max(map(len, lines)) * _LETTER
    height = 16 * len(lines)
    middle = (source + target + 1) * _ROW / 2
    room = max(0, abs(source - target) * _ROW / 2 - height / 2 - 8)
    shifts = sorted((sign * shift for shift in range(0, int(room) + 1, 4) for sign in (1, -1)), key=abs)
    places = [(far + 3, middle + shift - height / 2, far + 3 + width, middle + shift + height / 2) for shift in shifts]
    return next((place for place in places if not any(_overlap(place, other) for other in taken)), places[0])


def _overlap(one: Place, other: Place) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _text(place: Place, index: int, line: str) -> str:
    left, top = place[0], place[1] + 16 * index
    return (
        f'<rect class="paper" x="{left}" y="{top:.1f}" width="{len(line) * _LETTER:.0f}" height="16"/>'
        f'<text class="label" x="{left + 2}" y="{top + 12:.1f}">{escape(line)}</text>'
    )


def _box(name: str, index: int, initial: bool) -> str:
    y = index * _ROW + (_ROW - _HEIGHT) / 2
    mark = f'<circle class="end" cx="{_LEFT - 12}" cy="{y + _HEIGHT / 2}" r="5"/>' if initial else ""
    return (
        f'{mark}<rect x="{_LEFT}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="8"/>'
        f'<text x="{_LEFT + _WIDTH / 2}" y="{y + _HEIGHT / 2 + 4}" text-anchor="middle">{escape(name)}</text>'
    )


def _arc(source: int, target: int, lane: int, far: float) -> str:
    edge = _LEFT + _WIDTH
    # Arcs leave below the middle of a box and arrive above it, a little further apart with each lane.
    spread = 3 + min(lane, 10) * 1.2
    start = source * _ROW + _ROW / 2 + (spread if target > source else -spread)
    end = target * _ROW + _ROW / 2 + (-spread if target > source else spread)
    bend = 6 if end > start else -6
    return (
        f'<path d="M{edge} {start:.1f}H{far - 10}Q{far} {start:.1f} {far} {start + bend:.1f}'
        f'V{end - bend:.1f}Q{far} {end:.1f} {far - 10} {end:.1f}H{edge + 2}" marker-end="url(#tip)"/>'
    )


def _label(step: Any) -> str:
    if step.event is not None:
        return f"the call has {step.event}"
    arrow = "→" if step.direction == "to-consumer" else "←"
    when = "".join(f", {key} {_word(value)}" for key, value in (step.when or {}).items())
    return f"{arrow} {' or '.join(step.types)}{when}"


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
