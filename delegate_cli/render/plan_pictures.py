"""What success costs, as a picture: every plan a dot, the frontier a line, the chosen plan named. Drawn as `pictures` draws."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from delegate_cli.planning.plans import Plan
from delegate_cli.planning.report import usd, worded
from delegate_cli.render.pictures import Palette, Picture
from delegate_cli.render.text import shorten

_WIDE = 25.0  # times the cheapest, from which costs are drawn on a logarithmic axis
_DECADES = 300.0  # times the cheapest, up to which the axis has three ticks a decade
_LABEL = 46


def frontier(record: Mapping[str, Any], plans: Sequence[Plan]) -> Picture:
    """The picture of a record and of all plans that were weighed."""
    dots = [(each.price, each.success.value) for each in plans if each.cost is not None]
    return Picture("frontier", "What success costs", lambda figure, palette: _draw(figure, palette, record, dots), 4.3)


def _draw(figure: Figure, palette: Palette, record: Mapping[str, Any], dots: Sequence[tuple[float, float]]) -> None:
    axes = figure.subplots()
    front = record["frontier"]
    if dots:
        axes.plot(*zip(*dots, strict=True), "o", color=palette.grid, markersize=4.5, zorder=1)
    if front:
        places, shares = [_usd(each) for each in front], [each["success"]["value"] for each in front]
        axes.vlines(
            places,
            [each["success"]["low"] for each in front],
            [each["success"]["high"] for each in front],
            palette.blue,
            linewidth=1.4,
            alpha=0.55,
        )
        axes.step(places, shares, where="post", color=palette.blue, linewidth=1.4, zorder=2)
        axes.plot(places, shares, "o", color=palette.blue, markersize=6, zorder=3)
    _wishes(axes, palette, record)
    _chosen(axes, palette, record["plan"])
    _axes(axes, [place for place, _ in dots])


def _wishes(axes: Axes, palette: Palette, record: Mapping[str, Any]) -> None:
    dashes: dict[str, Any] = {"color": palette.muted, "linestyle": (0, (4, 3)), "linewidth": 1.2}
    if record["target"] is not None:
        axes.axhline(record["target"], **dashes)
    if record["budget_usd"] is not None:
        axes.axvline(record["budget_usd"], **dashes)


def _chosen(axes: Axes, palette: Palette, plan: Mapping[str, Any] | None) -> None:
    """The chosen plan, named above the picture: no place within it is always free."""
    if plan is None:
        return
    work = worded(plan["operator"], plan["calls"], plan["depth"])
    words = f"{shorten(plan['agent'], _LABEL)}: {shorten(work, _LABEL)}"
    if plan["cost_usd"] is not None:
        axes.plot(_usd(plan), plan["success"]["value"], "o", color=palette.orange, markersize=10, zorder=4, clip_on=False)
        words = f"{words}, {usd(_usd(plan))}"
    success = f"predicted success {plan['success']['value']:.2f}"
    dot = " (orange; blue: the frontier)" if plan["cost_usd"] is not None else ""
    axes.set_title(f"{words}\n{success}{dot}", loc="left", fontsize=11, linespacing=1.3)


def _axes(axes: Axes, places: Sequence[float]) -> None:
    positive = [place for place in places if place > 0]
    if positive and max(positive) > _WIDE * min(positive):
        free = len(positive) < len(places)  # a logarithm has no place for what costs nothing
        axes.set_xscale("symlog", linthresh=min(positive)) if free else axes.set_xscale("log")
        if not free and max(positive) < _DECADES * min(positive):
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))  # a tick a decade would leave one or two
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: usd(value) if value >= 0 else ""))
    axes.minorticks_off()
    axes.set(xlabel="predicted cost, USD (dashed: as wished)", ylabel="predicted success", ylim=(0, 1.01))


def _usd(plan: Mapping[str, Any]) -> float:
    return float(plan["cost_usd"]["value"])
