"""Signals from outside: one call takes a file or a port.

Introduced in ``01_hello_world.ipynb``.
"""

from tinyml_labs.capture.signals import load_signal

__all__ = ["load_signal"]
