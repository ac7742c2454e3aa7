"""Streaming models for tests: Keras makes them, the converter gives them variables; and one of them in NumPy."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

KEPT, CHANNELS, UNITS = 3, 4, 2
FIRST = 0.5  # what the ring of frames holds in the beginning: not 0, which a careless reset would leave there
_RANDOM = np.random.default_rng(7)
WEIGHTS = _RANDOM.normal(0, 0.5, (KEPT + 1, CHANNELS, UNITS)).astype(np.float32)
BIAS = np.array([0.25, -0.5], np.float32)


@cache
def ring_model(kind: str = "float32") -> bytes:
    """Make a model that remembers three frames: (1, 1, 4) -> (1, 2); "float32", or "int8" with an int8 state."""
    import keras
    import tensorflow as tf

    class Ring(keras.layers.Layer):
        def build(self, input_shape: tuple[int, ...]) -> None:
            first = keras.initializers.Constant(FIRST)
            self.kept = self.add_weight(shape=(1, KEPT, input_shape[-1]), initializer=first, trainable=False)

        def call(self, frame: tf.Tensor) -> tf.Tensor:
            frames = keras.ops.concatenate([self.kept, frame], 1)
            self.kept.assign(frames[:, 1:])
            return frames

    frame = keras.Input(batch_shape=(1, 1, CHANNELS))
    convolution = keras.layers.Conv1D(UNITS, KEPT + 1)
    network = keras.Model(frame, keras.layers.Flatten()(convolution(Ring()(frame))))
    convolution.set_weights([WEIGHTS, BIAS])
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.experimental_enable_resource_variables = True
    if kind == "int8":
        frames = np.random.default_rng(0).uniform(-1, 1, (200, 1, 1, CHANNELS)).astype(np.float32)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([frame] for frame in frames)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        converter._experimental_variable_quantization = True
    return bytes(converter.convert())


def ring_by_hand(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute what the float model answers to frames (n, 1, 4) from a fresh state: (n, 2)."""
    before = np.full((KEPT, CHANNELS), FIRST, np.float32)
    padded = np.concatenate([before, frames[:, 0]])
    windows = np.stack([padded[k : k + KEPT + 1] for k in range(len(frames))])
    return np.asarray(np.einsum("nkc,kcu->nu", windows, WEIGHTS) + BIAS, np.float32)


def write_manifest(folder: Path, **changes: object) -> Path:
    """Write a microWakeWord manifest, ``word.json``; changes are fields of it or of its ``micro``."""
    micro = {"probability_cutoff": 0.9, "sliding_window_size": 5, "feature_step_size": 10, "tensor_arena_size": 20000}
    manifest: dict[str, object] = {
        "type": "micro", "version": 2, "wake_word": "Word", "model": "word.tflite", "trained_languages": ["en"],
    }  # fmt: skip
    for key, value in changes.items():
        (micro if key in micro else manifest)[key] = value
    path = folder / "word.json"
    path.write_text(json.dumps({**manifest, "micro": micro}), encoding="utf-8")
    return path


@cache
def wake_word_model() -> bytes:
    """Make a model of microWakeWord's shape, int8 (1, 3, 40) -> uint8 (1, 1): a slow average of the loudness."""
    import keras
    import tensorflow as tf

    class Average(keras.layers.Layer):
        def build(self, input_shape: tuple[int, ...]) -> None:
            self.kept = self.add_weight(shape=(1, 1), initializer="zeros", trainable=False)

        def call(self, loudness: tf.Tensor) -> tf.Tensor:
            now = 0.8 * self.kept + 0.2 * loudness
            self.kept.assign(now)
            return now

    frames = keras.Input(batch_shape=(1, 3, 40))
    loudness = keras.ops.mean(frames, axis=(1, 2), keepdims=False)
    average = Average()(keras.layers.Reshape((1,))(loudness))
    scaled = keras.layers.Dense(1, activation="sigmoid")
    network = keras.Model(frames, scaled(average))
    scaled.set_weights([np.array([[2.0]], np.float32), np.array([-8.0], np.float32)])
    random = np.random.default_rng(1)
    samples = np.float32(random.uniform(0, 26, (300, 1, 1, 1))) * np.ones((1, 1, 3, 40), np.float32)
    samples[0], samples[1] = 0, 26
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.experimental_enable_resource_variables = True
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type, converter.inference_output_type = tf.int8, tf.uint8
    converter._experimental_variable_quantization = True
    return bytes(converter.convert())
