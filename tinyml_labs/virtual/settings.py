"""What a virtual board can be told to be."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from tinyml_labs.link.framing import MAX_PAYLOAD

DEFAULT_BOOT_TEXT = "TinyML lab kit, virtual board\r\n"
_DAY_S = 86_400.0
_GESTURE_RATES_HZ = (10.0, 952.0)  # the fastest of the LSM9DS1

_CHOICES = {
    "dialect": ("frames", "mlperf", "csv"),
    "csv_style": ("plain", "imu_capture", "edge_impulse"),
    "csv_separator": ("auto", "comma", "tab"),
    "test_dtype": ("uint16", "int16", "int8", "uint8", "int32", "float32"),
    "faults_in": ("all", "samples"),
}
_RANGES: dict[str, tuple[float, float]] = {
    "boot_ms": (0, 600_000),
    "ram_kb": (1, 1024 * 1024),
    "start_micros": (0, 2**32 - 1),
    "gesture_s": (1, 60),
    "person": (0, 2**32 - 1),
    "seed": (0, 2**32 - 1),
    "sensor_rate_hz": (0, 1_000_000),
    "rate_error_percent": (-50, 50),
    "test_channels": (1, 2000),
    "frame_payload": (64, MAX_PAYLOAD),
    "buffer_kb": (1, 1024 * 1024),
    "csv_threshold_g": (0, 100),
    "csv_decimals": (-1, 9),
    "flip_rate": (0, 1),
    "drop_rate": (0, 1),
    "insert_rate": (0, 1),
    "repeat_rate": (0, 1),
    "stall_every_s": (0, _DAY_S),
    "stall_s": (0, _DAY_S),
    "reset_after_s": (0, _DAY_S),
    "vanish_after_s": (0, _DAY_S),
    "vanish_s": (0, _DAY_S),
    "overrun_every_s": (0, _DAY_S),
    "overrun_samples": (1, 2**31),
    "uart_baud": (0, 10_000_000),
    "fault_count": (0, 2**31),
}


@dataclass(frozen=True, kw_only=True)
class VirtualBoardSettings:
    """Settings of a virtual board; each is also a parameter of the URL: ``virtual://?boot_ms=500``.

    Attributes
    ----------
    baud_pacing : bool
        Let bytes pass no faster than the baud rate that the host has set, as a UART does. A board on USB, such as
        the Nano 33 BLE, ignores the baud rate: off.
    reset_on_open : bool
        Start anew each time the port is opened, as an Uno does: RAM, and so a loaded model, is gone.
    boot_ms : int, milliseconds
        How long the board takes from a reset to its first answer. What comes before is lost.
    boot_text : str
        What the board prints when it starts, before the first frame. The text dialects print it if it is not
        the default one.
    ram_kb : int, KiB
        Memory for a loaded model and its arena together. The default is large enough for every model of the
        course; a Nano 33 BLE has 256.
    model : str
        Path of a ``.tflite`` that is on the board from the start, as in a sketch.
    board_id : str
        The chip's own number; by default one made up when the process starts. A reset or a pulled cable leaves it.
    speed : float
        How many times faster than real time the board's clock, and so its sensors, runs.
    start_micros : int, microseconds
        What the board's 32-bit clock shows at a reset; near 2**32 it soon wraps.

    play : str
        What a sensor plays, over and over: a CSV file of one column (``analog``) or of several (``imu``), a WAV
        file (``microphone``), a folder or zip archive of pictures (``camera``; ``people.zip/test`` is a folder within
        one), or the folder of a recording. By default the ``analog`` sensor plays the bundled sweep, and the others
        make up what they measure.
    gestures : str
        What a simulated person does with the board, for the sensor ``imu``: ``"circle"``, or several in order, over
        and over: ``"idle,circle,punch"``. The names are those of ``tinyml_labs.simulation.sessions.GESTURES``. By
        default a made-up hand moves now and then.
    gesture_s : float, seconds
        How long each of them lasts before the next begins; a single gesture, such as a punch, is repeated for so
        long, with pauses.
    person : int
        Which simulated person. Those of the bundled data are 100 to 137.
    gesture_log : str
        A file to which each gesture is written as a line of JSON: ``label``, ``start`` and ``end``, by the numbers
        of the samples in a stream. It is up to a minute ahead of them. What lies between gestures is not listed.
    spotter : str
        The settings of a keyword classifier, ``keywords.json`` with ``keywords_int8.tflite`` beside it, as
        ``save_keyword_classifier`` writes them. The board then is a keyword spotter with this model: it listens to
        the WAV file in ``play``, or to a made-up room, says what it hears as log lines (``yes 0.93``), and has the
        sensors ``scores``, ``microphone`` and ``spectrogram``. A new stream begins with the sound's beginning.
    detector : str
        The settings of a person classifier, ``person.json`` with ``person_int8.tflite`` beside it, as
        ``save_person_classifier`` writes them. The board then is a person detector with this model: it looks at the
        pictures in ``play``, of whatever size, or at a made-up scene, one a second; says when somebody comes and goes
        as log lines (``person 0.93``, ``gone``); and has the sensors ``scores`` and ``camera``, the pictures as the
        model gets them. A new stream begins with the first picture.
    seed : int
        Of everything made up: motion, sound, scene and faults. With ``gestures``, another seed is another
        performance of the same person.
    sensor_rate_hz : float, hertz
        The nominal rate of ``test_pattern`` and of ``imu``, made up or played; 0 for their own. With ``gestures``
        from 10 to 952. With ``detector``, pictures a second.
    rate_error_percent : float
        By how much the true rate of every sensor differs from the nominal one, which is announced.
    test_channels, test_dtype : int, str
        What the sensor ``test_pattern`` sends: see :func:`tinyml_labs.virtual.test_pattern`.
    frame_payload : int, bytes
        The largest payload of a SAMPLES frame.
    buffer_kb : int, KiB
        How much the board keeps of samples that the line does not take; what comes then is an overrun.

    dialect : str
        ``"frames"``, ``"mlperf"`` (the text protocol of MLPerf Tiny's runner) or ``"csv"`` (prints lines, as most
        sketches do).
    sensor : str
        Which sensor the dialect ``csv`` prints.
    csv_style : str
        ``"plain"``, ``"imu_capture"`` (Arduino's IMU_Capture) or ``"edge_impulse"`` (its data forwarder).
    csv_separator : str
        ``"comma"``, ``"tab"``, or ``"auto"``: a tab for Edge Impulse.
    csv_decimals : int
        Decimals of numbers that are no integers; -1 for as many as it takes to read back the same number.
    csv_threshold_g : float, g
        The sum of the accelerations from which ``imu_capture`` prints a burst; 0 for one burst after the other.

    flip_rate, drop_rate, insert_rate, repeat_rate : float, 0 to 1
        The probability, for each byte that is sent, that a bit of it is flipped, that it is lost, that another
        byte comes before it, that it comes twice.
    faults_in : str
        Which frames these bytes may be in: ``"all"``, or ``"samples"`` to leave the answers whole.
    stall_every_s, stall_s : float, seconds
        From the beginning of a stream, nothing is sent for ``stall_s`` after each ``stall_every_s``.
    reset_after_s : float, seconds
        The board is reset so long after a stream has begun: RAM, clock and sequence numbers begin anew.
    vanish_after_s, vanish_s : float, seconds
        The port goes away so long after a stream has begun, and comes back under another name ``vanish_s`` later.
    overrun_every_s, overrun_samples : float, seconds; int
        The board drops so many samples after each ``overrun_every_s`` of a stream, and counts them as overruns.
    uart_baud : int, bits a second
        The baud rate that the board is set to: with another one on the host, both get nonsense. 0: it does not care.
    fault_count : int
        How often each kind of fault happens at most; 0 for no limit, but then a board is reset, or vanishes, once.
    fault_log : str
        A file to which each fault is written as a line of JSON.
    link : str
        A symbolic link that is pointed at the port, as ``/dev/serial/by-id`` is: gone while the board is away.
    """

    baud_pacing: bool = False
    reset_on_open: bool = False
    boot_ms: int = 0
    boot_text: str = DEFAULT_BOOT_TEXT
    ram_kb: int = 8192
    model: str = ""
    board_id: str = ""
    speed: float = 1.0
    start_micros: int = 0

    play: str = ""
    gestures: str = ""
    gesture_s: float = 4.0
    person: int = 31
    gesture_log: str = ""
    spotter: str = ""
    detector: str = ""
    seed: int = 0
    sensor_rate_hz: float = 0.0
    rate_error_percent: float = 0.0
    test_channels: int = 4
    test_dtype: str = "uint16"
    frame_payload: int = MAX_PAYLOAD
    buffer_kb: int = 1024

    dialect: str = "frames"
    sensor: str = "imu"
    csv_style: str = "plain"
    csv_separator: str = "auto"
    csv_decimals: int = -1
    csv_threshold_g: float = 2.5

    flip_rate: float = 0.0
    drop_rate: float = 0.0
    insert_rate: float = 0.0
    repeat_rate: float = 0.0
    faults_in: str = "all"
    stall_every_s: float = 0.0
    stall_s: float = 1.0
    reset_after_s: float = 0.0
    vanish_after_s: float = 0.0
    vanish_s: float = 1.0
    overrun_every_s: float = 0.0
    overrun_samples: int = 10
    uart_baud: int = 0
    fault_count: int = 0
    fault_log: str = ""
    link: str = ""

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)}; it goes from {low:g} to {high:g}.")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it is one of {', '.join(choices)}.")
        if not 0 < self.speed <= 1000:
            raise ValueError(f"speed is {self.speed}; it has to be more than 0, and 1000 at most.")
        if self.gestures:
            self._check_gestures()
        for name in ("spotter", "detector"):
            if getattr(self, name):
                self._check_classifier(name)

    @property
    def gesture_order(self) -> tuple[str, ...]:
        """The names in ``gestures``, in order."""
        return tuple(name.strip() for name in self.gestures.split(",")) if self.gestures else ()

    def _check_gestures(self) -> None:
        from tinyml_labs.simulation.sessions import GESTURES

        low, high = _GESTURE_RATES_HZ
        for name in self.gesture_order:
            if name not in GESTURES:
                raise ValueError(
                    f"gestures is {self.gestures!r}: nobody can do {name!r}. Name one or several of "
                    f"{', '.join(GESTURES)}, with a comma between."
                )
        if self.sensor_rate_hz and not low <= self.sensor_rate_hz <= high:
            raise ValueError(
                f"sensor_rate_hz is {self.sensor_rate_hz:g}; with gestures it goes from {low:g} to {high:g}, or is 0 "
                "for 119."
            )

    def _check_classifier(self, role: str) -> None:
        what = {"spotter": "a keyword spotter", "detector": "a person detector"}[role]
        for name in {"spotter": ("model", "gestures", "detector"), "detector": ("model", "gestures")}[role]:
            if getattr(self, name):
                raise ValueError(
                    f"{role}={getattr(self, role)} and {name}={getattr(self, name)} do not go together: {what} "
                    "has its own model, and no motion sensor. Leave one out."
                )
        if self.dialect != "frames":
            raise ValueError(
                f"{role}={getattr(self, role)} speaks frames, and dialect is {self.dialect!r}. Leave one out."
            )

    def to_json(self) -> str:
        """Give the settings as JSON, for the board's process."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> VirtualBoardSettings:
        """Read what :meth:`to_json` gave."""
        return cls(**json.loads(text))
