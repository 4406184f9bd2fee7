"""Charts as specifications: what is in them, and in the table behind each."""

from typing import Any

import pytest

from polydistill.views.charts import (
    Dot,
    Figure,
    Point,
    bars,
    curves,
    differences,
    dots,
    histogram,
    interval,
    matrix,
    number,
    running_mean,
    stacked,
)

PAIR = [Dot("Spanish", "before", 40.0, 38.0, 42.0), Dot("Spanish", "after", 48.0, 45.0, 51.0)]


def everything() -> list[Figure]:
    return [
        dots("scores", "per cent", PAIR), differences("change", "points", [Dot("Spanish", "", 8.0, 4.0, 12.0)], True, 2.0),
        matrix("languages", {"Spanish": {"Spanish": 9, "mixed": 1}}, ["Spanish", "mixed"], "asked in", "answered in"),
        bars("rows", "rows", {"loop": 3}), bars("tokens", "tokens", {"rich": 3.0}, {"rich": 4.0}),
        stacked("flips", "items", {"Spanish": {"gained": 2}}, {"gained": "var(--series-1)", "lost": "var(--series-2)"}),
        histogram("ratios", "ratio", {"Spanish": [0.9, 1.0, 1.3]}, [3.0]),
        curves("loss", "step", "nats", {"all": [Point(0, 3.0), Point(1, 2.5)]}, [1]),
    ]  # fmt: skip


def found(spec: Any, key: str) -> list[Any]:
    """Every value of a key, anywhere in a specification."""
    inner = spec.values() if isinstance(spec, dict) else spec if isinstance(spec, list) else ()
    here = [spec[key]] if isinstance(spec, dict) and key in spec else []
    return here + [each for value in inner for each in found(value, key)]


def data(figure: Figure) -> list[dict[str, Any]]:
    """The rows of data that a specification holds, in whichever layer."""
    sets = found(figure.spec, "values") + list(figure.spec.get("datasets", {}).values())
    return [row for rows in sets for row in rows if isinstance(row, dict)]


@pytest.mark.parametrize("figure", everything(), ids=lambda figure: figure.title)
def test_every_chart_is_as_wide_as_its_place_with_its_data_inside_and_a_table_behind(figure: Figure):
    assert figure.spec["width"] == "container"
    assert data(figure)
    assert not found(figure.spec, "url")
    assert figure.rows
    assert {len(row) for row in figure.rows} == {len(figure.columns)}


@pytest.mark.parametrize("figure", everything(), ids=lambda figure: figure.title)
def test_every_colour_is_one_of_the_pages(figure: Figure):
    colours = [
        c for key in ("labelColor", "titleColor", "gridColor", "color") for c in found(figure.spec, key) if isinstance(c, str)
    ]
    colours += [c for of in found(figure.spec, "range") for c in of if isinstance(c, str) and "shape" not in c]
    shapes = ("circle", "diamond", "square")
    assert {c for c in colours if c not in shapes and not c.startswith("var(--")} == {"currentColor"}


def test_dots_have_their_values_and_intervals_in_the_chart_and_in_the_table():
    figure = dots("scores", "per cent", PAIR)
    assert {"row": "Spanish", "series": "after", "value": 48.0, "low": 45.0, "high": 51.0} in data(figure)
    assert figure.rows == [("Spanish", "before", "40", "[38, 42]"), ("Spanish", "after", "48", "[45, 51]")]
    assert figure.columns == ("", "model", "per cent", "95 % interval")


def test_series_differ_by_colour_and_by_shape():
    of = {arm: Dot("Spanish", arm, 1.0) for arm in ("untouched", "sft", "translated", "ours")}
    scales = found(dots("arms", "points", list(of.values())).spec, "scale")
    colours = next(scale["range"] for scale in scales if str(scale.get("range", "")).count("var"))
    shapes = next(scale["range"] for scale in scales if "circle" in scale.get("range", ""))
    assert len(set(colours)) == len(set(shapes)) == 4


def test_seeds_are_points_of_their_own():
    figure = dots("scores", "per cent", [Dot("Spanish", "after", 48.0, 45.0, 51.0, (47.0, 49.0))])
    assert [row["seed"] for row in data(figure) if "seed" in row] == [47.0, 49.0]
    assert figure.rows == [("Spanish", "after", "48", "[45, 51]", "47, 49")]


def test_a_value_without_an_interval_is_a_point_alone():
    figure = dots("scores", "per cent", [Dot("Spanish", "before", 40.0)])
    assert {"row": "Spanish", "series": "before", "value": 40.0, "low": 40.0, "high": 40.0} in data(figure)
    assert figure.rows == [("Spanish", "before", "40", "")]


@pytest.mark.parametrize(("higher_is_better", "worst"), [(True, -2.0), (False, 2.0)])
def test_the_margin_lies_on_the_worse_side_and_reaches_beyond_everything(higher_is_better: bool, worst: float):
    figure = differences("change", "points", [Dot("English", "", -0.4, -5.0, 5.0)], higher_is_better, 2.0)
    (band,) = {(row["worst"], row["end"]) for row in data(figure) if "worst" in row}
    assert band[0] == worst
    assert abs(band[1]) > 5.0
    assert band[1] * worst > 0
    assert figure.rows == [("English", "-0.4", "[-5, +5]")]
    assert not [row for row in data(differences("change", "points", [Dot("x", "", 1.0)], True)) if "worst" in row]


def test_a_matrix_shades_by_the_share_of_the_row():
    figure = matrix(
        "m", {"Spanish": {"Spanish": 9, "English": 1}, "English": {"English": 5}}, ["Spanish", "English"], "asked", "got"
    )
    assert {"row": "Spanish", "column": "English", "n": 1, "share": 0.1} in data(figure)
    assert figure.rows == [("Spanish", "9", "1"), ("English", "0", "5")]
    assert figure.columns == ("asked", "Spanish", "English")


def test_a_histogram_counts_every_value_once_and_tells_its_quantiles():
    values = [0.2, 1.0, 1.0, 1.1, 9.0]
    figure = histogram("h", "ratio", {"Spanish": values})
    assert sum(row["n"] for row in data(figure) if "n" in row) == 5
    (scale,) = {tuple(scale["domain"]) for scale in found(figure.spec, "scale") if scale.get("type") == "log"}
    assert scale[0] < 0.2 < 9.0 < scale[1]
    assert figure.rows == [("Spanish", "5", "0.36", "1.00", "7.42")]  # 0.2 + 0.2 x 0.8; 1.1 + 0.8 x 7.9


def test_a_curve_keeps_every_point_and_some_of_them_in_its_table():
    figure = curves("loss", "step", "nats", {"all": [Point(n, 3 - n / 100) for n in range(100)]}, [40, 70])
    assert {"series": "all", "x": 50, "y": 2.5, "mean": pytest.approx(2.5)} in data(figure)
    assert sum("y" in row for row in data(figure)) % 100 == 0
    assert [row["mark"] for row in data(figure) if "mark" in row] == [40, 70]
    assert figure.columns == ("", "step", "nats", "running mean")
    assert figure.rows[:2] == [("all", "0", "3", "2.975"), ("all", "5", "2.95", "2.95")]  # 0 to 5; 0 to 10
    assert len(figure.rows) == 20


def test_a_running_mean_is_weighted():
    points = [Point(n, 1.0, 1.0) for n in range(19)] + [Point(19, 5.0, 3.0)]
    assert running_mean(points)[17:] == [1.0, pytest.approx((1 + 1 + 15) / 5), 4.0]
    assert running_mean([Point(0, 2.0), Point(1, 4.0)]) == [2.0, 4.0]  # too few to be smoothed


@pytest.mark.parametrize(
    ("value", "said"),
    [(1234567.0, "1,234,567"), (12.3456, "12.35"), (0.0, "0"), (-0.00012345, "-0.0001234"), (999.94, "999.9")],
)
def test_numbers_have_four_digits(value: float, said: str):
    assert number(value) == said


def test_signs_where_they_say_something():
    assert (number(2.0, "+"), interval(-1.0, 2.0, "+"), interval(None, 2.0)) == ("+2", "[-1, +2]", "")
