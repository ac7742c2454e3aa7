"""The person lab's figures show what they were given."""

import itertools

import matplotlib as mpl
import numpy as np
import pytest

from tinyml_labs import person_views
from tinyml_labs.intervals import wilson_interval
from tinyml_labs.roc import measure_area
from tinyml_labs.slices import slice_table

mpl.use("Agg")
RANDOM = np.random.default_rng(4)
IMAGES = RANDOM.integers(0, 256, (10, 12, 16, 1), dtype=np.uint8)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def test_pictures_are_drawn_as_they_are_from_black_to_white():
    figure = person_views.plot_pictures(IMAGES // 2, [f"{k}" for k in range(10)], columns=4)
    assert len(figure.axes) == 12  # three rows of four
    for k, ax in enumerate(figure.axes[:10]):
        (drawn,) = ax.images
        np.testing.assert_array_equal(drawn.get_array(), IMAGES[k, ..., 0] // 2)
        assert drawn.get_clim() == (0, 255) and drawn.get_cmap().name == "gray"
        assert ax.get_title() == f"{k}"
        assert list(ax.get_xticks()) == list(ax.get_yticks()) == []
    assert [ax.axison for ax in figure.axes[9:]] == [True, False, False]


def test_a_few_pictures_are_one_row():
    figure = person_views.plot_pictures(IMAGES[:3, ..., 0], size=2.0)
    assert len(figure.axes) == 3
    assert figure.get_size_inches()[0] == pytest.approx(6)
    assert [ax.get_title() for ax in figure.axes] == ["", "", ""]


def test_heat_lies_over_the_whole_picture_on_one_scale():
    heat = RANDOM.normal(size=(10, 3, 4))
    heat[6, 1, 2] = -9
    figure = person_views.plot_pictures(IMAGES, heat=heat, heat_label="change of the score")
    *cells, bar = figure.axes
    assert bar.get_ylabel() == "change of the score"
    drawn = [ax.images[1] for ax in cells if ax.images]
    assert len(drawn) == 10
    for k, each in enumerate(drawn):
        np.testing.assert_array_equal(each.get_array(), heat[k])
        assert each.get_clim() == (-9, 9)
        assert tuple(each.get_extent()) == (0, 16, 12, 0) == tuple(cells[k].images[0].get_extent())
    colors = drawn[0].get_cmap()([0.0, 0.5, 1.0])
    assert colors[0, 2] > colors[0, 0] and colors[2, 0] > colors[2, 2]  # blue, red
    assert colors[1, 3] == 0 and 0.5 < colors[0, 3] == colors[2, 3] < 1


def test_heat_of_nothing_but_zeros_is_drawn():
    figure = person_views.plot_pictures(IMAGES[:2], heat=np.zeros((2, 3, 3)))
    assert figure.axes[0].images[1].get_clim() == (-1, 1)


@pytest.mark.parametrize(
    ("images", "given", "error", "message"),
    [
        (IMAGES / 255, {}, TypeError, "dtype float64, expected uint8"),
        (IMAGES[0, ..., 0], {}, ValueError, r"shape \(12, 16\), expected \(N, H, W\)"),
        (np.repeat(IMAGES, 3, axis=-1), {}, ValueError, r"shape \(10, 12, 16, 3\)"),
        (IMAGES[:0], {}, ValueError, "not empty"),
        (IMAGES, {"titles": ["a"]}, ValueError, "1 titles for 10 pictures"),
        (IMAGES, {"columns": 0}, ValueError, "columns is 0"),
        (IMAGES, {"heat": np.zeros((9, 3, 3))}, ValueError, r"heat has shape \(9, 3, 3\), expected \(10, h, w\)"),
        (IMAGES, {"heat": np.full((10, 3, 3), np.nan)}, ValueError, "finite numbers"),
    ],
)
def test_pictures_that_cannot_be_drawn_are_refused(images, given, error, message):
    with pytest.raises(error, match=message):
        person_views.plot_pictures(images, **given)


def rate_pairs(scores, labels):
    """The area by its meaning: how often a person has the higher score, over all pairs."""
    people = [score for score, label in zip(scores, labels, strict=True) if label]
    others = [score for score, label in zip(scores, labels, strict=True) if not label]
    pairs = [(a > b) + 0.5 * (a == b) for a, b in itertools.product(people, others)]
    return sum(pairs) / len(pairs)


@pytest.mark.parametrize("levels", [3, 10, 1000])
def test_the_area_is_the_share_of_pairs_in_order(levels):
    labels = RANDOM.integers(0, 2, 60)
    scores = np.round((labels * 0.4 + RANDOM.random(60)) * levels) / levels
    area, low, high = measure_area(scores, labels)
    assert area == pytest.approx(rate_pairs(scores, labels))
    assert low < area < high
    assert measure_area(-scores, labels)[0] == pytest.approx(1 - area)


def test_the_interval_of_the_area_is_the_published_one():
    """Table I of Hanley and McNeil: 58 normal and 51 abnormal images, rated 1 to 5; 0.893, standard error 0.032."""
    normal, abnormal = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)
    scores = np.repeat([1, 2, 3, 4, 5, 1, 2, 3, 4, 5], normal + abnormal)
    area, low, high = measure_area(scores, np.repeat([0, 1], [58, 51]))
    assert area == pytest.approx(0.893, abs=5e-4)
    assert (high - low) / 2 / 1.96 == pytest.approx(0.032, abs=1e-3)


def test_the_interval_of_the_area_covers_the_truth():
    """Scores of two normal distributions a spread apart: the area is 0.7602, and 95 of 100 intervals hold it."""
    random = np.random.default_rng(8)
    labels = np.repeat([0, 1], [60, 90])
    inside = 0
    for _ in range(400):
        _, low, high = measure_area(labels + random.normal(size=150), labels)
        inside += low <= 0.76025 <= high
    assert 0.92 < inside / 400 < 0.98


def test_curves_have_their_areas_in_the_legend_and_their_thresholds_as_dots():
    labels = np.array([1, 1, 0, 1, 0, 0, 1, 0])
    scores = np.array([0.9, 0.8, 0.8, 0.6, 0.5, 0.3, 0.3, 0.1])
    ax = person_views.plot_roc({"plain": (scores, labels), "flat": (scores * 0, labels)}, chosen={"plain": 0.6})
    guess, plain, dot, flat = ax.lines
    steps = [(0, 0), (0, 25), (25, 50), (25, 75), (50, 75), (75, 100), (100, 100)]
    assert list(zip(plain.get_xdata(), plain.get_ydata(), strict=True)) == steps
    assert list(zip(flat.get_xdata(), flat.get_ydata(), strict=True)) == [(0, 0), (100, 100)]
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (25, 75)  # one of four alarms; three of four found
    assert guess.get_linestyle() == ":"
    area, low, high = measure_area(scores, labels)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert f"plain: {area:.3f} ({low:.3f} to {high:.3f})" in texts
    assert any(text.startswith("flat: 0.500 (") for text in texts)
    assert "plain, threshold 0.6" in texts
    assert ax.get_xlabel() == "pictures without a person that alarm (%)" and ax.get_ylabel() == "people found (%)"


@pytest.mark.parametrize(("threshold", "place"), [(2.0, (0, 0)), (1.0, (0, 50)), (0.7, (50, 50)), (-1, (100, 100))])
def test_a_threshold_between_scores(threshold, place):
    given = {"one": ([1.0, 0.7, 0.4, 0.2], [1, 0, 1, 0])}
    dot = person_views.plot_roc(given, chosen={"one": threshold}).lines[-1]
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == place


@pytest.mark.parametrize(
    ("curves", "chosen", "message"),
    [
        ({}, None, "no curve"),
        ({"a": ([1, 2], [0, 1])}, {"b": 1.0}, "chosen names 'b'; the curves are a"),
        ({"a": ([1, 2, 3], [0, 1])}, None, r"a: scores have shape \(3,\) and labels \(2,\)"),
        ({"a": ([1, np.nan], [0, 1])}, None, "scores that are numbers"),
        ({"a": ([1, 2], [0, 2])}, None, "labels 1 where a person is"),
        ({"a": ([1, 2], [0, 0])}, None, "a: 0 of 2 pictures are with a person"),
    ],
)
def test_curves_that_cannot_be_drawn_are_refused(curves, chosen, message):
    with pytest.raises(ValueError, match=message):
        person_views.plot_roc(curves, chosen=chosen)


def make_slices():
    right = np.arange(40) % 5 > 0
    pose = np.where(np.arange(40) < 10, "sitting", "walking")
    return slice_table(right, {"pose": pose, "skin": np.linspace(0, 1, 40)})


def test_slices_are_drawn_with_their_interval_and_count():
    table = make_slices()
    ax = person_views.plot_slices(table)
    assert [text.get_text() for text in ax.get_yticklabels()] == table["value"].tolist()
    places = ax.get_yticks()
    assert len(ax.containers) == 2
    dots = [xy for container in ax.containers for xy in zip(*container.lines[0].get_data(), strict=True)]
    np.testing.assert_allclose(dots, np.column_stack([100 * table["share"], places]))
    bars = [part for container in ax.containers for part in container.lines[2][0].get_segments()]
    np.testing.assert_allclose([part[0, 0] for part in bars], 100 * table["low"])
    np.testing.assert_allclose([part[1, 0] for part in bars], 100 * table["high"])
    assert bars[0][0, 0] == pytest.approx(100 * wilson_interval(8, 10)[0])
    texts = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert texts["10"] == places[0] and texts["30"] == places[1]
    assert texts["pose"] < places[0] < places[1] < texts["skin"] < places[2]
    assert ax.get_ylim()[0] > places[-1] and ax.get_ylim()[1] < texts["pose"]
    assert ax.lines[0].get_linestyle() == "--" and ax.lines[0].get_xdata()[0] == pytest.approx(80)
    low, high = ax.get_xlim()
    assert low <= 100 * table["low"].min() and high == 100
    assert ax.get_xlabel() == "right answers (%, with 95 % interval)"


def test_the_line_of_all_pictures_is_found_without_the_table_s_note():
    table = make_slices()
    table.attrs.clear()
    assert person_views.plot_slices(table).lines[0].get_xdata()[0] == pytest.approx(80)


def test_tables_that_cannot_be_drawn_are_refused():
    table = make_slices()
    with pytest.raises(ValueError, match="has no rows"):
        person_views.plot_slices(table[:0])
    with pytest.raises(ValueError, match="has no column 'low'"):
        person_views.plot_slices(table.drop(columns="low"))


TIMES = np.arange(12) / 2
TRUTH = np.array([0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1], bool)
PRESENT = np.array([0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0], bool)
SCORES = np.array([np.nan, np.nan, 0.4, 0.8, 0.9, 0.6, 0.2, 0.1, 0.75, 0.2, 0.3, 0.5])


def test_presence_shows_scores_levels_truth_and_state():
    figure = person_views.plot_presence(TIMES, SCORES, PRESENT, TRUTH, threshold=0.7, release=0.4)
    above, below = figure.axes
    lines = {line.get_label(): line for line in above.lines}
    np.testing.assert_array_equal(lines["score, average"].get_ydata(), SCORES)
    np.testing.assert_array_equal(lines["score, average"].get_xdata(), TIMES)
    for label, level in (("threshold: 0.7", 0.7), ("release: 0.4", 0.4)):
        assert set(lines[label].get_ydata()) == {level} and lines[label].get_linestyle() == "--"
    for ax in (above, below):
        bands = [patch for patch in ax.patches if patch.get_label() != "present"]
        spans = [(band.get_x(), band.get_x() + band.get_width()) for band in bands]
        assert spans == [(1.0, 2.5), (5.0, 6.0)]
    (state,) = [patch for patch in below.patches if patch.get_label() == "present"]
    values, edges, _ = state.get_data()
    np.testing.assert_array_equal(values, PRESENT)
    np.testing.assert_array_equal(edges, np.arange(13) / 2)
    assert (below.get_xlabel(), below.get_xlim()) == ("time (s)", (0, 6))
    assert [text.get_text() for text in below.get_yticklabels()] == ["nobody", "present"]
    shown = [text.get_text() for text in above.get_legend().get_texts()]
    assert shown.count("a person is there") == 1


def test_presence_of_nobody_has_no_band():
    figure = person_views.plot_presence(TIMES, SCORES, PRESENT, TRUTH & False, threshold=0.7, release=0.4)
    assert not figure.axes[0].patches


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"scores": SCORES[:5]}, r"scores has shape \(5,\), expected \(N,\)"),
        ({"truth": TRUTH[:, None]}, r"truth has shape \(12, 1\)"),
        ({"times_s": TIMES[::-1]}, "times_s must rise"),
    ],
)
def test_streams_that_cannot_be_drawn_are_refused(changed, message):
    given = {"times_s": TIMES, "scores": SCORES, "present": PRESENT, "truth": TRUTH, **changed}
    with pytest.raises(ValueError, match=message):
        person_views.plot_presence(**given, threshold=0.7, release=0.4)
