"""Networks that Hypothesis looks for: it draws each size, stride, padding and scale, and makes what fails small."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from networks import MAKERS, Branches

from tinyml_labs.compiler import check_model
from tinyml_labs.inference import InferenceError

EXAMPLES = 16 * int(os.environ.get("TINYML_LABS_DEEP", "1"))
OPS = sorted(MAKERS)


class Drawn:
    """What the makers ask of NumPy's generator, drawn by Hypothesis; arrays come from a seed that it draws."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw

    def integers(self, low: int, high: int, size: Any = None) -> Any:
        return self._numpy().integers(low, high, size) if size is not None else self.draw(st.integers(low, high - 1))

    def choice(self, options: Any) -> Any:
        return self.draw(st.sampled_from(list(options)))

    def uniform(self, low: float, high: float, size: Any = None) -> Any:
        return self._numpy().uniform(low, high, size) if size is not None else self.draw(st.floats(low, high))

    def random(self, size: Any = None) -> Any:
        return self._numpy().random(size) if size is not None else self.draw(st.floats(0, 1, exclude_max=True))

    def normal(self, middle: float, width: float, size: Any) -> Any:
        return self._numpy().normal(middle, width, size)

    def permutation(self, size: int) -> Any:
        return np.array(self.draw(st.permutations(range(size))))

    def _numpy(self) -> np.random.Generator:
        return np.random.default_rng(self.draw(st.integers(0, 2**32 - 1)))


class EdgyBranches(Branches):
    """Scales from far below to far above what training gives, and zero points at both ends."""

    def quantities(self, low: float = 0.005, high: float = 0.2) -> dict[str, Any]:
        wide = self.random.choice([1.0, 1.0, 8.0])
        return super().quantities(low / wide, high * wide)


@pytest.mark.slow
@pytest.mark.usefixtures("tflm")
@given(data=st.data(), op=st.sampled_from(OPS), seed=st.integers(0, 2**16))
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_found_networks_give_the_bytes_of_tflm(data: Any, op: str, seed: int) -> None:
    network = EdgyBranches(Drawn(data.draw))
    for _ in range(2):
        MAKERS[op](network)
    try:
        report = check_model(network.build(), samples=12, seed=seed)
    except InferenceError:
        assume(False)  # TensorFlow Lite Micro has no answer: nothing to be held against
    assert report.bytes_compared
    assert report.equal, str(report)
