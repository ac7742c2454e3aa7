"""The recorder as a student uses it: JupyterLab, a browser, a mouse, and a virtual board."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab_in_browser import FLAGS, find_chromium, jupyterlab, open_notebook, run_cell, wait_until_run, write_notebook

from tinyml_labs.capture import load_recording, load_recordings

pytestmark = pytest.mark.slow

SHOW, BUSY, COUNT, AGAIN, AWAIT = range(5)
CELLS = (
    """
    from tinyml_labs import widgets
    widget = widgets.RecorderWidget("virtual://", sensor="imu", labels=("idle", "circle"), seconds=1, countdown_s=0)
    widget
    """,
    """
    import os, time
    began = time.monotonic()
    while not os.path.exists("enough") and time.monotonic() < began + 60:
        pass
    """,
    "import json; print(json.dumps([take.label for take in widget.takes]))",
    "widget",
    """
    taken = await widget.record(label="awaited", seconds=0.5)
    assert taken.missing == 0 and widget.last.label == "awaited", taken
    """,
)
FIND_COLOURS = """(canvas) => {
    // How many pixels are close to each of the series' colours.
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const colours = [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233]];
    const counts = colours.map(() => 0);
    for (let at = 0; at < data.length; at += 4)
        colours.forEach(([red, green, blue], n) => {
            const off = Math.abs(data[at] - red) + Math.abs(data[at + 1] - green) + Math.abs(data[at + 2] - blue);
            if (off < 30) counts[n]++;
        });
    return counts;
}"""

NOTE_TEXTS = """() => {
    // Note what is shown over the live plot, however shortly.
    window.texts = [];
    const screen = document.querySelector(".tinyml-screen");
    const shown = () => [...screen.querySelectorAll("div:not([hidden])")].map((each) => each.textContent);
    const note = () => window.texts.push(...shown());
    new MutationObserver(note).observe(screen, { subtree: true, childList: true, attributes: true });
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    """A page of JupyterLab with the recorder in it, and the folder it works in."""
    chromium = find_chromium()
    if chromium is None:
        words = "Chromium is not installed: sudo apt-get install chromium"
        pytest.fail(words) if os.environ.get("CI") == "true" else pytest.skip(words)
    from playwright.sync_api import sync_playwright

    folder = tmp_path_factory.mktemp("lab")
    write_notebook(folder / "record.ipynb", *CELLS)
    with jupyterlab(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(30_000)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        open_notebook(page, address, "record.ipynb")
        run_cell(page, SHOW)
        wait_until_run(page, SHOW)
        page.wait_for_selector(".tinyml-dot[data-link=live]")
        yield page, folder
        browser.close()
    assert not errors, errors


def take_of(page: Any, label: str) -> Any:
    """Wait until the last take has a label and is drawn; give its recording."""
    page.wait_for_selector(f".tinyml-take h4:has-text('Last take: {label}')")
    page.wait_for_selector(".tinyml-fate[data-fate=new]")
    page.wait_for_function(
        "() => document.querySelector('.tinyml-take').dataset.path"
        " === document.querySelector('.tinyml-take-wave').dataset.drawn"
    )
    return load_recording(page.get_attribute(".tinyml-take", "data-path"))


def draws(page: Any) -> int:
    return int(page.get_attribute(".tinyml-live", "data-draws"))


def test_record_and_keep_with_the_mouse(lab: tuple[Any, Path]) -> None:
    page, folder = lab
    page.wait_for_function("() => +document.querySelector('.tinyml-live').dataset.draws > 20")
    before = page.eval_on_selector(".tinyml-live", "(canvas) => canvas.toDataURL()")
    first, began = draws(page), time.monotonic()
    page.fill("[data-field=label]", "wave left")
    page.fill("[data-field=subject]", "s07")
    page.fill("[data-field=session]", "2")
    page.fill("[data-field=countdown_s]", "1")
    page.evaluate(NOTE_TEXTS)
    page.click("[data-action=start]")
    recording = take_of(page, "wave left")
    assert recording.path.parent == folder / "recordings"
    assert (recording.label, recording.subject, recording.session) == ("wave left", "s07", "2")
    assert recording.missing == 0
    assert len(recording.samples) == 119
    assert recording.problems == []
    drawn = draws(page) - first
    print(f"{drawn / (time.monotonic() - began):.1f} frames a second drawn")
    assert drawn > 0
    texts = page.evaluate("() => window.texts")
    assert "1" in texts, "no countdown was shown"
    assert any("REC wave left" in text for text in texts)
    assert page.eval_on_selector(".tinyml-live", "(canvas) => canvas.toDataURL()") != before
    assert min(page.eval_on_selector(".tinyml-live", FIND_COLOURS)) > 0, "a channel is not to be seen"
    assert sum(page.eval_on_selector(".tinyml-take-wave", FIND_COLOURS)) > 500
    page.click("[data-action=keep]")
    page.wait_for_selector(".tinyml-fate[data-fate=kept]")
    assert recording.path.is_dir()
    page.wait_for_selector(".tinyml-chip[data-label='wave left']:has-text('1 take')")
    page.fill("[data-field=countdown_s]", "0")


def test_discard_asks_and_then_deletes(lab: tuple[Any, Path]) -> None:
    page, _ = lab
    page.click(".tinyml-chip[data-label=circle]")  # records at once
    recording = take_of(page, "circle")
    page.click("[data-action=discard]")
    page.click("[data-action=cancel]")
    assert recording.path.is_dir()
    page.click("[data-action=discard]")
    page.click("[data-action=really-discard]")
    page.wait_for_selector(".tinyml-fate[data-fate=discarded]")
    assert not recording.path.exists()
    page.wait_for_selector(".tinyml-chip[data-label=circle]:has-text('no take yet')")


def test_a_busy_cell_costs_nothing(lab: tuple[Any, Path]) -> None:
    page, folder = lab
    page.fill("[data-field=seconds]", "3")
    page.click(".tinyml-chip[data-label=idle]")
    page.wait_for_selector(".tinyml-badge:has-text('REC idle')")
    run_cell(page, BUSY)  # the take ends while it runs
    page.wait_for_function("() => !document.querySelector('.tinyml-take h4').textContent.includes('circle')")
    recording = take_of(page, "idle")
    busy = page.evaluate("(n) => jupyterapp.shell.currentWidget.content.widgets[n].model.executionState", BUSY)
    assert busy == "running"
    assert recording.missing == 0
    assert len(recording.samples) == 3 * 119
    assert recording.metadata["ended"] == "complete"
    (folder / "enough").touch()
    wait_until_run(page, BUSY)


def test_until_stopped_with_the_keyboard_alone(lab: tuple[Any, Path]) -> None:
    page, _ = lab
    cells = "() => jupyterapp.shell.currentWidget.content.widgets.length"
    before = page.evaluate(cells)
    page.focus("[data-field=label]")
    page.keyboard.press("Control+A")
    page.keyboard.type("daddy")
    for expected in ("subject", "session", "seconds"):
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.dataset.field") == expected
    page.keyboard.type("0")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.dataset.action") == "start"
    page.keyboard.press("Enter")
    page.wait_for_selector(".tinyml-badge:has-text('REC daddy')")
    assert page.evaluate("() => document.activeElement.dataset.action") == "stop"
    page.keyboard.type("dd")  # would delete the cell, were it JupyterLab's
    page.keyboard.press("Space")
    recording = take_of(page, "daddy")
    assert recording.metadata["ended"] == "stopped"
    assert recording.missing == 0
    assert page.evaluate(cells) == before
    page.wait_for_function("() => document.activeElement.dataset.action === 'start'")


def test_two_views_and_another_sensor(lab: tuple[Any, Path]) -> None:
    page, _ = lab
    run_cell(page, AGAIN)
    wait_until_run(page, AGAIN)
    page.wait_for_function("() => document.querySelectorAll('.tinyml-recorder').length === 2")
    page.select_option(".tinyml-recorder >> nth=1 >> [data-field=sensor]", "microphone")
    page.wait_for_selector(".tinyml-fact[data-fact=peak]:has-text('dBFS')")
    assert [text.split(" at ")[0] for text in page.locator(".tinyml-headline").all_text_contents()] == [
        "virtual board \u00b7 microphone"
    ] * 2
    page.select_option("[data-field=sensor] >> nth=0", "camera")
    page.wait_for_selector(".tinyml-fact[data-fact=rate]:has-text('images/s')")
    page.wait_for_function(  # something else than the ground
        """() => {
            const canvas = document.querySelector(".tinyml-live");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            return new Set(data).size > 20;
        }"""
    )
    page.select_option("[data-field=sensor] >> nth=0", "imu")
    page.wait_for_selector(".tinyml-headline:has-text('imu at 119 Hz')")
    page.evaluate("(n) => jupyterapp.shell.currentWidget.content.widgets[n].model.clearExecution()", AGAIN)
    page.wait_for_function("() => document.querySelectorAll('.tinyml-recorder').length === 1")
    shown = draws(page)
    page.wait_for_function("(n) => +document.querySelector('.tinyml-live').dataset.draws > n", arg=shown)


def test_record_from_a_cell(lab: tuple[Any, Path]) -> None:
    page, _ = lab
    run_cell(page, AWAIT)
    wait_until_run(page, AWAIT)
    take_of(page, "awaited")
    run_cell(page, COUNT)
    wait_until_run(page, COUNT)
    text = page.evaluate(
        "(n) => jupyterapp.shell.currentWidget.content.widgets[n].model.outputs.toJSON()[0].text", COUNT
    )
    assert json.loads(text) == ["wave left", "idle", "daddy", "awaited"]


def test_the_cell_runs_twice(lab: tuple[Any, Path]) -> None:
    page, folder = lab
    run_cell(page, SHOW)
    wait_until_run(page, SHOW)
    page.wait_for_selector(".tinyml-dot[data-link=live]")
    page.wait_for_selector(".tinyml-total:has-text('4 takes')")
    assert page.locator(".tinyml-error").count() == 0
    assert len(load_recordings(folder / "recordings")) == 4


def test_a_kernel_that_is_gone_is_said_and_its_take_is_whole(lab: tuple[Any, Path]) -> None:
    page, folder = lab
    page.fill("[data-field=seconds]", "0")
    page.fill("[data-field=label]", "orphan")
    page.click("[data-action=start]")
    page.wait_for_selector(".tinyml-badge:has-text('REC orphan')")
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    page.wait_for_selector(".tinyml-overlay:has-text('kernel')")
    assert page.is_disabled("[data-action=start]")
    deadline = time.monotonic() + 20
    while list((folder / "recordings").glob("*.part")) and time.monotonic() < deadline:
        time.sleep(0.1)
    (orphan,) = (take for take in load_recordings(folder / "recordings") if take.label == "orphan")
    assert orphan.finished
    assert orphan.missing == 0
    run_cell(page, SHOW)
    wait_until_run(page, SHOW)
    page.wait_for_selector(".tinyml-dot[data-link=live]")
