"""The report in a real browser."""

from pathlib import Path

import pytest
import tiny
import tiny_page
from chromium import Page
from tiny_hostile import SHOWN

from polydistill.flow import run
from polydistill.plan import read_plan
from polydistill.records import Lang
from polydistill.stage import Workspace, working

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_page.write(tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="module")
def opened(browser: Page, file: Path) -> Page:
    """The page on a desk, for tests that only look at it."""
    browser.open(file)
    return browser


def choose(page: Page, **filters: str) -> None:
    """Sets these filters of the answers, and the others to all."""
    chosen = "".join(f"form.elements['{name}'].value = '{value}';" for name, value in filters.items())
    page(f"form = document.getElementById('filters'); form.reset(); {chosen} form.dispatchEvent(new Event('input'))")


def shown(page: Page) -> str:
    """How many answers the filters leave."""
    return page("document.getElementById('count').textContent")


def test_it_draws_every_chart_without_a_complaint_or_a_request(opened: Page, file: Path):
    assert opened.complaints() == []
    assert opened.requests() == [file.as_uri()]
    places = opened(
        "[...document.querySelectorAll('[data-chart]')].map(place => place.querySelectorAll('svg path, svg text').length)"
    )
    assert len(places) >= 6
    assert min(places) > 5


def test_behind_every_chart_stands_a_table(opened: Page):
    rows = opened("[...document.querySelectorAll('figure')].map(of => of.querySelectorAll('details.behind tbody tr').length)")
    assert len(rows) == opened("document.querySelectorAll('[data-chart]').length")
    assert min(rows) >= 1


def test_what_is_shown_and_what_became_of_the_folder_is_said(opened: Page):
    assert "Here are 44 of 44 answers" in opened("document.getElementById('answers').textContent")
    assert "7 of 8 answers are the same after reload" in opened("document.getElementById('made').textContent")


def test_no_planted_script_runs(opened: Page):
    assert opened("window.planted") is None
    assert opened("document.querySelectorAll('img, svg[onload], a[href^=javascript]').length") == 0
    asked = opened("document.querySelector('.answer .asked').textContent")
    assert "<script>window.planted" in asked  # it is read as text


def test_nothing_that_strangers_wrote_runs_or_leaves_the_page(browser: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    planted = " ".join(text for text in SHOWN if "\ud800" not in text).replace("alert(1)", tiny_page.RUNS)
    monkeypatch.setattr(tiny_page, "PLANTED", planted)
    file = tiny_page.write(tmp_path / "report.html")
    browser.open(file)
    assert browser.complaints() == []
    assert browser.requests() == [file.as_uri()]
    assert browser("window.planted") is None
    browser("document.querySelectorAll('details').forEach(of => of.open = true)")
    browser("new Promise(done => setTimeout(done, 200)).then(() => true)")
    assert browser("window.planted") is None
    strange = "img, iframe, base, math, form:not(#filters, .vega-bindings), meta[http-equiv=refresh], [onload], [onerror]"
    assert browser(f"document.querySelectorAll('{strange}, a[href^=javascript]').length") == 0
    assert browser.requests() == [file.as_uri()]


def test_the_policy_stops_what_the_page_does_not_hold(browser: Page, file: Path):
    browser.open(file)
    added = (
        "const made = document.createElement('script'); made.textContent = 'window.planted = 1'; document.body.append(made);"
    )
    assert browser(f"(() => {{ {added} return window.planted }})()") is None
    assert any("Content Security Policy" in said for said in browser.complaints())
    handler = "document.body.insertAdjacentHTML('beforeend', '<img src=data:, onerror=\"window.planted = 1\">')"
    assert browser(f"new Promise(done => {{ {handler}; setTimeout(() => done(window.planted), 200) }})") is None


def test_characters_that_turn_text_are_seen_and_do_nothing(opened: Page):
    assert "⟦RLO⟧" in opened("document.querySelector('.answer .said').textContent")
    assert opened(r"document.documentElement.textContent.includes('\u202e')") is False


@pytest.mark.parametrize("lang", tiny_page.LANGS, ids=lambda lang: lang.script)
def test_every_script_is_drawn_in_its_direction(browser: Page, file: Path, lang: Lang):
    """Its answers and its name in the charts are there, run the right way, and have glyphs of their own."""
    browser.open(file)
    choose(browser, lang=lang)
    said = "document.querySelector('.answer .said')"
    assert browser(f"{said}.textContent").startswith(tiny_page.TEXTS[lang])
    assert browser(f"{said}.lang") == lang.bcp47
    assert browser(f"getComputedStyle({said}).direction") == ("rtl" if lang.script in ("Arab", "Hebr") else "ltr")
    label = f"[...document.querySelectorAll('svg text')].find(text => text.textContent.includes({lang.own_name!r}))"
    assert browser(f"{label}.getBBox().width") > 20
    assert browser(f"getComputedStyle({label}).unicodeBidi") == "plaintext"
    # A missing glyph is drawn as every other missing one is; U+0378 is no character.
    ink = f"""(text => {{
        const canvas = document.createElement('canvas'), pen = canvas.getContext('2d', {{ willReadFrequently: true }});
        [canvas.width, canvas.height] = [60, 60];
        pen.font = `30px ${{getComputedStyle({said}).fontFamily}}`;
        pen.fillText(text, 10, 40);
        return [...pen.getImageData(0, 0, 60, 60).data].join();
    }})"""
    letters = {letter for letter in tiny_page.TEXTS[lang] if letter.isalpha()}
    drawn = f"(missing => {sorted(letters)}.filter(letter => [missing, {ink}(' ')].includes({ink}(letter))))({ink}('\\u0378'))"
    assert browser(drawn) == [], "no font has these: install fonts-noto-core and fonts-droid-fallback"


def test_the_full_stop_of_a_right_to_left_answer_stands_at_its_left(browser: Page, file: Path):
    browser.open(file)
    choose(browser, lang="ara")
    where = """(() => {
        const node = document.querySelector('.answer .said').firstChild, range = document.createRange();
        const left = (at) => {
            range.setStart(node, at);
            range.setEnd(node, at + 1);
            return range.getBoundingClientRect().left;
        };
        return left(node.textContent.indexOf('.')) - left(1);
    })()"""
    assert browser(where) < 0


# The browser of answers


def test_words_that_changed_are_marked(opened: Page):
    choose(opened)
    assert opened("[...document.querySelectorAll('.answer')[0].querySelectorAll('del')].map(of => of.textContent)") == ["old"]
    assert opened("[...document.querySelectorAll('.answer')[0].querySelectorAll('ins')].map(of => of.textContent)") == ["new"]


def on(page: Page) -> int:
    return page("[...document.querySelectorAll('.answer')].findIndex(of => of.classList.contains('on'))")


def test_the_keyboard_walks_searches_and_comes_back(browser: Page, file: Path):
    browser.open(file)
    assert on(browser) == -1
    for key in "jjjk":
        browser.key(key)
    assert on(browser) == 1
    assert browser("document.activeElement === document.querySelectorAll('.answer')[1]")
    browser.key("/")
    assert browser("document.activeElement.name") == "search"
    for key in "Привет":
        browser.send("Input.insertText", text=key)
    assert browser("document.querySelectorAll('.answer').length") == 4
    assert shown(browser) == "4 of 44 answers."
    browser.send("Input.insertText", text="j")  # a letter in the search, no step
    assert browser("document.querySelectorAll('.answer').length") == 0
    browser.key("Escape")
    assert browser("document.activeElement === document.body")


def test_every_row_can_be_walked_to(browser: Page, file: Path):
    browser.open(file)
    assert browser("document.querySelectorAll('.answer').length") == 30
    for _ in range(44):
        browser.key("j")
    assert on(browser) == 43
    assert browser("document.getElementById('more').hidden")


@pytest.mark.parametrize(
    ("name", "value", "rows"),
    [("lang", "eng", 4), ("flip", "gained", 22), ("flip", "lost", 0), ("in", "rus", 3), ("score", "", 44)],
)
def test_filters_leave_what_they_say(browser: Page, file: Path, name: str, value: str, rows: int):
    browser.open(file)
    choose(browser, **{name: value})
    assert shown(browser) == f"{rows} of 44 answers."


def test_a_click_on_a_flip_leads_to_its_rows(browser: Page, file: Path):
    browser.open(file)
    bar = "document.querySelector('[data-chart=flips] path[aria-label*=gained]')"
    browser(f"{bar}.scrollIntoView({{block: 'center'}})")
    box = browser(f"JSON.parse(JSON.stringify({bar}.getBoundingClientRect()))")
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "button": "left", "clickCount": 1}
    for kind in ("mousePressed", "mouseReleased"):
        browser.send("Input.dispatchMouseEvent", type=kind, **at)
    browser("new Promise(done => setTimeout(done, 200))")
    chosen = browser("Object.fromEntries(new FormData(document.getElementById('filters')))")
    assert (chosen["flip"], chosen["score"]) == ("gained", "language_fidelity_lines")
    assert shown(browser) == "2 of 44 answers."


# Every place to read it


@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_is_wider_than_a_phone(browser: Page, file: Path, width: int):
    browser.open(file, width=width)
    assert browser("document.documentElement.scrollWidth") <= width
    right = "[...document.querySelectorAll('svg')].map(of => of.getBoundingClientRect().right)"
    assert browser(f"Math.max(...{right})") <= width


def luminance(page: Page, element: str, which: str) -> float:
    """Relative, of a computed colour (WCAG 2.2)."""
    channels = page(f"getComputedStyle({element}).{which}.match(/[\\d.]+/g).slice(0, 3).map(Number)")
    r, g, b = (c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_in_dark(browser: Page, file: Path, scheme: str):
    browser.open(file, scheme=scheme)
    paper = luminance(browser, "document.body", "backgroundColor")
    assert (paper > 0.5) == (scheme == "light")
    for element, which in (
        ("document.body", "color"), ("document.querySelector('.note')", "color"),
        ("document.querySelector('svg text')", "fill"), ("document.querySelector('nav a')", "color"),
    ):  # fmt: skip
        ink = luminance(browser, element, which)
        assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) >= 4.5, element


def test_on_paper_there_is_nothing_to_press(browser: Page, file: Path):
    browser.open(file, scheme="dark")
    browser.send("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert luminance(browser, "document.body", "backgroundColor") == 1
    assert browser("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert browser("getComputedStyle(document.getElementById('filters')).display") == "none"


def test_a_thousand_answers_take_at_most_three_megabytes(browser: Page, tmp_path: Path):
    file = tiny_page.write(tmp_path / "report.html", each=91)
    assert file.stat().st_size <= 3_000_000
    browser.open(file)
    assert shown(browser) == "990 of 990 answers."  # 90 of each language


def test_the_report_of_a_run_is_such_a_page(browser: Page, tmp_path: Path):
    plan = read_plan(str(tiny.world(tmp_path)))
    with working(Workspace(plan.runs)):
        file = run(plan).page
    browser.open(file)
    assert browser.complaints() == []
    assert browser.requests() == [file.as_uri()]
    assert browser("document.querySelector('.verdict').textContent").strip()
    figures = browser("[...document.querySelectorAll('[data-chart]')].map(place => place.dataset.chart)")
    assert {"composition", "ratios", "losses", "stages"} <= set(figures)
    assert browser("[...document.querySelectorAll('[data-chart]')].every(place => place.querySelector('svg path'))")
