"""Scores with intervals as a picture: a filled dot was measured, a hollow one inferred. Drawn as `pictures` draws."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from delegate_cli.render.pictures import Palette, Picture
from delegate_cli.render.text import shorten

_ROW = 0.28  # inches
_AXIS = 0.35
_MOST = 40  # rows; more cannot be read
_LABEL = 34


@dataclass(frozen=True, slots=True)
class Line:
    """One row: a name, its value with an interval, and whether it was measured; `share`: whether it lies between 0 and 1."""

    name: str
    mean: float
    low: float
    high: float
    observed: bool
    share: bool = True


def intervals(name: str, title: str, lines: Sequence[Line], bar: float | None = None) -> Picture:
    """A picture of these rows, the first on top; at most 40 are drawn. Each open scale, such as Elo, has an axis of its own.

    `bar`: a share that is drawn as a dashed line.
    """
    shown = lines[:_MOST]
    panels = [part for part in ([each for each in shown if each.share], *([each] for each in shown if not each.share)) if part]
    high = 0.9 + _ROW * len(shown) + _AXIS * (len(panels) - 1)
    return Picture(name, title, lambda figure, palette: _draw(figure, palette, panels, bar), high)


def _draw(figure: Figure, palette: Palette, panels: Sequence[Sequence[Line]], bar: float | None) -> None:
    ratios = [_ROW * len(each) + 0.15 for each in panels]
    every = figure.subplots(len(panels), squeeze=False, gridspec_kw={"height_ratios": ratios})[:, 0]
    for axes, lines in zip(every, panels, strict=True):
        _panel(axes, palette, lines)
        if bar is not None and lines[0].share:
            axes.axvline(bar, color=palette.muted, linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)
    said = "blue: measured; orange, hollow: inferred; lines: 90 %"
    every[0].set_title(said if bar is None else f"{said}; dashed: {bar:g}", loc="right", fontsize=9, color=palette.muted)


def _panel(axes: Axes, palette: Palette, lines: Sequence[Line]) -> None:
    for row, line in enumerate(lines):
        color = palette.blue if line.observed else palette.orange
        axes.plot([line.low, line.high], [row, row], color=color, linewidth=2, solid_capstyle="round", zorder=2)
        fill = color if line.observed else palette.paper
        axes.plot([line.mean], [row], marker="o", markersize=6.5, color=color, markerfacecolor=fill, linestyle="", zorder=3)
    axes.set_yticks(range(len(lines)), [shorten(line.name, _LABEL) for line in lines])
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
