"""The pages in a real browser: wide, narrow, dark, on paper; hostile text in them; a click on a column."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fake_class import LAB, copy_from, make_broken, make_class
from lab_in_browser import FLAGS, find_chromium

from tinyml_labs.grading.pages.class_overview import write_overview
from tinyml_labs.grading.pages.feedback import LateHandIn, write_feedback

pytestmark = pytest.mark.slow

EVIL = '</pre><script>pwned=1</script><img src="http://127.0.0.1:9/x" onerror="pwned=2"><svg onload=pwned=3>'
UNNAMED = """() => [...document.querySelectorAll("pre, section")]
    .filter((each) => !each.ariaLabel && !each.getAttribute("aria-labelledby")).length"""
DOUBLED = """() => {
    const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
    return ids.length - new Set(ids).size;
}"""
CUT_OFF = """() => [...document.querySelectorAll("pre")]
    .filter((each) => each.scrollWidth > each.clientWidth + 1).length"""
COLUMN = """(n) => [...document.querySelectorAll(".students tbody tr")]
    .map((row) => row.cells[n].dataset.sort ?? row.cells[n].textContent)"""
HIDE_HEADING = """() => {
    document.querySelector("h1").style.color = getComputedStyle(document.body).backgroundColor;
}"""
OPEN_ALL = "() => document.querySelectorAll('details').forEach((each) => { each.open = true })"
WEAK_TEXT = """() => {
    // Each piece of text whose colour stands out less than 4.5 : 1 from what lies behind it (WCAG 2, AA).
    const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => {
        const [r, g, b] = parse(colour).slice(0, 3).map((value) => {
            const part = value / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        for (let each = element; each; each = each.parentElement) {
            const back = getComputedStyle(each).backgroundColor;
            if (parse(back)[3] !== 0 && back !== "transparent") return back;
        }
        return "rgb(255, 255, 255)";
    };
    const weak = [];
    let seen = 0;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
        const style = getComputedStyle(element);
        const ink = element.closest("svg") ? style.fill : style.color;
        const [one, other] = [light(ink), light(behind(element))].sort((a, b) => b - a);
        seen += 1;
        if ((one + 0.05) / (other + 0.05) < 4.5) weak.push([walker.currentNode.data.trim(), ink, behind(element)]);
    }
    return {seen, weak};
}"""
OVER_THE_EDGE = """() => [...document.querySelectorAll("body *")]
    .filter((each) => !each.closest("pre, .wide, .hidden-text"))
    .filter((each) => each.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
    .map((each) => each.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = find_chromium()
    if path is None:
        assert os.environ.get("CI") != "true", "no Chromium: apt-get install chromium"
        pytest.skip("no Chromium here: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A class's pages as they lie on a disk, one of them by somebody who means ill."""
    folder = tmp_path_factory.mktemp("pages")
    results = make_class(30, seed=3)
    copy_from(results, 2, 7)
    results[10] = make_broken(10, "not a notebook", "The file is no JSON.")
    evil = tuple(
        replace(
            each,
            title=EVIL,
            code=EVIL + "W" * 700,
            notes=(EVIL,),
            checks=tuple(replace(c, verdict="error", message=EVIL + "W" * 700, trace=EVIL) for c in each.checks),
        )
        for each in results[5].exercises
    )
    results[5] = replace(results[5], student=EVIL, attempt="W" * 300, exercises=evil, notes=(EVIL + "W" * 700,))
    error = next(r for r in results if any(c.trace for e in r.exercises for c in e.checks) and r.student != EVIL)
    late = LateHandIn(days=2, points=3.5)
    written = {r.student: write_feedback(r, folder / "feedback", course="TinyML", late=late) for r in results}
    overview = write_overview(
        LAB, results, folder / "overview.html", feedback_folder=folder / "feedback", course="TinyML"
    )
    return {
        "error": written[error.student],
        "broken": written[results[10].student],
        "evil": written[EVIL],
        "overview": overview,
    }


class _Visit:
    """An open page, with all that it asked for and complained of."""

    def __init__(self, browser: Any, path: Path, **settings: Any) -> None:
        self.context = browser.new_context(**settings)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.address = path.as_uri()
        self.page.goto(self.address)

    def __enter__(self) -> _Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.mark.parametrize("name", ["error", "broken", "evil", "overview"])
def test_a_page_fits_a_phone_and_a_desk_and_asks_for_nothing(browser, pages, name):
    for width in (320, 360, 1280):
        with _Visit(browser, pages[name], viewport={"width": width, "height": 700}) as visit:
            visit.page.evaluate(OPEN_ALL)
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
            assert visit.page.evaluate(OVER_THE_EDGE) == []
            assert [address for address in visit.asked if address.partition(":")[0] != "data"] == [visit.address]
            assert visit.said == []
            assert visit.page.evaluate("window.pwned") is None


@pytest.mark.parametrize("name", ["error", "broken", "evil", "overview"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(browser, pages, name, scheme):
    with _Visit(browser, pages[name], color_scheme=scheme) as visit:
        visit.page.evaluate(OPEN_ALL)
        told = visit.page.evaluate(WEAK_TEXT)
        assert told["weak"] == [] and told["seen"] > 10
        back = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert back == ("rgb(20, 24, 27)" if scheme == "dark" else "rgb(244, 245, 243)")
        visit.page.evaluate(HIDE_HEADING)
        assert len(visit.page.evaluate(WEAK_TEXT)["weak"]) >= 1  # the measure sees it


def test_on_paper_a_page_is_dark_on_white_even_from_a_dark_screen(browser, pages):
    for name in ("error", "overview"):
        with _Visit(browser, pages[name], viewport={"width": 700, "height": 1000}, color_scheme="dark") as visit:
            visit.page.emulate_media(media="print", color_scheme="dark")
            assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
            assert visit.page.evaluate(WEAK_TEXT)["weak"] == []
            assert visit.page.evaluate(CUT_OFF) == 0
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= 700
            assert len(visit.page.pdf(format="A4")) > 5_000


def test_nothing_but_the_pages_own_script_may_run(browser, pages):
    """What would happen if something ever got through the escaping: the policy stops it."""
    insert = """() => {
        const script = document.createElement("script");
        script.textContent = "window.pwned = 5";
        document.body.append(script);
        const picture = document.createElement("img");
        picture.src = "http://127.0.0.1:9/told";
        document.body.append(picture);
        document.body.insertAdjacentHTML("beforeend", "<p onclick='window.pwned = 6' id='trap'>x</p>");
        document.querySelector("#trap").click();
        return fetch("http://127.0.0.1:9/told").then(() => "fetched", () => "refused");
    }"""
    for name in ("error", "overview"):
        with _Visit(browser, pages[name]) as visit:
            assert visit.page.evaluate(insert) == "refused"
            assert visit.page.evaluate("window.pwned") is None
            refused = [said for said in visit.said if "Content Security Policy" in said]
            assert len(refused) >= 4, visit.said
    plain = pages["error"].with_name("plain.html")  # the trap works where there is no policy
    text = pages["error"].read_text(encoding="utf-8")
    plain.write_text(text.replace("Content-Security-Policy", "X-None"), encoding="utf-8")
    with _Visit(browser, plain) as visit:
        visit.page.evaluate(insert)
        assert visit.page.evaluate("window.pwned") == 6


def test_a_page_can_be_read_by_its_headings_and_by_keyboard(browser, pages):
    with _Visit(browser, pages["error"], viewport={"width": 360, "height": 700}) as visit:
        levels = visit.page.evaluate(
            "() => [...document.querySelectorAll('h1, h2, h3')].map((each) => +each.tagName[1])"
        )
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        assert visit.page.evaluate("document.documentElement.lang") == "en"
        assert visit.page.evaluate(UNNAMED) == 0
        assert visit.page.evaluate(DOUBLED) == 0
        visit.page.keyboard.press("Tab")
        visit.page.keyboard.press("Enter")
        assert visit.page.evaluate("location.hash") == "#exercise-1"
        code = visit.page.locator("pre.code").first
        code.focus()
        before = code.evaluate("(each) => each.scrollLeft")
        visit.page.keyboard.press("ArrowRight")
        visit.page.wait_for_function("(each) => each.scrollLeft > 0", arg=code.element_handle())
        assert before == 0


def test_a_click_on_a_column_sorts_by_it(browser, pages):
    with _Visit(browser, pages["overview"], viewport={"width": 1280, "height": 800}) as visit:
        names = visit.page.evaluate(COLUMN, 0)
        points = visit.page.get_by_role("button", name="Points")
        points.click()
        rising = [float(value) for value in visit.page.evaluate(COLUMN, 1)]
        assert rising == sorted(rising) and len(set(rising)) > 3
        assert visit.page.locator("th[aria-sort=ascending]").inner_text().startswith("Points")
        points.focus()
        visit.page.keyboard.press("Enter")
        assert [float(value) for value in visit.page.evaluate(COLUMN, 1)] == rising[::-1]
        assert visit.page.locator("th[aria-sort]").count() == 1
        visit.page.get_by_role("button", name="Student").click()
        assert sorted(visit.page.evaluate(COLUMN, 0)) == sorted(names)
        assert visit.said == []


def test_without_scripts_the_table_is_there_in_the_order_of_names(browser, pages):
    with _Visit(browser, pages["overview"], java_script_enabled=False) as visit:
        rows = visit.page.locator(".students tbody tr")
        assert rows.count() == 30
        assert visit.page.locator(".students th button").count() == 0
        names = [text.strip().casefold() for text in visit.page.locator(".students tbody th").all_inner_texts()]
        assert names == sorted(names)


def test_the_link_to_a_students_page_opens_it(browser, pages):
    with _Visit(browser, pages["overview"]) as visit:
        link = visit.page.locator(".students tbody th a").nth(3)
        name = link.inner_text()
        link.click()
        visit.page.wait_for_selector("h1")
        assert visit.page.title() == f"Feedback on {LAB} for {name}"
