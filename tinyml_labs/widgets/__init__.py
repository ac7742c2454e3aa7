"""Widgets for JupyterLab: record a board's sensor with the mouse, and see it live.

>>> from tinyml_labs import widgets
>>> widgets.RecorderWidget("virtual://", sensor="imu", labels=("idle", "circle"))      # doctest: +SKIP
"""

from tinyml_labs.widgets.recorder import RecorderWidget

__all__ = ["RecorderWidget"]
