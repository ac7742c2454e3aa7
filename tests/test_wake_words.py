"""Wake words: the manifest, the board's rule for a detection, streams in pieces and with gaps; public models."""

from pathlib import Path

import numpy as np
import pytest
import tiny_models
import tiny_streaming
from tiny_models import OperatorSpec, TensorSpec

from tinyml_labs import features, inference, wake_words
from tinyml_labs.wake_words import WakeWord, WakeWordListener

PHRASES = {"alexa": "alexa", "hey_jarvis": "hey jarvis", "okay_nabu": "okay nah boo"}


def no_network(
    input_shape: tuple[int, ...] = (1, 3, 40), op: str = "CIRCULAR_BUFFER", scale: float = 1 / 256
) -> bytes:
    """Make a file of the right shape that is never run: it is read alone."""
    tensors = [
        TensorSpec(name="frames", shape=input_shape, scale=26 / 255, zero_point=-128),
        TensorSpec(name="probability", shape=(1, 1), type_name="UINT8", scale=scale),
    ]
    operators = [OperatorSpec(name="CUSTOM", inputs=(0,), outputs=(1,), custom_code=op)]
    return tiny_models.build_model(tensors, operators, inputs=(0,), outputs=(1,))


def a_word(model: bytes | None = None, *, cutoff: float = 0.9, window: int = 5) -> WakeWord:
    return WakeWord(phrase="Word", model=model or no_network(), cutoff=cutoff, window=window)


def noise(seconds: float, level: float = 300.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, int(16000 * seconds)).astype(np.int16)


def esphome(raw: list[int], *, cutoff: float, window: int, stride: int) -> list[int]:
    """Follow ESPHome's source frame by frame: the inferences that are detections."""
    level, recent, last, ignore, found = int(cutoff * 255), [0] * window, 0, -100, []
    for inference_number, value in enumerate(raw):
        for frame in range(stride):
            is_new = frame == stride - 1
            if is_new:
                last = (last + 1) % window
                recent[last] = value
            if recent[last] < level:
                ignore = min(ignore + 1, 0)
            if is_new and ignore >= 0 and sum(recent) > level * window:
                found.append(inference_number)
                recent, ignore = [0] * window, -100
    return found


@pytest.mark.parametrize(("cutoff", "window"), [(0.5, 1), (0.9, 5), (0.97, 3), (0.2, 10)])
def test_detections_are_those_of_the_board(cutoff: float, window: int) -> None:
    random = np.random.default_rng(window)
    raw = np.clip(np.cumsum(random.normal(0, 60, 4000)) % 700 - 200, 0, 255).astype(int)
    word = a_word(cutoff=cutoff, window=window)
    found = wake_words.detect_wake_words(np.float32(raw / 256), word)
    expected = esphome(raw.tolist(), cutoff=cutoff, window=window, stride=3)
    assert len(expected) > 5
    times = wake_words.score_times_s(len(raw), word)
    assert [event.time_s for event in found] == [times[k] for k in expected]
    assert {event.label for event in found} == {"Word"}


def test_a_phrase_is_found_once_and_not_in_the_first_second() -> None:
    word = a_word()
    loud, quiet = np.full(40, 0.99, np.float32), np.zeros(40, np.float32)
    assert len(wake_words.detect_wake_words(np.concatenate([quiet, loud]), word)) == 1
    assert len(wake_words.detect_wake_words(np.concatenate([quiet, loud, quiet, loud]), word)) == 2
    assert wake_words.detect_wake_words(loud, word) == []
    assert wake_words.detect_wake_words(np.concatenate([quiet[:20], loud, quiet]), word) == []
    with pytest.raises(ValueError, match=r"expected \(inferences,\)"):
        wake_words.detect_wake_words(np.zeros((3, 1)), word)


def test_the_quantization_is_the_boards() -> None:
    raw = np.arange(1000, dtype=np.uint16)
    expected = [max(-128, min(127, (value * 256 + 666 // 2) // 666 - 128)) for value in range(1000)]
    found = wake_words.quantize_spectrogram(raw)
    assert found.dtype == np.int8
    assert found.tolist() == expected
    from_file = inference.quantize(features.to_real(raw), 26 / 255, -128)
    assert np.abs(found.astype(int) - from_file).max() == 1
    with pytest.raises(TypeError, match="float32, expected the front end's raw values"):
        wake_words.quantize_spectrogram(features.to_real(raw))


def test_a_manifest_and_its_model(tmp_path: Path) -> None:
    manifest = tiny_streaming.write_manifest(tmp_path, probability_cutoff=0.97)
    with pytest.raises(FileNotFoundError, match=r"names the model 'word.tflite', and there is no"):
        wake_words.load_wake_word(manifest)
    (tmp_path / "word.tflite").write_bytes(no_network((1, 2, 40)))
    word = wake_words.load_wake_word(manifest)
    assert (word.phrase, word.cutoff, word.window, word.languages) == ("Word", 0.97, 5, ("en",))
    assert (word.stride_frames, word.level, word.step_s) == (2, 247, 0.02)
    assert wake_words.load_wake_word(tmp_path / "word.tflite") == word
    assert "model=" not in repr(word)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 1}, "version 1 and a feature_step_size of 10.*expected 'micro', 2"),
        ({"feature_step_size": 20}, "feature_step_size of 20"),
        ({"type": "other"}, "type 'other'"),
        ({"probability_cutoff": "high"}, "no manifest of a microWakeWord model"),
        ({"sliding_window_size": 2.5}, "no manifest of a microWakeWord model"),
        ({"probability_cutoff": 1.5}, "cutoff is 1.5, expected a probability"),
        ({"sliding_window_size": 0}, "window is 0, expected 1 or more"),
    ],
)
def test_manifests_that_do_not_fit(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    (tmp_path / "word.tflite").write_bytes(no_network())
    with pytest.raises(ValueError, match=words):
        wake_words.load_wake_word(tiny_streaming.write_manifest(tmp_path, **changes))


def test_files_that_are_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no manifest .*word.json.*WakeWord\(phrase="):
        wake_words.load_wake_word(tmp_path / "word.tflite")
    for text in ("", "[1, 2]", "{}", '{"micro": 3}', "\x00"):
        (tmp_path / "word.json").write_text(text)
        with pytest.raises(ValueError, match="no manifest of a microWakeWord model.*Expected JSON"):
            wake_words.load_wake_word(tmp_path / "word.json")


def test_a_manifest_names_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "word.tflite").write_bytes(no_network())
    manifest = tiny_streaming.write_manifest(tmp_path / "folder", model="../word.tflite")
    with pytest.raises(FileNotFoundError, match="there is no"):
        wake_words.load_wake_word(manifest)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (tiny_models.dense_int8(), "no variables: it answers each window by itself"),
        (no_network((1, 120)), "takes int8 1×120 and gives uint8 1×1; a microWakeWord model"),
        (no_network((1, 3, 39)), "takes int8 1×3×39"),
        (no_network(scale=0), "a microWakeWord model takes"),
    ],
)
def test_models_of_another_kind(model: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        a_word(model)


@pytest.mark.slow  # matplotlib
def test_the_figure_shows_scores_level_and_detections() -> None:
    from matplotlib.figure import Figure

    from tinyml_labs.wake_word_views import plot_wake_word

    scores = np.zeros(120, np.float32)
    scores[60:80] = 0.99
    ax = plot_wake_word(scores, a_word(), Figure().subplots(), truth=[("Word", 1.6, 2.4)])
    lines = {line.get_label(): line for line in ax.get_lines()}
    (event,) = wake_words.detect_wake_words(scores, a_word())
    assert lines["detection"].get_xdata()[0] == event.time_s
    average = np.asarray(lines["average of 5"].get_ydata())
    assert average[62] == pytest.approx(3 * 0.99 / 5)
    assert lines["level, 0.89"].get_ydata()[0] == pytest.approx(229 / 256)
    assert "time (s)" in ax.get_xlabel()
    plot_wake_word(scores[:0], a_word(), Figure().subplots())


@pytest.mark.slow  # TensorFlow makes the model
def test_pieces_of_a_stream_give_the_scores_of_the_whole() -> None:
    word = a_word(tiny_streaming.wake_word_model(), cutoff=0.5, window=3)
    samples = np.concatenate([noise(2, 2), noise(1, 9000), noise(2, 2, seed=1), noise(1, 9000, seed=1)])
    scores = wake_words.wake_word_scores(samples, word)
    assert len(scores) == (features.SpectrogramSettings(stride_ms=10).frames(len(samples))) // 3
    assert scores.dtype == np.float32
    assert scores.max() > 0.9 > 0.1 > scores.min()
    with WakeWordListener(word) as listener:
        for cuts in ([1, 2, 479, 480, 481, 20000, 20001, 77777], list(range(0, len(samples), 1234))):
            listener.reset()
            heard = [listener.feed(piece) for piece in np.split(samples, cuts)]
            np.testing.assert_array_equal(np.concatenate([each.scores for each in heard]), scores)
            times = np.concatenate([each.times_s for each in heard])
            np.testing.assert_array_equal(times, wake_words.score_times_s(len(scores), word))
            events = [event for each in heard for event in each.events]
            assert events == wake_words.detect_wake_words(scores, word)
            assert len(events) == 2


@pytest.mark.slow
def test_nothing_goes_across_a_gap() -> None:
    word = a_word(tiny_streaming.wake_word_model(), cutoff=0.5, window=3)
    before, after = noise(1.7, 9000), np.concatenate([noise(1.5, 2), noise(1, 9000)])
    fresh = wake_words.wake_word_scores(after, word)
    with WakeWordListener(word) as listener:
        listener.feed(before)
        listener.skip(12_345)
        heard = listener.feed(after)
    np.testing.assert_array_equal(heard.scores, fresh)
    later = (len(before) + 12_345) / 16000
    np.testing.assert_allclose(heard.times_s, wake_words.score_times_s(len(fresh), word) + later, atol=1e-9)
    (expected,) = wake_words.detect_wake_words(fresh, word)
    assert [event.time_s for event in heard.events] == [pytest.approx(expected.time_s + later)]


@pytest.mark.slow
def test_times_are_the_ends_of_the_frames() -> None:
    """An inference is complete with the last sample of its last frame, and not before."""
    word = a_word(tiny_streaming.wake_word_model())
    samples = noise(0.5)
    for number, time_s in enumerate(wake_words.score_times_s(5, word), start=1):
        ends = round(16000 * time_s)
        with WakeWordListener(word) as listener:
            assert len(listener.feed(samples[: ends - 1]).scores) == number - 1
            assert len(listener.feed(samples[ends - 1 : ends]).scores) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", PHRASES)
def test_public_models_by_another_way(tflm: None, real_data: Path, name: str) -> None:
    """Scores against LiteRT's own interpreter, fed in a plain loop from the package of the front end."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    from pymicro_features import MicroFrontend

    word = wake_words.load_wake_word(real_data / "models" / "microwakeword" / f"{name}.json")
    samples = np.concatenate([noise(1, 30), noise(0.7, 4000), noise(0.5, 30)])
    front_end, frames = MicroFrontend(), []
    for start in range(0, len(samples) - 159, 160):
        found = front_end.process_samples(samples[start : start + 160].tobytes()).features
        if found:  # real units: raw / 25.6
            frames.append([min(127, (round(25.6 * value) * 256 + 333) // 666 - 128) for value in found])
    model = Interpreter(
        model_content=word.model, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    model.allocate_tensors()
    expected = []
    for start in range(0, len(frames) - 2, 3):
        model.set_tensor(model.get_input_details()[0]["index"], np.array([frames[start : start + 3]], np.int8))
        model.invoke()
        expected.append(model.get_tensor(model.get_output_details()[0]["index"])[0, 0] / 256)
    np.testing.assert_array_equal(wake_words.wake_word_scores(samples, word, engine="litert"), np.float32(expected))
    board = wake_words.wake_word_scores(samples, word, engine="tflm")
    assert np.abs(board - np.float32(expected)).max() < 0.1


@pytest.mark.slow
def test_public_models_hear_their_own_phrase(tflm: None, real_data: Path) -> None:
    """A formant synthesiser says a phrase, and then other words: each model finds its own, when it was said."""
    pytest.importorskip("espeakng_loader", reason="espeakng-loader is not installed: nobody says the phrases")
    from tinyml_labs.voices import espeak

    def say(text: str) -> np.ndarray:
        spoken, rate = espeak.speak(text, voice="en-us+f3")
        return (0.6 * features.resample(spoken[:, None], rate, 16000)[:, 0]).astype(np.int16)

    for name, phrase in PHRASES.items():
        word = wake_words.load_wake_word(real_data / "models" / "microwakeword" / f"{name}.json")
        others = [text for text in (*PHRASES.values(), "turn on the light", "good morning") if text != phrase]
        said = say(phrase)
        pieces = [noise(1.5, 5), said]
        for text in others:
            pieces += [noise(1.2, 5), say(text)]
        stream = np.concatenate([*pieces, noise(1.2, 5)])
        events = wake_words.detect_wake_words(wake_words.wake_word_scores(stream, word), word)
        assert [event.label for event in events] == [word.phrase]
        assert 1.5 < events[0].time_s < 1.5 + len(said) / 16000 + 0.5
