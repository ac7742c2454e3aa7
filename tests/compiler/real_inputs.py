"""What people really said and what was photographed, in the form that public models take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tinyml_labs.datasets.speech_files import read_wav
from tinyml_labs.features import spectrogram
from tinyml_labs.inference import quantize
from tinyml_labs.model_file import read_model
from tinyml_labs.quiet import import_quietly

COUNT = 3


def real_inputs(file: str, folder: Path) -> NDArray | None:
    """Give inputs (3, ...) of a public model's own type; None for one that takes no recording.

    `folder` is that of the real data. The features of MLPerf Tiny's models are those of its training scripts
    (github.com/mlcommons/tiny: keyword_spotting/get_dataset.py, anomaly_detection/common.py).
    """
    makers: dict[str, Callable[[Path], NDArray]] = {
        "micro_speech": _front_end,
        "kws_ref": _cepstrum,
        "ad01": _mel_frames,
        "person_detect": lambda there: _pictures(there, 96, 1),
        "vww_96": lambda there: _pictures(there, 96, 3),
        "pretrainedResnet": lambda there: _pictures(there, 32, 3),
    }
    make = next((maker for name, maker in makers.items() if name in file), None)
    if make is None:
        return None
    found = make(folder)
    tensor = read_model((folder / "models" / file).read_bytes()).inputs[0]
    if tensor.dtype == np.float32:
        found = found.astype(np.float32)
    elif found.dtype != np.int8:
        found = quantize(found, tensor.scale, tensor.zero_point)
    assert found.dtype == tensor.dtype
    return found.reshape(COUNT, *tensor.shape[1:])


def _spoken(folder: Path) -> list[NDArray[np.int16]]:
    words = [sorted((folder / "speech" / word).glob("*.wav"))[0] for word in ("yes", "no", "stop")[:COUNT]]
    whole = [np.zeros(16_000, np.int16) for _ in words]
    for kept, path in zip(whole, words, strict=True):
        samples = read_wav(path)[:16_000]
        kept[: len(samples)] = samples
    return whole


def _front_end(folder: Path) -> NDArray[np.int8]:
    frames = [spectrogram(samples)[:49].astype(int) for samples in _spoken(folder)]
    return np.array([((frame * 256 + 333) // 666 - 128).clip(-128, 127).ravel() for frame in frames], np.int8)


def _cepstrum(folder: Path) -> NDArray[np.float32]:
    """Ten mel-frequency cepstral coefficients of 49 windows of 30 ms."""
    signal = import_quietly("tensorflow").signal
    samples = np.array(_spoken(folder), np.float32) / 2**15
    power = np.abs(signal.stft(samples, 480, 320, window_fn=signal.hann_window).numpy())
    mel = signal.linear_to_mel_weight_matrix(40, power.shape[-1], 16_000, 20.0, 4000.0).numpy()
    coefficients = signal.mfccs_from_log_mel_spectrograms(np.log(power @ mel + 1e-6)).numpy()[..., :10]
    assert coefficients.shape == (COUNT, 49, 10)
    return coefficients[..., np.newaxis]


def _mel_frames(folder: Path) -> NDArray[np.float32]:
    """Five frames of 128 mel bands in decibels: of the noises between the words, for want of a toy car."""
    signal = import_quietly("tensorflow").signal
    paths = sorted((folder / "speech" / "_background_noise_").glob("*.wav"))
    samples = np.array([read_wav(path)[:3072] for path in (paths * COUNT)[:COUNT]], np.float32) / 2**15
    power = np.abs(signal.stft(samples, 1024, 512).numpy()) ** 2
    mel = signal.linear_to_mel_weight_matrix(128, power.shape[-1], 16_000, 0.0, 8000.0).numpy()
    return (10 * np.log10(power @ mel + 1e-10)).reshape(COUNT, 640).astype(np.float32)


def _pictures(folder: Path, side: int, channels: int) -> NDArray[np.int8]:
    pictures = []
    for path in sorted((folder / "person" / "coco_crops96" / "person").iterdir())[:COUNT]:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("L" if channels == 1 else "RGB").resize((side, side)), np.int16)
        pictures.append((pixels.reshape(side, side, channels) - 128).astype(np.int8))
    return np.array(pictures)
