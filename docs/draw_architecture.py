"""Draws docs/architecture.png, the rooms of marquee/ and the imports between them: `make architecture`."""

from collections import Counter
from pathlib import Path

import grimp
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from marquee.pictures import plots

OUT = Path(__file__).with_name("architecture.png")
ROWS = (
    ("monitoring", ("promotion", "verdict", "arms", "statistics", "evidence", "collection")),
    (
        "serving",
        ("packaging", "provenance", "variants", "export", "replay", "service", "telemetry", "recommender"),
    ),
    ("models", ("tuning", "retrieval", "ranking", "training", "neighbours", "baselines", "features")),
    ("evaluation", ("reporting", "progress", "measures")),
    ("data", ("exploration", "preparation", "sources", "sample", "tables")),
    ("", ("upkeep", "events", "pictures", "pipeline")),
)
"""Layers from the top: a room imports rooms to its right or below; the order within one is by hand."""
SHARED = {"marquee.pipeline", "marquee.pictures", "marquee.events"}
"""Rooms that rooms of all layers import: arrows to them would hide the others."""
WIDTH, HEIGHT, GAP = 1.62, 0.62, 0.3
ROW_HEIGHT = 1.5


def rooms(graph: grimp.ImportGraph) -> dict[str, int]:
    """How many modules each room holds, its inner folders included."""
    inner = {module.rpartition(".")[0] for module in graph.modules}
    return dict(Counter(room_of(module) for module in graph.modules if module not in inner))


def room_of(module: str) -> str:
    """`marquee.serving.recommender` for whatever lies in it, however deep."""
    return ".".join(module.split(".")[:-1][:3])


def arrows(graph: grimp.ImportGraph, known: dict[str, int]) -> set[tuple[str, str]]:
    """Imports between rooms, without those that follow from two or more others."""
    direct: dict[str, set[str]] = {room: set() for room in known}
    for module in graph.modules:
        room = room_of(module)
        for imported in graph.find_modules_directly_imported_by(module):
            other = room_of(imported)
            if room in known and other in known and other not in SHARED | {room}:
                direct[room].add(other)
    return without_shortcuts(direct)


def without_shortcuts(direct: dict[str, set[str]]) -> set[tuple[str, str]]:
    """The pairs (importer, imported) that do not follow from two or more others."""
    return {
        (room, other)
        for room, others in direct.items()
        for other in others
        if not any(other in _reached(direct, between) for between in others - {other})
    }


def served(graph: grimp.ImportGraph) -> set[str]:
    """The rooms that run while the service answers."""
    service = "marquee.serving.service.service"
    return {room_of(module) for module in graph.find_upstream_modules(service) | {service}}


def draw(path: Path = OUT) -> None:
    """Draw the picture from the imports as they are."""
    graph = grimp.build_graph("marquee", exclude_type_checking_imports=True, cache_dir=None)
    known = rooms(graph)
    places = _places(known)
    missing = set(known) - set(places)
    if missing:
        raise ValueError(f"ROWS in {Path(__file__).name} lacks {sorted(missing)}: give each a place.")
    figure, (axes,) = plots.new(14.0, 1.45 * len({y for _, y in places.values()}) + 0.5)
    live = served(graph)
    for room, (x, y) in places.items():
        _box(axes, room, known[room], x, y, plots.ACCENT if room in live else plots.MUTED)
    for room, other in sorted(arrows(graph, known)):
        _arrow(axes, places[room], places[other])
    width = max(x for x, _ in places.values()) + WIDTH
    axes.set(
        xlim=(-1.25, width + 0.1), ylim=(min(y for _, y in places.values()) - 0.3, 1.5), xticks=[], yticks=[]
    )
    axes.set_title("Rooms of marquee/ and what they import (orange: runs while the service answers)")
    axes.grid(visible=False)
    for side in axes.spines.values():
        side.set_visible(False)
    plots.save(figure, path)


def _reached(direct: dict[str, set[str]], start: str) -> set[str]:
    found, waiting = set(direct[start]), list(direct[start])
    while waiting:
        new = direct[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def _places(known: dict[str, int]) -> dict[str, tuple[float, float]]:
    places, y = {}, 0.0
    for layer, names in ROWS:
        path = ".".join(["marquee", layer]) if layer else "marquee"
        row = [room for name in names if (room := f"{path}.{name}") in known] or [path] * (path in known)
        for column, room in enumerate(row):
            places[room] = (column * (WIDTH + GAP), y)
        y -= ROW_HEIGHT * bool(row)
    return places


def _box(axes: Axes, room: str, modules: int, x: float, y: float, colour: str) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (x, y), WIDTH, HEIGHT, boxstyle="round,pad=0.02", facecolor="white", edgecolor=colour, lw=1.6
        )
    )
    layer, _, name = room.removeprefix("marquee.").rpartition(".")
    axes.text(x + WIDTH / 2, y + 0.38, name, ha="center", va="center", weight="bold")
    axes.text(
        x + WIDTH / 2,
        y + 0.14,
        f"{modules} module{'s' * (modules > 1)}",
        ha="center",
        va="center",
        color=plots.MUTED,
        fontsize=8,
    )
    if x == 0:
        axes.text(-0.18, y + HEIGHT / 2, layer or "shared", ha="right", va="center", color=plots.MUTED)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    (x, y), (to_x, to_y) = start, end
    same_row = y == to_y
    neighbours = same_row and 0 < to_x - x < 1.5 * WIDTH
    if neighbours:
        ends, bend = ((x + WIDTH + 0.03, y + HEIGHT / 2), (to_x - 0.03, y + HEIGHT / 2)), 0.0
    elif same_row:
        ends, bend = ((x + WIDTH * 0.6, y + HEIGHT + 0.03), (to_x + WIDTH * 0.4, y + HEIGHT + 0.03)), -0.16
    else:
        ends, bend = ((x + WIDTH / 2, y - 0.03), (to_x + WIDTH / 2, to_y + HEIGHT + 0.03)), 0.0
    axes.add_patch(
        FancyArrowPatch(
            *ends,
            connectionstyle=f"arc3,rad={bend}",
            arrowstyle="-|>",
            mutation_scale=9,
            color=plots.MUTED,
            lw=0.9,
        )
    )


if __name__ == "__main__":
    draw()
