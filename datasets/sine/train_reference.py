"""Train sine_int8.tflite, the small model that runs on the virtual board before you have trained one.

    python datasets/sine/train_reference.py

writes the file beside this script and its line in SHA256SUMS. Seeded; another machine or TensorFlow version
may still round otherwise and give a model that is a little different and as good.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from tinyml_labs import conversion, datasets, inference, models
from tinyml_labs.datasets.bundled import write_with_checksum
from tinyml_labs.quiet import import_quietly

SEED = 0
SAMPLES = 5000
EPOCHS = 20
BATCH = 16
LEARNING_RATE = 0.01


def train() -> bytes:
    """Return the int8 model."""
    keras = import_quietly("keras")
    keras.utils.set_random_seed(SEED)
    data = datasets.load_sine(samples=SAMPLES, seed=SEED)
    model = models.build_sine_model(seed=SEED)
    steps = EPOCHS * -(-len(data.x_train) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    model.compile(keras.optimizers.Adam(rate), loss="mse", steps_per_execution=50)
    model.fit(data.x_train, data.y_train, epochs=EPOCHS, batch_size=BATCH, verbose=0)
    # One scale for each layer: also right in older runtimes, and the arena stays under 2 KB.
    return conversion.convert(model, training_data=data.x_train, dense_per_tensor=True)


def main() -> None:
    """Write the model and print how good it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(__file__).resolve().parent)
    folder = parser.parse_args().folder
    model = train()
    x = np.linspace(0, 2 * np.pi, 1000, dtype=np.float32).reshape(-1, 1)
    error = np.abs(inference.predict(model, x) - np.sin(x)).mean()
    if error > 0.03:
        raise SystemExit(f"The mean absolute error is {error:.4f}, expected at most 0.03: nothing was written.")
    write_with_checksum(folder / "sine_int8.tflite", model)
    print(f"{folder / 'sine_int8.tflite'}: {len(model)} bytes, mean absolute error {error:.4f}")


if __name__ == "__main__":
    main()
