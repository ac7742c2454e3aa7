"""From a board to a file: recordings, the recorder, and signals from wherever they are.

>>> from tinyml_labs import capture
>>> recording = capture.record("virtual://", sensor="imu", seconds=5, label="idle")   # doctest: +SKIP
>>> recording.samples.shape, recording.problems                                      # doctest: +SKIP
((595, 6), [])

Introduced in ``01_hello_world.ipynb`` (`load_signal`).
"""

from tinyml_labs.capture.assembler import Gap
from tinyml_labs.capture.dataset import WindowDataset, recordings_to_dataset
from tinyml_labs.capture.editing import merge, relabel, trim
from tinyml_labs.capture.exchange import export_edge_impulse, import_csv, import_edge_impulse
from tinyml_labs.capture.labelled import labelled_samples
from tinyml_labs.capture.recorder import Recorder, RecorderStatus, RecordingWarning, record
from tinyml_labs.capture.recordings import Recording, discard, load_recording, load_recordings
from tinyml_labs.capture.signals import load_signal

__all__ = [
    "Gap",
    "Recorder",
    "RecorderStatus",
    "Recording",
    "RecordingWarning",
    "WindowDataset",
    "discard",
    "export_edge_impulse",
    "import_csv",
    "import_edge_impulse",
    "labelled_samples",
    "load_recording",
    "load_recordings",
    "load_signal",
    "merge",
    "record",
    "recordings_to_dataset",
    "relabel",
    "trim",
]
