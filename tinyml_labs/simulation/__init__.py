"""People who do not exist move a board that does not exist: where the gesture lab's data comes from.

A person (:mod:`.subjects`) makes gestures in space (:mod:`.movements`) and does other things (:mod:`.background`),
one after the other (:mod:`.sessions`), and a sensor with the faults of a real one measures them (:mod:`.imu`). Needs
NumPy only. Introduced in ``02_gesture_recognition.ipynb``.

>>> from tinyml_labs import simulation
>>> session = simulation.simulate_session(simulation.make_subject(7), [("circle", 4.0), ("idle", 2.0)])
>>> session.samples.shape[1], [interval.label for interval in session.intervals]
(6, ['circle', 'idle'])
"""

from tinyml_labs.simulation.collection import make_plan, simulate_collection
from tinyml_labs.simulation.imu import BMI270, LSM9DS1
from tinyml_labs.simulation.sessions import (
    BACKGROUND,
    GESTURES,
    RATE_HZ,
    REPEATED,
    SINGLE,
    Session,
    simulate_session,
)
from tinyml_labs.simulation.subjects import Subject, make_subject

__all__ = [
    "BACKGROUND",
    "BMI270",
    "GESTURES",
    "LSM9DS1",
    "RATE_HZ",
    "REPEATED",
    "SINGLE",
    "Session",
    "Subject",
    "make_plan",
    "make_subject",
    "simulate_collection",
    "simulate_session",
]
