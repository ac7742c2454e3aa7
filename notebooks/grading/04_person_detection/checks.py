"""What the checks of this lab use: a few pictures. The bundled ones take seconds to load; here noise will do."""

# ruff: noqa: F401 - solutions and checks use what is imported here

from types import SimpleNamespace

import numpy as np

from tinyml_labs import inference

test = SimpleNamespace(images=np.random.default_rng(1).integers(0, 256, (3, 96, 96, 1), dtype=np.uint8))
SEED = 1
