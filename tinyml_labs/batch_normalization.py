"""Keras's batch normalization, faster in training on a CPU."""

from __future__ import annotations

from functools import cache
from typing import Any

from tinyml_labs.quiet import import_quietly


@cache
def fused_batch_normalization() -> Any:
    """Give Keras's layer; in training TensorFlow's fused kernel computes it, in a third of the time on a CPU.

    Returns
    -------
    type
        A subclass of keras.layers.BatchNormalization with the same arguments. What the kernel does not do (inputs of
        other than four axes, channels on another axis than the last, a mask, no gamma or no beta), and all that is
        not training, Keras's own code computes.

    Notes
    -----
    Outputs, gradients and the moving mean are Keras's, but for rounding. The moving variance is of the sample: the
    kernel divides by n - 1 (Bessel's correction) and Keras by n, the values of a channel in a batch. Of a last layer
    of 3 by 3 pixels in batches of 64 it is larger by 0.17 %, of all others by less.
    """
    keras = import_quietly("keras")
    tensorflow = import_quietly("tensorflow")

    class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[name-defined]
        def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
            fits = len(inputs.shape) == 4 and self.axis in (-1, 3) and self.scale and self.center and mask is None
            if not training or not self.trainable or not fits:
                return super().call(inputs, training=training, mask=mask)
            outputs, mean, variance = tensorflow.compat.v1.nn.fused_batch_norm(
                inputs, self.gamma.value, self.beta.value, epsilon=self.epsilon, is_training=True
            )
            for average, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
                average.assign(average * self.momentum + new * (1 - self.momentum))
            return outputs

    # By the name of Keras's own, so that whoever loads a saved network needs nothing of ours.
    for name in ("__module__", "__name__", "__qualname__"):
        setattr(FusedBatchNormalization, name, getattr(keras.layers.BatchNormalization, name))
    return FusedBatchNormalization
