"""The picture of the arena is the plan, and a layer's C is the one that is compiled."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pytest
from matplotlib.patches import Rectangle

from tinyml_labs.compiler import compile_model
from tinyml_labs.compiler_views import alive_bytes, layer_source, plot_memory
from tinyml_labs.datasets import load_reference_model
from tinyml_labs.keyword_classifier import load_reference_keyword_classifier


@pytest.fixture(scope="module")
def keywords():
    return compile_model(load_reference_keyword_classifier().model, name="keywords")


def test_the_most_that_is_needed_is_the_planners_lower_bound(keywords):
    alive = alive_bytes(keywords.plan)
    assert max(alive.values()) == keywords.plan.lower_bound_bytes
    assert list(alive) == list(range(-1, len(keywords.layers) + 1))


def test_each_tensor_is_a_rectangle_at_its_place(keywords):
    ax = plot_memory(keywords)
    drawn = {
        (patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height())
        for patch in ax.patches
        if isinstance(patch, Rectangle)
    }
    planned = {(b.first_step, b.offset, b.last_step - b.first_step + 1, b.nbytes) for b in keywords.plan.buffers}
    assert drawn == planned
    assert ax.get_xlabel() == "time (layer that runs)"
    assert ax.get_ylabel() == "place in the arena (bytes)"
    assert len(ax.get_xticklabels()) == len(keywords.layers) + 1
    plt.close(ax.figure)


def test_it_draws_where_it_is_told():
    figure, ax = plt.subplots()
    assert plot_memory(compile_model(load_reference_model("sine")), ax) is ax
    figure.canvas.draw()
    plt.close(figure)


def test_a_layers_source_is_one_whole_function_with_its_comment(keywords):
    text = layer_source(keywords, 10)
    assert text in keywords.sources["keywords.c"]
    assert text.startswith("// Layer 10, FULLY_CONNECTED 'scores'")
    assert text.count("{") == text.count("}")
    assert text.endswith("}\n")
    assert "layer11" not in text


def test_a_layer_that_is_not_there_is_named(keywords):
    with pytest.raises(ValueError, match=r"has no function of layer 12. It has those of 0, 1, 2"):
        layer_source(keywords, 12)
