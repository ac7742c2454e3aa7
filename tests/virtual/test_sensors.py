"""The virtual board's sensors: what they announce, and that each sample arrives as it was made or recorded."""

import json
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tinyml_labs import link
from tinyml_labs.link.descriptions import Sensor, SensorKind
from tinyml_labs.virtual import VirtualBoardSettings, test_pattern
from tinyml_labs.virtual.sensors import SampleSource, make_sensors


def sensors(**settings: object) -> dict[str, SampleSource]:
    return {source.description.name: source for source in make_sensors(VirtualBoardSettings(**settings))}


def played(path: Path, name: str = "imu", **settings: object) -> tuple[Sensor, SampleSource]:
    """The sensor that plays a file."""
    source = sensors(play=str(path), **settings)[name]
    return source.description, source


def test_a_board_has_a_sensor_of_each_kind() -> None:
    with link.Board("virtual://") as board:
        found = {sensor.name: sensor for sensor in board.info.sensors}
        assert [sensor.id for sensor in board.info.sensors] == [1, 2, 3, 4, 5]
        imu = found["imu"]
        assert (imu.rate_hz, imu.dtype, imu.kind) == (119.0, "float32", SensorKind.SIGNAL)
        assert imu.names == ("accX", "accY", "accZ", "gyrX", "gyrY", "gyrZ")
        assert imu.units == ("g", "g", "g", "deg/s", "deg/s", "deg/s")
        sound = found["microphone"]
        assert (sound.rate_hz, sound.dtype, sound.kind, sound.channels) == (16000.0, "int16", SensorKind.AUDIO, 1)
        camera = found["camera"]
        assert (camera.channels, camera.rows, camera.dtype, camera.kind) == (96, 96, "uint8", SensorKind.IMAGE)
        assert camera.rate_hz == 5 * 96
        assert len(bytes.fromhex(board.info.board_id)) == 8


@pytest.mark.slow
@pytest.mark.parametrize("name", ["imu", "microphone", "camera", "test_pattern"])
def test_a_stream_brings_each_sample_as_it_was_made(name: str) -> None:
    with link.Board("virtual://?speed=50&seed=7") as board:
        chosen = board.sensor(name)
        count = int(chosen.rate_hz * 30)  # more than a loop of the microphone and the camera
        samples = board.stream(name, count, progress=False)
    np.testing.assert_array_equal(samples, sensors(seed=7)[name].take(0, count))
    assert samples.dtype == chosen.dtype
    assert len(np.unique(samples)) > 30


@pytest.mark.parametrize("name", ["imu", "microphone", "camera"])
def test_what_is_made_up_follows_from_the_seed(name: str) -> None:
    first, again, other = (sensors(seed=seed)[name].take(500, 5000) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_motion_is_in_steps_of_the_sensor_and_exact_in_float32() -> None:
    samples = sensors()["imu"].take(0, 7140)
    steps = samples.astype(np.float64) / ([4 / 32768] * 3 + [2000 / 32768] * 3)
    np.testing.assert_array_equal(steps, np.round(steps))
    assert np.abs(steps).max() <= 32768
    strength = np.abs(samples[:, :3]).sum(axis=1)
    assert 0.9 < np.median(strength) < 1.75  # it mostly rests, at 1 g
    assert (strength >= 2.5).mean() > 0.05  # and moves


def test_the_test_pattern_is_its_formula() -> None:
    """Against whole numbers of Python, which do not wrap by themselves."""

    def value(sample: int, channel: int) -> int:
        x = (sample + 0x9E3779B9 * channel) % 2**32
        x = (x ^ x >> 16) * 0x7FEB352D % 2**32
        x = (x ^ x >> 15) * 0x846CA68B % 2**32
        return x >> 16

    for first in (0, 1, 99_999, 2**32 - 2):
        expected = np.array([[value((first + k) % 2**32, c) for c in range(5)] for k in range(4)])
        np.testing.assert_array_equal(test_pattern(first, 4, 5), expected)
        np.testing.assert_array_equal(test_pattern(first, 4, 5, "float32"), expected)
        np.testing.assert_array_equal(test_pattern(first, 4, 5, "int16").view(np.uint16), expected)
        np.testing.assert_array_equal(test_pattern(first, 4, 5, "uint8"), expected % 256)
    many = test_pattern(0, 4000, 3)
    for shift in (1, 2, 340):
        assert (many[shift:] == many[:-shift]).mean() < 0.001


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["uint16", "int16", "int8", "uint8", "int32", "float32"])
def test_every_dtype_arrives(dtype: str) -> None:
    with link.Board(f"virtual://?test_dtype={dtype}&test_channels=3&sensor_rate_hz=20000") as board:
        samples = board.stream("test_pattern", 3000, progress=False)
    np.testing.assert_array_equal(samples, test_pattern(0, 3000, 3, dtype))


@pytest.mark.slow
def test_a_fast_stream_is_whole() -> None:
    """1.2 MB/s: 100,000 samples a second of six channels of 16 bits."""
    url = "virtual://?sensor_rate_hz=100000&test_channels=6&test_dtype=int16&buffer_kb=65536"
    with link.Board(url) as board:
        samples = board.stream("test_pattern", 300_000, progress=False)
        assert (board.lost_frames, board.damaged_frames) == (0, 0)
    np.testing.assert_array_equal(samples, test_pattern(0, 300_000, 6, "int16"))


# -- what it plays

SIX = np.random.default_rng(0).normal(0, 1, (50, 6)).astype(np.float32)


def csv_of(columns: np.ndarray, header: str, *, before: str = "", between: str = ",") -> str:
    rows = [between.join(f"{value:.9g}" for value in row) for row in columns]
    return before + header + "\n" + "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("text", "settings", "rate"),
    [
        (csv_of(SIX, "accX,accY,accZ,gyrX,gyrY,gyrZ", before="# rate_hz: 104\n"), {}, 104.0),
        (csv_of(SIX, "accX,accY,accZ,gyrX,gyrY,gyrZ"), {"sensor_rate_hz": 50}, 50.0),
        (csv_of(np.c_[np.arange(50) * 0.01, SIX], "time_s,accX,accY,accZ,gyrX,gyrY,gyrZ"), {}, 100.0),
        (csv_of(np.c_[np.arange(50) * 20, SIX], "timestamp,accX,accY,accZ,gyrX,gyrY,gyrZ"), {}, 50.0),
        (csv_of(np.c_[range(50), np.arange(50) * 2e4, SIX], "nr;t_us;accX;accY;accZ;gyrX;gyrY;gyrZ", between=";"),
         {}, 50.0),
    ],
)  # fmt: skip
def test_a_csv_of_six_columns_is_the_imu(tmp_path: Path, text: str, settings: dict[str, float], rate: float) -> None:
    path = tmp_path / "motion.csv"
    path.write_text("\ufeff" + text, "utf-8")
    sensor, source = played(path, **settings)
    assert (sensor.id, sensor.name, sensor.channels, sensor.dtype) == (2, "imu", 6, "float32")
    assert sensor.rate_hz == pytest.approx(rate)
    assert sensor.names == ("accX", "accY", "accZ", "gyrX", "gyrY", "gyrZ")
    assert sensor.units == ("g", "g", "g", "deg/s", "deg/s", "deg/s")
    np.testing.assert_array_equal(source.take(0, 120), np.tile(SIX, (3, 1))[:120])
    np.testing.assert_array_equal(source.take(48, 4), SIX[[48, 49, 0, 1]])


def test_a_csv_of_three_columns_is_an_accelerometer_on_a_real_port(tmp_path: Path) -> None:
    path = tmp_path / "wand.csv"
    path.write_text(csv_of(SIX[:, :3], "x,y,z", before="# rate_hz: 25\n# units: mg\n"))
    with link.Board(f"virtual://?speed=50&play={path}") as board:
        sensor = board.sensor("accelerometer")
        assert (sensor.id, sensor.names, sensor.units) == (2, ("x", "y", "z"), ("mg", "mg", "mg"))
        np.testing.assert_array_equal(board.stream("accelerometer", 75), np.tile(SIX[:, :3], (2, 1))[:75])


def write_wav(path: Path, samples: np.ndarray, rate: int = 8000, channels: int = 1) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, samples.dtype.itemsize, rate, 0, "NONE", ""))
        file.writeframes(samples.tobytes())


@pytest.mark.slow
def test_a_wav_file_is_the_microphone(tmp_path: Path) -> None:
    sound = np.random.default_rng(1).integers(-32768, 32768, 4000).astype("<i2")
    write_wav(tmp_path / "sound.wav", sound, rate=22050)
    with link.Board(f"virtual://?speed=5&play={tmp_path}/sound.wav") as board:
        assert board.sensor("microphone").rate_hz == 22050
        np.testing.assert_array_equal(board.stream("microphone", 9000)[:, 0], np.resize(sound, 9000))


@pytest.mark.slow
def test_a_folder_of_images_is_the_camera(tmp_path: Path) -> None:
    images = np.random.default_rng(2).integers(0, 256, (3, 20, 30)).astype(np.uint8)
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"picture_{number}.png")
    with link.Board(f"virtual://?speed=20&play={tmp_path}") as board:
        sensor = board.sensor("camera")
        assert (sensor.channels, sensor.rows, sensor.dtype, sensor.rate_hz) == (30, 20, "uint8", 100.0)
        rows = board.stream("camera", 200)
    np.testing.assert_array_equal(rows.reshape(-1, 20, 30), images[np.arange(10) % 3])


def test_coloured_images_are_rgb565(tmp_path: Path) -> None:
    colours = np.zeros((1, 6, 3), np.uint8)
    colours[0] = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (8, 4, 8), (7, 3, 7)]
    Image.fromarray(colours).save(tmp_path / "colours.png")
    sensor, source = played(tmp_path, "camera")
    assert (sensor.dtype, sensor.channels, sensor.rows) == ("uint16", 6, 1)
    assert source.take(0, 1).tolist() == [[0xF800, 0x07E0, 0x001F, 0xFFFF, 0x0821, 0]]


def write_recording(folder: Path, **sensor: object) -> None:
    told = {"channel_names": [], "units": [], "rows": 0, "width": 0, "low": None, "high": None, **sensor}
    (folder / "recording.json").write_text(json.dumps({"format": "tinyml-labs-recording", "sensor": told}))


def test_a_recording_is_played_as_its_sensor_sent_it(tmp_path: Path) -> None:
    numbers = np.r_[0:20, 35:65]  # a gap: only what arrived is played
    rows = np.c_[numbers, numbers / 119, SIX]
    (tmp_path / "samples.csv").write_text(csv_of(rows, "sample,time_s,accX,accY,accZ,gyrX,gyrY,gyrZ"))
    names = ["accX", "accY", "accZ", "gyrX", "gyrY", "gyrZ"]
    write_recording(
        tmp_path, name="imu", kind="signal", dtype="float32", nominal_rate_hz=119.0, channel_names=names,
        units=["g"] * 3 + ["rad/s"] * 3,
    )  # fmt: skip
    sensor, source = played(tmp_path)
    assert (sensor.name, sensor.rate_hz, sensor.units[5]) == ("imu", 119.0, "rad/s")
    np.testing.assert_array_equal(source.take(0, 60), np.r_[SIX, SIX[:10]])


def test_a_recording_of_one_channel_keeps_its_name_and_range(tmp_path: Path) -> None:
    (tmp_path / "samples.csv").write_text("sample,time_s,analog\n0,0.00,1023\n1,0.02,0\n2,0.04,512\n")
    told = {"kind": "signal", "dtype": "uint16", "nominal_rate_hz": 50.0, "channel_names": ["analog"]}
    write_recording(tmp_path, name="analog", units=["counts"], low=0, high=1023, **{**told})
    sensor, source = played(tmp_path, "analog")
    assert (sensor.id, sensor.name, sensor.dtype, sensor.unit) == (1, "analog", "uint16", "counts")
    assert (sensor.low, sensor.high) == (0.0, 1023.0)
    assert source.take(1, 3)[:, 0].tolist() == [0, 512, 1023]


def test_recordings_of_sound_and_images_are_played(tmp_path: Path) -> None:
    sound, images = tmp_path / "sound", tmp_path / "images"
    sound.mkdir()
    images.mkdir()
    write_wav(sound / "audio.wav", np.arange(100, dtype="<i2"), rate=16000)
    write_recording(sound, name="microphone", kind="audio", dtype="int16", nominal_rate_hz=16000.0)
    sensor, source = played(sound, "microphone")
    assert (sensor.kind, sensor.rate_hz, source.take(99, 2)[:, 0].tolist()) == (SensorKind.AUDIO, 16000.0, [99, 0])
    colours = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3)).astype(np.uint8)
    for number, image in enumerate(colours):
        Image.fromarray(image).save(images / f"image_{number:06d}.png")
    write_recording(images, name="camera", kind="image", dtype="uint16", nominal_rate_hz=2.5, rows=4, width=5)
    sensor, source = played(images, "camera")
    assert (sensor.rows, sensor.channels, sensor.rate_hz, sensor.dtype) == (4, 5, 10.0, "uint16")
    red = source.take(0, 8).reshape(2, 4, 5) >> 11
    np.testing.assert_array_equal(red, colours[..., 0] >> 3)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.csv", None, "no .*none.csv to play"),
        ("six.csv", csv_of(SIX, "a,b,c,d,e,f"), "does not say how fast.*sensor_rate_hz"),
        ("bad.csv", "# rate_hz: 10\na,b\n1,2\n3,x\n", "bad.csv: after its header, each line is 2 numbers"),
        ("one.csv", "# rate_hz: 10\na,b\n1,2\n", "holds 1 samples"),
        ("rate.csv", "# rate_hz: fast\na,b\n1,2\n3,4\n", "`# rate_hz: fast` is not a number"),
        ("time.csv", "time_s,a,b\n5,1,2\n5,3,4\n", "'time_s' does not rise"),
        ("stereo.wav", 2, "2 channels of 16 bits.*ffmpeg .*-ac 1"),
        ("empty.wav", 0, "holds no sound"),
        ("noise.wav", b"RIFF", "no WAV file"),
        ("folder", "", "holds no picture .*, and no recording.json"),
    ],
)
def test_what_cannot_be_played_says_why(tmp_path: Path, name: str, content: object, words: str) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, int):
        write_wav(path, np.zeros(40 * content, "<i2"), channels=max(1, content))
    elif content:
        path.write_text(str(content))
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        sensors(play=str(path))


def test_images_of_several_sizes_and_a_broken_description_are_refused(tmp_path: Path) -> None:
    for size in (8, 9):
        Image.new("L", (size, 8)).save(tmp_path / f"{size}.png")
    with pytest.raises(ValueError, match=r"several sizes: 8×8 \(8.png\), 9×8 \(9.png\)"):
        sensors(play=str(tmp_path))
    (tmp_path / "recording.json").write_text('{"sensor": {}}')
    with pytest.raises(ValueError, match="no description of a recording"):
        sensors(play=str(tmp_path))


def test_a_sample_has_to_fit_into_a_frame() -> None:
    with pytest.raises(link.PortError, match="'camera' has 96 bytes, .*frame_payload=64 has room for 55"):
        link.Board("virtual://?frame_payload=64")
