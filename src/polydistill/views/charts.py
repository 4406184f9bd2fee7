"""Charts of a report: Vega-Lite specifications by Altair, each with the table behind it.

Colours are CSS variables of the page, so that one drawing serves light, dark and paper; a shape is the second code of each
series. Every text is data in the specification, none is markup.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import altair as alt

COLOURS = tuple(f"var(--series-{n})" for n in range(1, 9))
SHAPES = ("circle", "diamond", "square", "triangle-up", "cross", "triangle-down", "triangle-right", "triangle-left")
INK, BAD = "currentColor", "var(--bad)"
FONT = 'system-ui, "Noto Sans", sans-serif'
HEAD, STEP = 24, 16
"""Pixels of a line's name, and of each series under it."""


class Figure(NamedTuple):
    """A chart and the table behind it."""

    title: str
    spec: dict[str, Any]
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note: str = ""
    """What a reader must know to read it right."""


class Dot(NamedTuple):
    """A value with its 95 % interval."""

    row: str
    """What its line is called."""
    series: str
    """``before``, ``after`` or an arm."""
    value: float
    low: float | None = None
    high: float | None = None
    seeds: tuple[float, ...] = ()
    """The value with each training seed, where there are several."""


class Point(NamedTuple):
    """A point of a curve."""

    x: float
    y: float
    weight: float = 1.0
    """How much it counts in the running mean."""


# Scores


def dots(title: str, unit: str, values: Sequence[Dot], note: str = "") -> Figure:
    """Values side by side: a line for each row, in the order given, and in it a dot with its interval for each series."""
    series = list(dict.fromkeys(dot.series for dot in values))
    order = [dot.row for dot in values]
    below = alt.Scale(range=[HEAD, HEAD + STEP * len(series)])
    apart = {
        "y": _lines(order, len(series)), "yOffset": alt.YOffset("series:N", sort=series, scale=below),
        "color": _coded(alt.Color, COLOURS, series), "shape": _coded(alt.Shape, SHAPES, series),
    }  # fmt: skip
    shown = _with_intervals(values, unit, **apart)
    several = any(dot.seeds for dot in values)
    if several:
        each = [{"row": dot.row, "series": dot.series, "seed": seed} for dot in values for seed in dot.seeds]
        shown += _of(each).mark_point(size=20, opacity=0.7).encode(x="seed:Q", tooltip=["series:N", "seed:Q"], **apart)
    rows = [
        (dot.row, dot.series, number(dot.value), interval(dot.low, dot.high), *([numbers(dot.seeds)] if several else ()))
        for dot in values
    ]
    columns = ("", "model", unit, "95 % interval", *(["training seeds"] if several else ()))
    return Figure(title, _spec(shown, len(set(order)), len(series)), columns, rows, note)


def differences(
    title: str, unit: str, values: Sequence[Dot], higher_is_better: bool, margin: float | None = None, note: str = "",
    series: int = 1,
) -> Figure:  # fmt: skip
    """Differences around zero, each with its interval. What lies more than ``margin`` on the worse side is drawn as lost.

    Its lines are as high as those of `dots` with that many series, to stand beside them.
    """
    shown = _of([{"zero": 0}]).mark_rule(opacity=0.6, strokeDash=[4, 3]).encode(x="zero:Q")
    if margin is not None:
        worst = -margin if higher_is_better else margin
        ends = [worst, *(end for dot in values for end in (dot.value, dot.low, dot.high) if end is not None)]
        lost = _of([{"worst": worst, "end": 1.5 * (min(ends) if higher_is_better else max(ends))}])
        shown += lost.mark_rect(color=BAD, opacity=0.16).encode(x="worst:Q", x2="end:Q")
        shown += lost.mark_rule(color=BAD, strokeWidth=2).encode(x="worst:Q")
    towards = f"{unit} · better →" if higher_is_better else f"{unit} · ← better"
    shown += _with_intervals(
        values, towards, alt.ShapeValue("diamond"), HEAD / 2, y=_lines([dot.row for dot in values], series)
    )
    rows = [(dot.row, number(dot.value, "+"), interval(dot.low, dot.high, "+")) for dot in values]
    return Figure(title, _spec(shown, len(values), series), ("", unit, "95 % interval"), rows, note)


def _with_intervals(values: Sequence[Dot], title: str, shape: Any, shift: float = 0, **encoding: Any) -> alt.LayerChart:
    data = [
        {
            "row": dot.row,
            "series": dot.series,
            "value": dot.value,
            "low": _or(dot.low, dot.value),
            "high": _or(dot.high, dot.value),
        }
        for dot in values
    ]
    tips = [alt.Tooltip("row:N", title=" "), *(alt.Tooltip(f"{field}:Q", format=".4~g") for field in ("value", "low", "high"))]
    base = _of(data).encode(tooltip=tips, **encoding)
    along = {"scale": alt.Scale(zero=False, nice=True), "title": title, "axis": alt.Axis(tickCount=5)}
    rules = base.mark_rule(strokeWidth=2, yOffset=shift, y2Offset=shift).encode(x=alt.X("low:Q", **along), x2="high:Q")
    points = base.mark_point(filled=True, size=100, opacity=1, yOffset=shift)
    return rules + points.encode(x=alt.X("value:Q", **along), shape=shape)


# Counts


def matrix(
    title: str, counts: Mapping[str, Mapping[str, int]], columns: Sequence[str], asked: str, answered: str, note: str = ""
) -> Figure:
    """Counts by row and column; how dark a cell is tells its share of the row."""
    cells = [
        {
            "row": row, "column": column, "n": n, "share": n / max(1, sum(of.values())),
        }
        for row, of in counts.items() for column in columns if (n := of.get(column, 0))
    ]  # fmt: skip
    base = _of(cells).encode(
        x=alt.X("column:N", sort=list(columns), scale=alt.Scale(domain=list(columns)), title=answered,
                axis=alt.Axis(labelAngle=-30, orient="top", domain=False, ticks=False)),
        y=alt.Y("row:N", sort=list(counts), title=asked, axis=alt.Axis(domain=False, ticks=False)),
        tooltip=["row:N", "column:N", "n:Q", alt.Tooltip("share:Q", format=".1%")],
    )  # fmt: skip
    dark = alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.08, 0.6]), legend=None)
    shown = base.mark_rect(color=COLOURS[0]).encode(opacity=dark) + base.mark_text(color=INK).encode(text="n:Q")
    rows = [(row, *(str(of.get(column, 0)) for column in columns)) for row, of in counts.items()]
    return Figure(title, _spec(shown, len(counts)), (asked, *columns), rows, note)


def bars(
    title: str, unit: str, counts: Mapping[str, float], wanted: Mapping[str, float] | None = None, note: str = ""
) -> Figure:
    """A bar for each count, in the order given, with a tick where it was wanted to end."""
    base = _of([{"row": row, "n": n, "wanted": (wanted or {}).get(row, 0)} for row, n in counts.items()])
    base = base.encode(y=_lines(list(counts)), tooltip=["row:N", "n:Q"])
    shown = base.mark_bar(height=STEP - 4, yOffset=HEAD / 2, color=COLOURS[0]).encode(
        x=alt.X("n:Q", title=unit, axis=alt.Axis(tickCount=5))
    )
    columns, rows = ("", unit), [(row, number(n)) for row, n in counts.items()]
    if wanted is not None:
        shown += base.mark_tick(color=COLOURS[1], thickness=3, height=STEP + 4, yOffset=HEAD / 2).encode(x="wanted:Q")
        columns, rows = (*columns, "wanted"), [(*row, number(wanted.get(row[0], 0))) for row in rows]
    return Figure(title, _spec(shown, len(counts)), columns, rows, note)


def stacked(
    title: str, unit: str, counts: Mapping[str, Mapping[str, int]], colours: Mapping[str, str], note: str = ""
) -> Figure:
    """Parts of a whole, a line each; a click on a part is told to the page with its row and part."""
    parts = list(colours)
    data = [
        {"row": row, "part": part, "n": of.get(part, 0), "order": at}
        for row, of in counts.items() for at, part in enumerate(parts)
    ]  # fmt: skip
    shown = _of(data).mark_bar(height=STEP, yOffset=HEAD / 2, cursor="pointer").encode(
        x=alt.X("n:Q", title=unit, axis=alt.Axis(tickCount=5)), y=_lines(list(counts)), order="order:Q",
        color=alt.Color("part:N", sort=parts, scale=alt.Scale(domain=parts, range=list(colours.values())), title=None,
                        legend=alt.Legend(orient="top", symbolOpacity=1)),
        tooltip=["row:N", "part:N", "n:Q"],
    )  # fmt: skip
    rows = [(row, *(str(of.get(part, 0)) for part in parts)) for row, of in counts.items()]
    return Figure(title, _spec(shown, len(counts)), ("", *parts), rows, note)


def histogram(
    title: str, unit: str, values: Mapping[str, Sequence[float]], marks: Sequence[float] = (), note: str = ""
) -> Figure:
    """How values are spread, on a logarithmic axis of ratios, for each series; with rules at ``marks``."""
    import numpy as np

    every = [value for of in values.values() for value in of]
    edges = np.geomspace(min([0.5, *every]) * 0.999, max([2.0, *every]) * 1.001, 41)
    data = [
        {"series": name, "from": float(edges[at]), "to": float(edges[at + 1]), "n": int(n)}
        for name, of in values.items() for at, n in enumerate(np.histogram(of, edges)[0]) if n
    ]  # fmt: skip
    along = alt.X(
        "from:Q",
        title=unit,
        scale=alt.Scale(type="log", nice=False, domain=[float(edges[0]), float(edges[-1])]),
        axis=alt.Axis(values=[0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.4, 2, 3, 5, 10], format="~g"),
    )
    shown = _of(data).mark_rect(opacity=0.55).encode(
        x=along, x2="to:Q", y=alt.Y("n:Q", title="rows"), y2=alt.Y2Datum(0), color=_coded(alt.Color, COLOURS, list(values)),
        tooltip=["series:N", alt.Tooltip("from:Q", format=".2f"), alt.Tooltip("to:Q", format=".2f"), "n:Q"],
    )  # fmt: skip
    for mark in marks:
        shown += _of([{"mark": mark}]).mark_rule(color=BAD, strokeDash=[4, 3]).encode(x="mark:Q")
    rows = [
        (name, str(len(of)), *(f"{q:.2f}" for q in np.quantile(of, (0.05, 0.5, 0.95)))) for name, of in values.items() if of
    ]
    return Figure(title, _spec(shown), ("", "rows", "5 %", "median", "95 %"), rows, note)


def curves(
    title: str, across: str, unit: str, lines: Mapping[str, Sequence[Point]], marks: Sequence[float] = (), note: str = ""
) -> Figure:
    """A line for each series over steps, faint behind its running mean; with dashed rules at ``marks``."""
    means = {name: running_mean(points) for name, points in lines.items()}
    base = _of([
        {"series": name, "x": x, "y": y, "mean": mean}
        for name, points in lines.items() for (x, y, _), mean in zip(points, means[name], strict=True)
    ]).encode(
        x=alt.X("x:Q", title=across, axis=alt.Axis(tickMinStep=1)), color=_coded(alt.Color, COLOURS, list(lines)),
        tooltip=["series:N", alt.Tooltip("x:Q", title=across), *(alt.Tooltip(f"{of}:Q", format=".3f") for of in ("y", "mean"))],
    )  # fmt: skip
    up = alt.Scale(zero=False)
    shown = base.mark_line(opacity=0.25, strokeWidth=1).encode(y=alt.Y("y:Q", title=unit, scale=up))
    shown += base.mark_line(strokeWidth=2.5).encode(y=alt.Y("mean:Q", scale=up))
    if marks:
        shown += _of([{"mark": mark} for mark in marks]).mark_rule(strokeDash=[4, 3], opacity=0.6).encode(x="mark:Q")
    rows = [
        (name, *map(number, each))
        for name, points in lines.items()
        for each in [(x, y, mean) for (x, y, _), mean in zip(points, means[name], strict=True)][:: max(1, len(points) // 20)]
    ]
    return Figure(title, _spec(shown), ("", across, unit, "running mean"), rows, note)


def running_mean(points: Sequence[Point]) -> list[float]:
    """At each point the weighted mean over a twentieth of the points on either side."""
    width, found = len(points) // 20, []
    for at in range(len(points)):
        some = points[max(0, at - width) : at + width + 1]
        found.append(sum(y * weight for _, y, weight in some) / sum(weight for _, _, weight in some))
    return found


# What they share


def _of(values: list[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.Data(values=values))


def _lines(order: Sequence[str], series: int = 1) -> alt.Y:
    """Lines in this order, the name of each above it from the left edge on: as readable on a phone as on a desk."""
    above = alt.Axis(
        domain=False, ticks=False, labelAlign="left", labelPadding=0, labelLimit=0, labelFontSize=13,
        labelOffset=HEAD // 2 + 2 - (HEAD + STEP * series) / 2,
    )  # fmt: skip
    return alt.Y("row:N", sort=list(dict.fromkeys(order)), title=None, axis=above, scale=alt.Scale(padding=0))


def _coded(channel: Any, codes: Sequence[str], series: Sequence[str]) -> Any:
    """A colour or a shape for each series; legends merge as both have the same domain."""
    legend = alt.Legend(orient="top", symbolOpacity=1) if len(series) > 1 else None
    cycled = [codes[at % len(codes)] for at in range(len(series))]
    return channel("series:N", sort=list(series), title=None, scale=alt.Scale(domain=list(series), range=cycled), legend=legend)


def _spec(chart: alt.Chart | alt.LayerChart, lines: int = 0, series: int = 1) -> dict[str, Any]:
    """The chart as wide as its place, with room for so many lines of so many series, in the page's ink."""
    drawn = chart.properties(width="container", height=(HEAD + STEP * series) * lines or 220)
    text = {"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    return drawn.configure(
        background="transparent", font=FONT, view={"stroke": None}, rule={"color": INK}, point={"color": INK},
        axis={**text, **dict.fromkeys(("gridColor", "domainColor", "tickColor"), INK), "gridOpacity": 0.12,
              "domainOpacity": 0.4, "tickOpacity": 0.4},
        legend={**text, "labelFontSize": 13}, autosize={"type": "fit-x", "contains": "padding"},
    ).to_dict()  # fmt: skip


def number(value: float, sign: str = "") -> str:
    """A number as people read it: four significant digits, none after the point where there are four before it."""
    return f"{value:{sign},.0f}" if abs(value) >= 1000 else f"{value:{sign}.4g}"


def numbers(values: Sequence[float]) -> str:
    """Several numbers in one cell."""
    return ", ".join(map(number, values))


def interval(low: float | None, high: float | None, sign: str = "") -> str:
    """An interval as people read it; empty where there is none."""
    return "" if low is None or high is None else f"[{number(low, sign)}, {number(high, sign)}]"


def _or(value: float | None, other: float) -> float:
    return other if value is None else value
