import numpy as np
import pytest

from tinyml_labs.datasets import Signal, load_signal_csv


@pytest.fixture
def csv(tmp_path):
    def write(content, name="mine.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [
        "time_s,adc\n0.00,10\n0.02,11\n0.04,12.5\n",
        "0.00,10\n0.02,11\n0.04,12.5\n",
        "Time (ms); ADC [counts]\n0;10\n20;11\n40;12,5\n",
        "timestamp_us\tadc\n1000000\t10\n1020000\t11\n1040000\t12,5\n",
        "t adc\n0.00 10\n0.02   11\n0.04 12.5\n",
        "\ufefftime_s,adc\r\n0.00,10\r\n0.02,11\r\n\r\n0.04,12.5\r\n",
        "# my board\n# rate_hz: 50\nadc\n10\n11\n12.5\n",
        "# rate_hz: 50\n10\n11\n12.5\n",
        "time_s,adc,\n0.00,10,\n0.02,11,\n0.04,12.5,\n",
        ",time_s,adc\n0,0.00,10\n1,0.02,11\n2,0.04,12.5\n",
        '"time_s","adc"\n"0.00","10"\n"0.02","11"\n"0.04","12.5"\n',
        "adc,time_s\n10,0.00\n11,0.02\n12.5,0.04\n",
        "time_s,adc\n0.00,10\n0.02,11\n0.04,12.5\n".encode("utf-16"),
    ],
)
def test_the_ways_people_write_a_csv(csv, content):
    signal = load_signal_csv(csv(content))
    assert signal.samples.dtype == np.float32
    assert signal.samples.tolist() == [10, 11, 12.5]
    np.testing.assert_allclose(signal.time_s, [0, 0.02, 0.04], atol=1e-9)
    assert signal.rate_hz == pytest.approx(50)
    assert signal.source == "mine.csv"


def test_units_and_range_are_read(csv):
    signal = load_signal_csv(csv("# full_scale: 0 4095\ntime_ms,adc_counts\n0,1\n10,2\n"))
    assert (signal.unit, signal.full_scale, signal.rate_hz) == ("counts", (0, 4095), pytest.approx(100))
    assert load_signal_csv(csv("time_s,voltage [µV]\n0,1\n.1,2\n".encode("latin-1"))).unit == "µV"
    assert load_signal_csv(csv("time_s,accel_x\n0,1\n.1,2\n")).unit == ""
    assert "2 samples at 100 Hz" in str(signal)


def test_options(csv):
    path = csv("0,5\n20,6\n40,7\n")
    with pytest.raises(ValueError, match="steps by 20.*time_unit='ms'"):
        load_signal_csv(path)
    assert load_signal_csv(path, time_unit="ms").rate_hz == pytest.approx(50)
    assert load_signal_csv(csv("5\n6\n"), rate_hz=10, full_scale=(0, 9)).full_scale == (0, 9)
    two = csv("time_s,left,right\n0,1,3\n.1,2,4\n")
    with pytest.raises(ValueError, match=r"2 value columns \('left', 'right'\).*column="):
        load_signal_csv(two)
    assert load_signal_csv(two, column="right").samples.tolist() == [3, 4]
    with pytest.raises(ValueError, match="no column 'up'. Its columns: time_s, left, right"):
        load_signal_csv(two, column="up")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "mine.csv is empty"),
        ("\r\n\n  \n", "mine.csv is empty"),
        ("# rate_hz: 50\n", "mine.csv is empty"),
        ("time_s,adc\n", "holds 0 samples"),
        ("time_s,adc\n0,1\n", "holds 1 samples, expected at least 2"),
        ("time_s,adc\n0,1\n.1,nan\n.2,oops\n.3,4\n", r"2 of 4 lines .* line 3: '.1,nan'; expected 2 finite"),
        ("# rate_hz: 50\n12\n51x\n13\n", r"1 of 3 lines .* line 3: '51x'; expected one finite number"),
        ("# rate_hz: 50\n51x\n12\n13\n", r"line 2: '51x'"),
        ("0.0,1\n0.1\n0.2,3\n", r"line 2: '0.1'; expected 2"),
        ("0.0,1\n0.1,inf\n0.2,3\n", r"line 2: '0.1,inf'"),
        ("0.0,1\n0.1,1_0\n0.2,3\n", r"line 2: '0.1,1_0'"),
        ("0.0,1\n0.2,2\n0.1,3\n", "does not rise at line 3: 0.1 after 0.2"),
        ("time_s,adc\n0.0,1\n0.0,2\n", "does not rise at line 3"),
        ("1\n2\n3\n", "Pass rate_hz=50"),
        ("1,2,3\n4,5,6\n", "3 columns and no line with names"),
        ("# rate_hz: fast\n1\n2\n", "`# rate_hz: fast` is not a number"),
        ("# rate_hz: -1\n1\n2\n", "rate of mine.csv is -1 Hz"),
        ("# full_scale: 10\n# rate_hz: 1\n1\n2\n", "expected two rising numbers"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "cannot be read|holds 0 samples"),
    ],
)
def test_errors_say_what_was_found(csv, content, message):
    with pytest.raises(ValueError, match=message):
        load_signal_csv(csv(content))


def test_no_file():
    with pytest.raises(FileNotFoundError):
        load_signal_csv("no/such/file.csv")


def signal(samples, **settings):
    samples = np.array(samples, np.float32)
    return Signal(samples=samples, time_s=np.arange(len(samples)) / 10, rate_hz=10, **settings)


def test_counts_become_angles():
    x = signal([0, 1023, 2000, 511.5], full_scale=(0, 1023)).to_x()
    assert x.shape == (4, 1)
    assert x.dtype == np.float32
    np.testing.assert_allclose(x[:, 0], [0, 2 * np.pi, 2 * np.pi, np.pi], rtol=1e-6)
    assert float(x.max()) <= 2 * np.pi
    np.testing.assert_allclose(signal([3, 5, 4]).to_x(-1, 1)[:, 0], [-1, 1, 0], atol=1e-6)


def test_a_knob_that_was_not_turned():
    with pytest.raises(ValueError, match="Every sample .* is 512.*Turn the knob"):
        signal([512, 512]).to_x()
