"""Edge Impulse's data acquisition format, held against what Edge Impulse itself has published and signed."""

import contextlib
import hashlib
import hmac
import json
import struct
from pathlib import Path

import cbor2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from tinyml_labs.capture.csv_log import decode_csv_capture
from tinyml_labs.capture.edge_impulse import (
    edge_impulse_file_name,
    edge_impulse_label,
    edge_impulse_labels,
    from_edge_impulse,
    to_edge_impulse,
)

KEY = "fed53116f20684c067774ebf9e7bcbdc"  # of the examples in Edge Impulse's documentation
ACCELEROMETER = {"channel_names": ("accX", "accY", "accZ"), "units": ("m/s2", "m/s2", "m/s2")}


def documented(interval: bytes, issued_at: int | None, signature: str) -> bytes:
    """The example of Edge Impulse's documentation, as its C SDK encodes it, byte by byte and without our code."""

    def text(string: str) -> bytes:
        return (bytes([0x60 + len(string)]) if len(string) < 24 else bytes([0x78, len(string)])) + string.encode()

    def shortest(value: float) -> bytes:
        half = struct.unpack(">e", struct.pack(">e", value))[0]
        return b"\xf9" + struct.pack(">e", value) if half == value else b"\xfa" + struct.pack(">f", value)

    rows = [(-9.81, 0.03, 1.21), (-9.83, 0.04, 1.28), (-9.12, 0.03, 1.23), (-9.14, 0.01, 1.25)]
    issued = b"" if issued_at is None else text("iat") + b"\x1a" + struct.pack(">I", issued_at)
    return b"".join(
        [
            b"\xa3",
            text("protected") + (b"\xa3" if issued else b"\xa2"),
            text("ver") + text("v1") + text("alg") + text("HS256") + issued,
            text("signature") + text(signature),
            text("payload") + b"\xa5",
            text("device_name") + text("ac:87:a3:0a:2d:1b") + text("device_type") + text("DISCO-L475VG-IOT01A"),
            text("interval_ms") + interval,
            text("sensors") + b"\x83",
            *(b"\xa2" + text("name") + text(f"acc{axis}") + text("units") + text("m/s2") for axis in "XYZ"),
            text("values") + b"\x9f",
            *(b"\x83" + b"".join(map(shortest, row)) for row in rows),
            b"\xff",
        ]
    )


@pytest.mark.parametrize(
    ("interval", "issued_at", "signature"),
    [  # the README of edgeimpulse/ingestion-sdk-c, and docs.edgeimpulse.com, "Data acquisition format", CBOR
        (b"\xf9\x49\x00", None, "f0bc94ee616f902a5dbce2a32f3946873831a746b8019bb3b3eb0850a9b17048"),
        (b"\x0a", 1564138813, "b0ee0572a1984b93b6bc56e6576e2cbbd6bccd65d0c356e26b31bbc9a48210c6"),
    ],
)
def test_the_signatures_that_edge_impulse_has_published_are_valid(interval, issued_at, signature):
    data = documented(interval, issued_at, signature)
    sample = from_edge_impulse(data, hmac_key=KEY)
    assert sample.signature == "valid"
    assert (sample.rate_hz, sample.issued_at, sample.format) == (100.0, issued_at, "cbor")
    assert (sample.device_name, sample.device_type) == ("ac:87:a3:0a:2d:1b", "DISCO-L475VG-IOT01A")
    assert (sample.channel_names, sample.units) == (ACCELEROMETER["channel_names"], ACCELEROMETER["units"])
    np.testing.assert_array_equal(sample.samples[1], np.float32([-9.83, 0.04, 1.28]))
    assert sample.samples.shape == (4, 3)
    assert from_edge_impulse(data, hmac_key="another key").signature == "invalid"
    assert from_edge_impulse(data).signature == "not checked"


def test_we_sign_as_the_documentations_python_example_does():
    """It encodes with zeros, signs, and encodes again; so does the Node.js example, without the spaces."""
    document = {
        "protected": {"ver": "v1", "alg": "HS256", "iat": 1564128599},
        "signature": "0" * 64,
        "payload": {
            "device_name": "ac:87:a3:0a:2d:1b",
            "device_type": "DISCO-L475VG-IOT01A",
            "interval_ms": 10,
            "sensors": [{"name": f"acc{axis}", "units": "m/s2"} for axis in "XYZ"],
            "values": [[-9.81, 0.03, 1.21], [-9.83, 0.04, 1.27]],
        },
    }
    for separators in ((",", ":"), (", ", ": ")):
        encoded = json.dumps(document, separators=separators)
        document["signature"] = hmac.new(KEY.encode(), encoded.encode(), hashlib.sha256).hexdigest()
        theirs = json.dumps(document, separators=separators).encode()
        assert from_edge_impulse(theirs, hmac_key=KEY).signature == "valid"
        if separators == (",", ":"):
            assert theirs == to_edge_impulse(
                np.array(document["payload"]["values"]),
                rate_hz=100,
                **ACCELEROMETER,
                device_name="ac:87:a3:0a:2d:1b",
                device_type="DISCO-L475VG-IOT01A",
                hmac_key=KEY,
                issued_at=1564128599,
            )
        document["signature"] = "0" * 64


@pytest.mark.parametrize("format", ["json", "cbor"])
@settings(max_examples=60, deadline=None)
@given(
    samples=st_numpy.arrays(
        st.sampled_from([np.float64, np.float32, np.int16, np.uint8]),
        st.tuples(st.integers(1, 20), st.integers(1, 4)),
        elements={"allow_nan": False, "allow_infinity": False},
    ),
    rate_hz=st.one_of(st.sampled_from([62.5, 100.0, 104.0, 119.0, 16_000.0, 1 / 3]), st.floats(0.01, 1e5)),
    text=st.text(max_size=10),
    key=st.sampled_from(["", KEY, "ключ"]),
)
def test_what_goes_out_comes_in(format, samples, rate_hz, text, key):  # noqa: A002
    channels = samples.shape[1]
    names = [f"{k}{text}" for k in range(channels)]
    data = to_edge_impulse(
        samples,
        rate_hz=rate_hz,
        channel_names=names,
        units=[text] * channels,
        device_name=text,
        hmac_key=key,
        format=format,
    )
    sample = from_edge_impulse(data, hmac_key=key or None)
    np.testing.assert_array_equal(sample.samples, samples.astype(np.float64))
    assert sample.samples.dtype == np.float64
    assert sample.rate_hz == pytest.approx(rate_hz, rel=1e-15)
    assert (sample.channel_names, sample.units) == (tuple(names), (text,) * channels)
    assert (sample.device_name, sample.device_type, sample.issued_at) == (text, "TINYML_LABS", None)
    assert (sample.format, sample.signature) == (format, "valid" if key else "none")


@pytest.mark.parametrize("rate_hz", [62.5, 100.0, 104.0, 104.16, 119.0, 125 / 3, 16_000.0, 44_100.0, 1 / 3])
def test_a_round_rate_survives_its_interval(rate_hz):
    document = json.loads(to_edge_impulse([1], rate_hz=rate_hz, channel_names=["x"], units=["V"]))
    assert from_edge_impulse(json.dumps(document).encode()).rate_hz == rate_hz
    document["payload"]["interval_ms"] = float(np.float32(1000 / rate_hz))
    assert from_edge_impulse(json.dumps(document).encode()).rate_hz == pytest.approx(rate_hz, rel=1e-7)


@pytest.mark.parametrize("format", ["json", "cbor"])
@settings(max_examples=100, deadline=None)
@given(at=st.integers(0, 10_000), change=st.integers(1, 255))
def test_an_altered_file_is_never_valid(format, at, change):  # noqa: A002
    data = bytearray(to_edge_impulse(np.eye(3), rate_hz=100, **ACCELEROMETER, hmac_key=KEY, format=format))
    data[at % len(data)] ^= change
    try:
        sample = from_edge_impulse(bytes(data), hmac_key=KEY)
    except ValueError:
        return
    assert sample.signature == "invalid"


def test_a_device_that_is_called_what_the_signature_is_does_no_harm():
    data = to_edge_impulse(
        [1.5], rate_hz=1, channel_names=["0" * 64], units=["V"], device_name="0" * 64, hmac_key=KEY
    )
    assert from_edge_impulse(data, hmac_key=KEY).signature == "valid"
    unsigned = to_edge_impulse([1.5], rate_hz=1, channel_names=["x"], units=["V"])
    assert json.loads(unsigned)["signature"] == "0" * 64
    assert from_edge_impulse(unsigned, hmac_key=KEY).signature == "none"


def test_one_sensors_values_are_flat_and_whole_numbers_stay_whole():
    audio = np.array([-192, 0, 32767], np.int16)
    data = to_edge_impulse(audio, rate_hz=16_000, channel_names=["audio"], units=["wav"])
    payload = json.loads(data)["payload"]
    assert (payload["values"], payload["interval_ms"]) == ([-192, 0, 32767], 0.0625)
    assert b"-192,0,32767" in data
    assert "device_name" not in payload
    assert from_edge_impulse(data).samples.tolist() == [[-192], [0], [32767]]
    assert from_edge_impulse(data.replace(b"-192,0", b"[-192],[0]")).samples.tolist() == [[-192], [0], [32767]]


def test_cbor_holds_each_number_in_its_shortest_exact_form_and_the_fields_in_order():
    data = to_edge_impulse(
        np.float32([[1.5, 0.1]]), rate_hz=100, channel_names=["a", "b"], units=["g", "g"], format="cbor"
    )
    assert data.endswith(b"\x81\x82\xf9\x3e\x00\xfa" + struct.pack(">f", 0.1))
    assert list(cbor2.loads(data)) == ["protected", "signature", "payload"]


def test_reads_samples_that_follow_the_header_as_the_documentation_shows():
    """A header of CBOR, and 16-bit samples after it: the documentation's form for audio."""
    header = {
        "protected": {"ver": "v1", "alg": "HS256"},
        "signature": "0" * 64,
        "payload": {
            "device_type": "DISCO_L475VG_IOT01A",
            "interval_ms": 0.0625,
            "sensors": [{"name": "audio", "units": "wav"}],
            "values": [],
        },
    }
    for reference, values in (("Ref-BINARY-i16", "<i2"), ("Ref-Binary-f32  ", "<f4"), ("Ref-BINARY-u8", "u1")):
        want = np.array([25, 250, 24, 231]).astype(values)
        data = cbor2.dumps(header)[:-1] + b"\x9f" + cbor2.dumps(reference) + b"\xff" + want.tobytes()
        data = data.replace(b"0" * 64, hmac.new(KEY.encode(), data, hashlib.sha256).hexdigest().encode())
        sample = from_edge_impulse(data, hmac_key=KEY)
        assert sample.samples.tolist() == [[value] for value in want.tolist()]
        assert (sample.signature, sample.rate_hz) == ("valid", 16_000)
        if values != "u1":
            with pytest.raises(ValueError, match="Was the file cut"):
                from_edge_impulse(data[:-1])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_does_not_go_out(bad):
    samples = np.zeros((5, 3))
    samples[3, 1] = bad
    with pytest.raises(ValueError, match=f"Sample 3 holds {bad} in channel 1"):
        to_edge_impulse(samples, rate_hz=100, **ACCELEROMETER)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"samples": np.zeros((0, 3))}, "at least one"),
        ({"samples": np.zeros((2, 2, 2))}, r"shape \(2, 2, 2\)"),
        ({"samples": np.array([["a", "b", "c"]])}, "dtype <U1; expected numbers"),
        ({"channel_names": ["x"]}, "expected 3 texts"),
        ({"units": "m/s2"}, "expected 3 texts"),
        ({"channel_names": ["x", "", "z"]}, "needs names"),
        ({"rate_hz": 0.0}, "rate_hz is 0.0"),
        ({"rate_hz": float("inf")}, "rate_hz is inf"),
        ({"device_type": ""}, "needs names"),
        ({"format": "csv"}, "expected 'json' or 'cbor'"),
    ],
)
def test_what_does_not_fit_does_not_go_out(changed, says):
    with pytest.raises(ValueError, match=says):
        to_edge_impulse(**{"samples": np.zeros((2, 3)), "rate_hz": 100, **ACCELEROMETER, **changed})


@pytest.mark.parametrize("format", ["json", "cbor"])
@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        ("values", [[1, 2, 3], [1, 2]], r"values\[1\] is \[1, 2\] \(list\); expected 3 numbers"),
        ("values", [[1, 2, 3], 4], r"values\[1\] is 4 \(int\); expected 3 numbers"),
        ("values", [[1, 2, None]], r"values\[0\] holds None"),
        ("values", [[1, 2, True]], r"values\[0\] holds True"),
        ("values", [[1, 2, "3"]], r"values\[0\] holds '3' \(str\); expected a finite number"),
        ("values", [[1, 2, float("nan")]], r"values\[0\] holds nan"),
        ("values", [[1, 2, 10**400]], r"values\[0\] holds 1000"),
        ("values", [], "holds no samples"),
        ("values", {"a": 1}, "'values' of payload is .* expected list"),
        ("values", ["Ref-BINARY-image/jpeg (1234 bytes) 00"], "attachment .image/jpeg. that is not in it"),
        ("values", ["Ref-BINARY-i16"], "expected one sensor"),
        ("values", ["cat"], "'cat'"),
        ("interval_ms", 0, "expected the milliseconds between samples"),
        ("interval_ms", float("inf"), "expected the milliseconds between samples"),
        ("interval_ms", "10", "'interval_ms' of payload is '10' .str.; expected int or float"),
        ("sensors", [], "payload.sensors is empty"),
        ("sensors", [{"units": "g"}], "sensor 1 has no 'name'. It has 'units'"),
        ("sensors", ["accX"], "sensor 1 is 'accX'"),
    ],
)
def test_irregular_content_is_named(format, where, value, says):  # noqa: A002
    document = json.loads(to_edge_impulse(np.eye(3), rate_hz=100, **ACCELEROMETER))
    document["payload"][where] = value
    data = json.dumps(document).encode() if format == "json" else cbor2.dumps(document)
    with pytest.raises(ValueError, match=says):
        from_edge_impulse(data)


def test_what_is_missing_is_named():
    document = json.loads(to_edge_impulse(np.eye(3), rate_hz=100, **ACCELEROMETER))
    without = {key: value for key, value in document["payload"].items() if key != "interval_ms"}
    with pytest.raises(ValueError, match="payload has no 'interval_ms'. It has 'device_type', 'sensors', 'values'"):
        from_edge_impulse(json.dumps({**document, "payload": without}).encode())
    with pytest.raises(ValueError, match="version is 'v2'; expected 'v1'"):
        from_edge_impulse(json.dumps({**document, "protected": {"ver": "v2", "alg": "none"}}).encode())
    assert from_edge_impulse(json.dumps({"payload": document["payload"]}).encode()).signature == "none"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"RIFF\0\0\0\0WAVEfmt ", "a WAV file"),
        (b"\x89PNG\r\n", "an image"),
        (b"PK\x03\x04", "unpack it"),
        (b"accX,accY\n1,2\n", "decode_csv_capture"),
        (b"\x00\xff\x80", "bytes that begin with 00 ff 80"),
        (b'{"protected": {"ver"', "begins as JSON and cannot be read .* 20 bytes"),
        (b'{"version":1,"files":[]}', "info.labels"),
        (b"{}", "has no 'payload'. It has no fields"),
        (b"\xa3ip", "begins as CBOR"),
        (b"[" * 100_000, "text that begins"),
        (b'{"a":' * 100_000, "begins as JSON"),
        (b"\xa1\x00" * 100_000, "begins as CBOR"),
        (b"\xbf\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "begins as CBOR"),
        (cbor2.dumps({"payload": 1}), "payload' of the file is 1"),
    ],
)
def test_another_file_is_refused_with_what_it_is(data, says):
    with pytest.raises(ValueError, match=says):
        from_edge_impulse(data)


def test_two_files_in_one_are_refused():
    data = to_edge_impulse(np.eye(3), rate_hz=100, **ACCELEROMETER, format="cbor")
    with pytest.raises(ValueError, match="follow the document"):
        from_edge_impulse(data + data)


@settings(max_examples=500, deadline=None)
@given(
    data=st.binary(max_size=60).flatmap(
        lambda tail: st.sampled_from([b"", b"{", b"\xa1", b"\xa3\x69protected"]).map(lambda head: head + tail)
    ),
    format=st.sampled_from(["json", "cbor"]),
    cut=st.integers(0, 400),
)
def test_garbage_and_cut_files_are_refused_and_nothing_worse(data, format, cut):  # noqa: A002
    whole = to_edge_impulse(np.eye(3), rate_hz=100, **ACCELEROMETER, format=format)
    for broken in (data, whole[: cut % len(whole)], whole[: cut % len(whole)] + data + whole[cut % len(whole) :]):
        with contextlib.suppress(ValueError):
            assert from_edge_impulse(broken).samples.shape[1] == 3


def test_the_label_is_the_first_part_of_the_name():
    name = edge_impulse_file_name("left-right", "20261122T101530Z", "cbor")
    assert name == "left-right.20261122T101530Z.cbor"
    assert edge_impulse_label(name) == "left-right"
    assert edge_impulse_label("testing/Circle.unknown.4ac7bs35.ingestion-6c557c666b-v6vg7.json") == "Circle"
    for label in ("", "a.b", "a/b", "a\n"):
        with pytest.raises(ValueError, match="cannot be the first part"):
            edge_impulse_file_name(label, "1")


def test_the_labels_of_an_export_are_read_from_its_list():
    entries = [
        {"path": "a.1.json", "category": "training", "label": {"type": "label", "label": "v1.2 fault"}},
        {"path": "b.2.json", "category": "training", "label": {"type": "unlabeled"}},
        {"path": "c.3.json", "category": "testing", "label": "idle"},
        {"path": "d.4.json", "category": "testing"},
    ]
    labels = edge_impulse_labels(json.dumps({"version": 1, "files": entries}).encode())
    assert labels == {"a.1.json": "v1.2 fault", "c.3.json": "idle"}
    for bad in (b"", b"[]", b"{}", b'{"files":[1]}', b'{"files":{"a":1}}'):
        with pytest.raises(ValueError, match=r"no info\.labels"):
            edge_impulse_labels(bad)


def test_real_recordings_go_out_and_come_in(real_data: Path):
    """These came as Edge Impulse's JSON, and are kept as CSV."""
    path = sorted((real_data / "imu" / "xiao_continuous" / "circle").glob("*.csv"))[0]
    capture = decode_csv_capture(path)
    for format in ("json", "cbor"):  # noqa: A001
        data = to_edge_impulse(
            capture.rows,
            rate_hz=104,
            channel_names=capture.report.channel_names,
            units=["g"] * 3,
            hmac_key=KEY,
            format=format,
        )
        sample = from_edge_impulse(data, hmac_key=KEY)
        np.testing.assert_array_equal(sample.samples, capture.rows)
        assert (sample.signature, sample.rate_hz, sample.channel_names) == ("valid", 104, ("accX", "accY", "accZ"))
