import html
import json
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tiny_models

from tinyml_labs import cli
from tinyml_labs.board_figures import BoardFigures, estimate, judge, what_fits
from tinyml_labs.board_figures_views import format_bytes, format_time, plot_what_fits
from tinyml_labs.boards import BOARDS
from tinyml_labs.compiler import compile_model
from tinyml_labs.cores import find_core
from tinyml_labs.cycle_estimates import PATHS, estimate_cycles, layer_terms
from tinyml_labs.datasets import load_reference_model
from tinyml_labs.datasets.bundled import read_checked

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from random_networks import random_network


@pytest.fixture(scope="module")
def sine() -> BoardFigures:
    return estimate(load_reference_model("sine"), method="formula", name="sine")


@pytest.fixture(scope="module")
def people() -> BoardFigures:
    return estimate(read_checked("people", "person_int8.tflite"), method="formula", name="people")


def test_every_board_has_figures_with_a_source(sine):
    assert [figure.board for figure in sine.boards] == list(BOARDS)
    for figure in sine.boards:
        assert figure.sources and all(figure.sources), figure.board
        assert figure.how, figure.board


def test_every_core_of_a_board_is_known_with_documents_or_a_reason_why_not():
    for board in BOARDS.values():
        core = find_core(board.core)
        if core.counted_as:
            assert core.sources and core.how and 0 < core.least < core.typical < core.most, core
        else:
            assert core.why_not and "not known" not in core.why_not, board.name
    assert find_core("Z80").why_not == "The core 'Z80' is not known."


def test_a_time_is_an_interval_or_a_reason(sine):
    for figure in sine.boards:
        times = (figure.milliseconds_low, figure.milliseconds, figure.milliseconds_high)
        if find_core(figure.core).counted_as:
            assert 0 < times[0] < times[1] < times[2], figure
        else:
            assert times == (None, None, None) and figure.how == find_core(figure.core).why_not


def test_a_model_that_does_not_fit_says_of_what_there_is_too_little_and_how_much(people):
    uno = people.find("uno_r3")
    assert (uno.fits, uno.limited_by) == ("no", "RAM")
    assert f"{uno.ram_bytes - 2048:,} bytes of RAM too few: {uno.ram_bytes:,} of 2,048" in uno.why
    assert f"{uno.flash_bytes - 32256:,} bytes of flash too few" in uno.why
    assert people.find("nano33ble").fits == "yes"


def test_what_fits_is_judged_at_the_limits():
    assert judge(100, 100, 10, 100)[0] == "tight"
    assert judge(101, 100, 10, 100) == ("no", "1 bytes of flash too few: 101 of 100", "flash")
    assert judge(10, 100, 75, 100) == ("yes", "RAM: 75 % of 100 bytes", "RAM")
    assert judge(10, 100, 76, 100)[0] == "tight"
    assert judge(10, None, 200, 100)[0] == "no"
    assert judge(10, None, 10, 100)[0] == "unknown"


def test_flash_holds_all_weights_and_ram_the_arena(people):
    compiled = compile_model(read_checked("people", "person_int8.tflite"))
    nano = people.find("nano33ble")
    assert compiled.weights_bytes < nano.flash_bytes < compiled.weights_bytes + 30_000
    assert compiled.arena_bytes < nano.ram_bytes < compiled.arena_bytes + 4096


def test_the_faster_the_clock_the_shorter_the_time(sine):
    slow, fast = sine.find("uno_r4_minima"), sine.find("wio_terminal")  # both a Cortex-M4F
    assert slow.milliseconds == pytest.approx(fast.milliseconds * 120 / 48)


def test_tflm_takes_more_memory_and_a_wider_interval_than_compiled(sine):
    model = load_reference_model("sine")
    tflm = estimate(model, ["nano33ble", "pico"], engine="tflm")
    nano, compiled = tflm.find("nano33ble"), sine.find("nano33ble")
    assert nano.flash_bytes == len(model) + 16384
    assert nano.ram_bytes > compiled.ram_bytes
    assert nano.milliseconds_high / nano.milliseconds_low > compiled.milliseconds_high / compiled.milliseconds_low
    assert (
        tflm.find("pico").milliseconds is None and "only counted with int8 on a Cortex-M4F" in tflm.find("pico").how
    )


def test_wrong_names_are_explained(sine):
    with pytest.raises(ValueError, match="engine is compiled or tflm"):
        estimate(load_reference_model("sine"), engine="tvm")
    with pytest.raises(ValueError, match="Did you mean"):
        estimate(load_reference_model("sine"), ["nano33"])
    few = estimate(load_reference_model("sine"), ["pico"], method="formula")
    with pytest.raises(ValueError, match="not for nano33ble, but pico"):
        few.find("nano33ble")


def test_terms_of_a_layer_are_its_shapes():
    layers = {layer.op: layer for layer in compile_model(random_network(300)).layers}
    convolution = layers["CONV_2D"]
    names, values = layer_terms(convolution)
    terms = dict(zip(names, values, strict=True))
    assert terms["macs"] == convolution.macs
    assert terms["outputs"] == np.prod(convolution.output_shapes[0])
    assert terms["numbers"] * convolution.output_shapes[0][-1] == convolution.macs
    assert layer_terms(layers["SOFTMAX"])[0] == ("inputs", "outputs", "call")


@pytest.mark.parametrize("path", PATHS)
def test_formulas_grow_with_the_model_and_have_an_interval(path):
    small = estimate_cycles(compile_model(load_reference_model("sine")), path)
    large = estimate_cycles(compile_model(read_checked("people", "person_int8.tflite")), path)
    assert 0 < small.low < small.high and large.cycles > 100 * small.cycles
    assert large.low < large.cycles * 1.1 and large.high > large.cycles * 0.9


def test_float32_has_no_formula_and_says_so():
    model = tiny_models.quantize_dequantize(0.1, 0)
    figures = estimate(model, ["nano33ble"], method="formula")
    assert figures.find("nano33ble").milliseconds is not None or "float32" in figures.find("nano33ble").how


def test_table_text_html_and_json_say_the_same(people):
    nano = people.find("nano33ble")
    assert people.table.loc["nano33ble", "flash_bytes"] == nano.flash_bytes
    text, page = str(people), people._repr_html_()
    for board in BOARDS:
        assert board in text and board in page
    assert max(map(len, text.splitlines())) <= 125
    assert html.escape(people.find("uno_r3").why) in page
    read = json.loads(json.dumps(people.to_dict()))
    assert read["boards"][0]["milliseconds_high"] == nano.milliseconds_high
    assert read["sha256"] == people.sha256


def test_plots_show_each_board_and_model(sine, people):
    grid = plot_what_fits([sine, people])
    (axes,) = grid.axes
    texts = [text.get_text() for text in axes.texts]
    assert len(texts) == 2 * len(BOARDS)
    assert [label.get_text() for label in axes.get_yticklabels()] == [board.title for board in BOARDS.values()]
    uno = texts[len(BOARDS) + list(BOARDS).index("uno_r3")]
    assert uno.startswith("RAM ") and uno.endswith("of 2.0 KB")
    times = people.plot()
    assert "no estimate for" in times.axes[0].get_title(loc="left")
    for figure in (grid, times):
        picture = BytesIO()
        figure.savefig(picture, dpi=60)
        assert picture.getvalue()[:4] == b"\x89PNG"
    with pytest.raises(ValueError, match="different boards"):
        plot_what_fits([sine, estimate(load_reference_model("sine"), ["pico"], method="formula")])


def test_what_fits_estimates_each_model():
    figure = what_fits([load_reference_model("sine")], ["pico", "uno_r3"], method="formula")
    assert len(figure.axes[0].texts) == 2


def test_numbers_are_written_with_the_digits_that_count():
    assert [format_time(each) for each in (0.00123, 9.96, 104.0, None)] == ["0.0012", "10.0", "100", "?"]
    assert format_bytes(10 * 1024) == "10 KB"


def test_the_command_prints_figures_and_draws(tmp_path, capsys):
    model = tmp_path / "sine.tflite"
    model.write_bytes(load_reference_model("sine"))
    picture = tmp_path / "fits.png"
    arguments = ["figures", str(model), "--board", "pico", "--method", "formula"]
    assert cli.main([*arguments, "--json", "--plot", str(picture)]) == 0
    assert json.loads(capsys.readouterr().out)["boards"][0]["board"] == "pico"
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert cli.main(arguments) == 0
    assert "sine, compiled to C" in capsys.readouterr().out
    assert cli.main(["figures", str(model), "--layers"]) == 1
    assert "--board nano33ble" in capsys.readouterr().err
