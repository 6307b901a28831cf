"""Figures of `delegate eval` as pictures: SVG to stand inside a page, PNG to stand alone. The home of matplotlib.

A picture is a function that draws figures on an empty canvas in the colours of a palette; it knows neither format nor page.
SVG comes without styles, scripts, fonts and metadata, so that the page's own rules reach its text and a strict content
policy holds.
"""

import io
import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unicodedata import east_asian_width

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from delegate_cli.confidence.metrics import wilson
from delegate_cli.render.inline_svg import inline
from delegate_cli.render.text import shorten

WIDTH, HEIGHT = 5.0, 3.9  # inches of 72 units: as wide as a phone, where a unit is then a pixel
_DOTS = 200  # of a PNG, an inch
_LABEL = 26  # characters of an agent's id
_GAP = 0.25  # between the agents of a table and the rest, in cells
_WIDE = 25  # times the smallest roster from which sizes are drawn on a logarithmic axis
_SHOWN = 10  # tasks from which a share of wrong ones is drawn


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of one version of a picture; blue and orange are told apart with every kind of colour blindness (Okabe & Ito)."""

    name: str
    paper: str
    ink: str
    muted: str
    grid: str
    blue: str
    orange: str
    on_orange: str  # text on full orange


LIGHT = Palette("light", "#ffffff", "#1b1f24", "#57606a", "#d8dee4", "#0072b2", "#d55e00", "#ffffff")
DARK = Palette("dark", "#0d1117", "#e6edf3", "#9da7b1", "#30363d", "#56b4e9", "#e69f00", "#0d1117")


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: `name` is the stem of its file, `title` is drawn only where it stands alone."""

    name: str
    title: str
    draw: Callable[[Figure, Palette], None]
    height: float = HEIGHT


def pictures(figures: Mapping[str, Any], target_error: float | None) -> list[Picture]:
    """What can be drawn of these figures, in reading order."""
    found = []
    if figures["fits"]:
        found = [
            Picture("reliability", "Is it right as often as it says?", lambda on, palette: _reliability(on, palette, figures)),
            Picture(
                "risk-coverage",
                "Errors by share handed over",
                lambda on, palette: _risk(on, palette, figures, target_error),
            ),
            Picture("levels", "Tasks by confidence level", lambda on, palette: _levels(on, palette, figures["levels"])),
        ]
    if figures.get("sizes"):
        sizes = figures["sizes"]
        found.append(Picture("sizes", "Accuracy by size of the roster", lambda on, palette: _sizes(on, palette, sizes)))
    if figures["confusion"]["agents"]:
        rows = len(figures["confusion"]["agents"])
        found.append(
            Picture(
                "confusion",
                "Tasks of the most confused agents",
                lambda on, palette: _confusion(on, palette, figures["confusion"]),
                1.5 + 0.29 * rows,
            )
        )
    return found


def png(picture: Picture, palette: Palette = LIGHT) -> bytes:
    """The picture with its title."""
    buffer = io.BytesIO()
    with _drawn(picture, palette, title=True) as figure:
        figure.savefig(buffer, format="png", dpi=_DOTS, facecolor=palette.paper, metadata={"Software": None})
    return buffer.getvalue()


def svg(picture: Picture, palette: Palette) -> str:
    """An element for a page. Its ids are its own, its background is the page's."""
    buffer = io.StringIO()
    with _drawn(picture, palette, title=False) as figure:
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    return inline(buffer.getvalue(), f"{picture.name}-{palette.name}-")


@contextmanager
def _drawn(picture: Picture, palette: Palette, title: bool) -> Iterator[Figure]:
    """The drawn figure, with settings of its own whatever the user's matplotlibrc says."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it would speak of its font cache
    with style.context(["default", _settings(palette)]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "constrained_layout not applied", UserWarning)  # names as wide as the picture
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)  # the reader's font may have it
        figure = Figure(figsize=(WIDTH, picture.height), layout="constrained")
        picture.draw(figure, palette)
        if title:
            figure.suptitle(picture.title, x=0.02, ha="left", fontsize=13, fontweight="bold")
        yield figure


def _settings(palette: Palette) -> dict[str, Any]:
    inks = ("text.color", "axes.labelcolor")
    return {
        **dict.fromkeys(inks, palette.ink),
        **dict.fromkeys(("xtick.color", "ytick.color"), palette.grid),
        **dict.fromkeys(("xtick.labelcolor", "ytick.labelcolor"), palette.muted),
        **dict.fromkeys(("axes.spines.top", "axes.spines.right", "axes.spines.left"), False),
        "axes.edgecolor": palette.muted,
        "axes.facecolor": "none",
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": palette.grid,
        "grid.linewidth": 0.8,
        "ytick.major.size": 0,
        "xtick.major.size": 3,
        "font.size": 11.5,
        "axes.labelsize": 11.5,
        "text.parse_math": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "delegate",
        "lines.linewidth": 2,
        "figure.constrained_layout.h_pad": 0.06,
        "figure.constrained_layout.w_pad": 0.06,
    }


def _label(text: str) -> str:
    """An agent's id as it may stand in XML, short enough for its place also in capitals or Chinese."""
    line = shorten(text, _LABEL).replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
    while sum(map(_breadth, line)) > _LABEL:
        line = line[:-2] + "…"
    return line


def _breadth(char: str) -> float:
    """Of a character, in small letters."""
    if east_asian_width(char) in "WF":
        return 2.0
    return 1.6 if char in "MWmw@%" else 1.2 if char.isupper() else 1.0


def _percent_axis(axis: Any, high: float, step: int) -> None:
    """Ticks of a share in whole percent."""
    ticks = range(0, math.floor(100 * high + 1e-9) + 1, step)
    axis.set_ticks([tick / 100 for tick in ticks], [f"{tick}" for tick in ticks])


def _reliability(figure: Figure, palette: Palette, figures: Mapping[str, Any]) -> None:
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
    bins = [each for each in figures["reliability"] if each["count"]]
    stated = [each["probability"] for each in bins]
    right = [each["right"]["value"] for each in bins]
    above.plot([0, 1], [0, 1], color=palette.muted, linestyle=(0, (4, 3)), linewidth=1.4)
    above.vlines(
        stated, [each["right"]["low"] for each in bins], [each["right"]["high"] for each in bins], palette.blue, linewidth=1.6
    )
    above.plot(stated, right, "o", color=palette.blue, markersize=6.5)
    above.set_title(f"ECE {100 * figures['ece']:.1f} %", loc="left", fontsize=13, fontweight="bold")
    above.set_title("dashed: as stated", loc="right", fontsize=11.5, color=palette.muted)
    above.set(ylabel="right, %", xlim=(-0.01, 1.01), ylim=(-0.02, 1.02))
    _percent_axis(above.yaxis, 1, 20)
    width = bins[0]["to"] - bins[0]["from"]
    below.bar([each["from"] for each in bins], [each["count"] for each in bins], 0.86 * width, align="edge", color=palette.blue)
    below.set(ylabel="tasks", xlabel="stated probability, %")
    below.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    _percent_axis(below.xaxis, 1, 20)
    figure.align_ylabels()


def _risk(figure: Figure, palette: Palette, figures: Mapping[str, Any], target: float | None) -> None:
    axes = figure.subplots()
    whole = figures["fits"]
    # the share of wrong ones among one or two tasks is 0 or 1: that is no line
    curve = [each for each in figures["risk_coverage_curve"] if each["coverage"] * whole > min(_SHOWN, whole / 4)]
    coverage = [point["coverage"] for point in curve]
    error = [point["error"] for point in curve]
    counts = [round(each * whole) for each in coverage]
    bounds = [wilson(round(share * count), count) for share, count in zip(error, counts, strict=True)]
    lows, highs = zip(*bounds, strict=True)
    axes.fill_between(coverage, lows, highs, color=palette.blue, alpha=0.18, linewidth=0)
    axes.plot(coverage, error, color=palette.blue, solid_capstyle="round")
    top = max(highs[-1], *error, 2 * (target or 0.0), 0.04) * 1.06  # the widest intervals may leave it
    axes.set(xlim=(0, 1.01), ylim=(0, min(top, 1.02)), xlabel="handed over, % of tasks", ylabel="wrong among them, %")
    _percent_axis(axes.xaxis, 1, 20)
    _percent_axis(axes.yaxis, min(top, 1.0), next(step for step in (1, 2, 5, 10, 20) if 100 * top / step < 8 or step == 20))
    if target is not None:
        axes.axhline(target, color=palette.orange, linestyle=(0, (4, 3)), linewidth=1.6)
        axes.annotate(
            f"target {100 * target:g} %", (1, target), (0, 4), textcoords="offset points", ha="right", color=palette.orange
        )
    _threshold_point(axes, figures["handed_over"], palette.ink)


def _threshold_point(axes: Axes, given: Mapping[str, Any], ink: str) -> None:
    """Where the roster's own threshold stands, said above the picture: no place within it is always free."""
    words = "nothing is handed over"
    if given["error"] is not None:
        place = given["coverage"]["value"], given["error"]["value"]
        words = f"{100 * place[0]:.0f} % handed over, {100 * place[1]:.1f} % of them wrong"
        axes.plot(*place, "o", color=ink, markersize=8, zorder=5, clip_on=False)
    axes.set_title(f"● threshold {given['threshold']:.3f}:\n{words}", loc="left", fontsize=11.5, linespacing=1.3)


def _levels(figure: Figure, palette: Palette, levels: list[Mapping[str, Any]]) -> None:
    axes = figure.subplots()
    counts = [each["accuracy"]["of"] if each["accuracy"] else 0 for each in levels]
    right = [round(each["accuracy"]["value"] * count) if count else 0 for each, count in zip(levels, counts, strict=True)]
    wrong = [count - good for count, good in zip(counts, right, strict=True)]
    names = [each["level"] for each in levels]
    axes.bar(names, right, 0.72, color=palette.blue, label="right")
    axes.bar(names, wrong, 0.72, bottom=right, color=palette.orange, hatch="///", edgecolor=palette.paper, label="wrong")
    for name, count, good in zip(names, counts, right, strict=True):
        words = f"{100 * good / count:.0f} %" if count else "–"
        axes.annotate(words, (name, count), (0, 4), textcoords="offset points", ha="center", fontsize=12, fontweight="bold")
    axes.set(xlabel="confidence level", ylabel="tasks", ylim=(0, 1.14 * max(*counts, 1)))
    axes.set_xticks(names)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    _legend(axes)


def _sizes(figure: Figure, palette: Palette, sizes: list[Mapping[str, Any]]) -> None:
    axes = figure.subplots()
    low = 1.0
    for name, words, color, mark in (
        ("top1", "first", palette.blue, "o"),
        ("top3", "among the first three", palette.orange, "s"),
    ):
        points = [(each["agents"], each[name]) for each in sizes if each[name]]
        places, shares = [size for size, _ in points], [point["value"] for _, point in points]
        axes.vlines(places, [point["low"] for _, point in points], [point["high"] for _, point in points], color, linewidth=1.6)
        axes.plot(places, shares, color=color, marker=mark, markersize=6.5, label=words)
        low = min([low, *(point["low"] for _, point in points)])
    agents = [each["agents"] for each in sizes]
    axes.set(xlabel="agents in the roster", ylabel="right agent, % of tasks", xlim=(0, 1.04 * max(agents)))
    if max(agents) > _WIDE * min(agents):
        axes.set(xscale="log", xlim=(0.8 * min(agents), 1.25 * max(agents)))
    ticks = _apart(agents, log=axes.get_xscale() == "log")
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    _percent_axis(axes.yaxis, 1, 10 if low > 0.4 else 20)
    axes.set_ylim(max(0.0, low - 0.05), 1.01)
    _legend(axes)


def _apart(sizes: list[int], log: bool) -> list[int]:
    """Those sizes, from the largest down, whose labels do not touch."""
    place = [math.log(size) if log else size for size in sizes]
    least = 0.07 * (place[-1] - (place[0] if log else 0))
    kept = [len(sizes) - 1]
    for row in range(len(sizes) - 2, -1, -1):
        if place[kept[-1]] - place[row] >= least:
            kept.append(row)
    return [sizes[row] for row in reversed(kept)]


def _legend(axes: Axes) -> None:
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncols=2, frameon=False, borderpad=0.2, borderaxespad=0.2)


def _confusion(figure: Figure, palette: Palette, confusion: Mapping[str, Any]) -> None:
    axes = figure.subplots()
    agents, others = confusion["agents"], confusion["others"]
    most = max((count for i, row in enumerate(confusion["counts"]) for j, count in enumerate(row) if i != j), default=1)
    for i, row in enumerate(confusion["counts"]):
        for j, count in enumerate([*row, others[i]]):
            apart = _GAP if j == len(agents) else 0.0
            _cell(axes, palette, (j + apart, i), count, None if j in (i, len(agents)) else count / max(most, 1))
    numbers = [str(place) for place in range(1, len(agents) + 1)]
    axes.set_xticks([*range(len(agents)), len(agents) + _GAP], [*numbers, "rest"])
    axes.set_yticks(range(len(agents)), [f"{_label(agent)}  {place}" for place, agent in enumerate(agents, 1)])
    for text in axes.get_yticklabels():
        text.set_color(palette.ink)
    axes.set(xlim=(-0.52, len(agents) + _GAP + 0.52), ylim=(len(agents) - 0.48, -0.52))
    axes.set_title("row: the right agent, column: the chosen one", loc="right", fontsize=11.5)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(length=0)
    axes.grid(False)


def _cell(axes: Axes, palette: Palette, place: tuple[float, float], count: int, depth: float | None) -> None:
    """One count; `depth` in [0, 1] colours a confusion, None is for right choices and other agents."""
    x, y = place
    fill, alpha = (palette.grid, 0.55) if depth is None else (palette.orange, 0.9 * depth)
    axes.add_patch(_square(x, y, fill, alpha, palette.grid))
    if count:
        strong = depth is not None and depth > 0.6
        ink = palette.muted if depth is None else palette.on_orange if strong else palette.ink
        axes.text(x, y, str(count), ha="center", va="center", color=ink, fontweight="normal" if depth is None else "bold")


def _square(x: float, y: float, fill: str, alpha: float, edge: str) -> Any:
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.47, y - 0.47), 0.94, 0.94, facecolor=to_rgba(fill, alpha), edgecolor=edge, linewidth=0.6)
