"""The page of a comparison in a real browser."""

from pathlib import Path

import pytest
import tiny_comparison
from chromium import Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_comparison.write(tmp_path_factory.mktemp("page") / "comparison.html")


@pytest.fixture
def opened(browser: Page, file: Path) -> Page:
    """The page on a desk."""
    browser.open(file)
    return browser


def test_it_draws_every_open_chart_without_a_complaint_or_a_request(opened: Page, file: Path):
    assert opened.complaints() == []
    assert opened.requests() == [file.as_uri()]
    drawn = opened(
        "[...document.querySelectorAll('[data-chart]')].filter(of => !of.closest('details.more'))"
        ".map(of => of.querySelectorAll('svg path').length)"
    )
    assert len(drawn) == 2 * (4 + 1 + 1) + 1  # values and differences of each score in a table, and what was kept
    assert min(drawn) > 3


def test_the_other_scores_are_drawn_when_they_are_opened(opened: Page):
    inside = "[...document.querySelectorAll('details.more [data-chart]')].map(of => of.querySelector('svg')?.clientWidth ?? 0)"
    assert opened(inside) == [0] * 4
    opened("document.querySelector('details.more summary').click()")
    opened("new Promise(done => setTimeout(done, 100)).then(() => window.drawn).then(() => true)")
    assert min(opened(inside)) > 200
    assert opened.complaints() == []


def test_behind_every_chart_stands_a_table(opened: Page):
    rows = opened("[...document.querySelectorAll('figure')].map(of => of.querySelectorAll('details.behind tbody tr').length)")
    assert len(rows) == 2 * 8 + 1
    assert min(rows) == 3


def test_no_planted_script_runs(opened: Page):
    assert opened("window.planted") is None
    assert opened("document.querySelectorAll('img, svg[onload], a[href^=javascript]').length") == 0
    assert "<script>window.planted" in opened("document.querySelector('#arms').textContent")  # it is read as text


def test_sentences_stand_under_their_language(opened: Page):
    told = opened("[...document.querySelectorAll('.verdict section')].map(of => [of.querySelector('h2').textContent,"
                  " of.querySelectorAll('p').length])")  # fmt: skip
    assert told == [["Spanish", 3], ["Arabic", 3], ["English", 4]]


def test_the_margin_is_drawn(opened: Page):
    assert opened("document.querySelector('[data-chart=kept] .mark-rect path') !== null")


@pytest.mark.parametrize("width", [320, 390, 768])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_in_light_and_in_dark(browser: Page, file: Path, width: int, scheme: str):
    browser.open(file, width=width, scheme=scheme)
    assert browser("document.documentElement.scrollWidth") <= width
    right = "[...document.querySelectorAll('svg')].map(of => of.getBoundingClientRect().right)"
    assert browser(f"Math.max(...{right})") <= width
    paper, ink = (browser(f"getComputedStyle(document.body).{which}") for which in ("backgroundColor", "color"))
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    assert paper != ink
