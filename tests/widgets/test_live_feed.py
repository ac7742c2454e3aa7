"""The live plot's messages: few, complete, and in order."""

import time

import numpy as np

from tinyml_labs.widgets.live_feed import EVERY_S, LiveFeed

Sent = list[tuple[dict, list[bytes]]]


def columns(first: int, count: int) -> tuple[dict, bytes]:
    values = np.arange(2 * first, 2 * (first + count), dtype="<f4").reshape(count, 1, 2)
    return {"kind": "columns", "shape": [count, 1, 2]}, values.tobytes()


def values_of(sent: Sent) -> list[float]:
    return [
        value for content, data in sent if "columns" in content for value in np.frombuffer(data[0], "<f4").tolist()
    ]


def test_columns_leave_at_once_and_status_travels_with_them() -> None:
    sent: Sent = []
    feed = LiveFeed(lambda content, buffers: sent.append((content, buffers)))
    feed.take(*columns(0, 3))
    feed.take({"kind": "status", "span": 7}, b"")  # at once after a message: it waits
    time.sleep(EVERY_S)
    feed.take(*columns(3, 2))
    assert [content for content, _ in sent] == [
        {"kind": "live", "columns": 3},
        {"kind": "live", "columns": 2, "status": {"span": 7}},
    ]
    assert values_of(sent) == list(range(10))


def test_what_piles_up_leaves_in_few_messages_with_nothing_lost() -> None:
    sent: Sent = []
    feed = LiveFeed(lambda content, buffers: sent.append((content, buffers)))
    began = time.monotonic()
    for number in range(500):
        feed.take(*columns(number, 1))
        feed.take({"kind": "status", "span": number}, b"")
    took = time.monotonic() - began
    feed.flush()
    assert len(sent) <= 2 + took / EVERY_S
    assert values_of(sent) == list(range(1000))
    assert sent[-1][0]["status"] == {"span": 499}


def test_only_the_newest_image_is_sent() -> None:
    sent: Sent = []
    feed = LiveFeed(lambda content, buffers: sent.append((content, buffers)))
    for grey in (b"\1\2", b"\3\4", b"\5\6"):
        feed.take({"kind": "image", "shape": [1, 2]}, grey)
    feed.flush()
    assert sent == [({"kind": "live", "image": [1, 2]}, [b"\1\2"]), ({"kind": "live", "image": [1, 2]}, [b"\5\6"])]


def test_status_alone_is_sent_when_no_columns_come() -> None:
    sent: Sent = []
    feed = LiveFeed(lambda content, buffers: sent.append((content, buffers)))
    feed.flush()
    for number in range(3):
        feed.take({"kind": "status", "span": number}, b"")
        time.sleep(4 * EVERY_S)
    assert [content["status"]["span"] for content, _ in sent][-1:] == [2]


def test_another_stream_forgets_what_waits() -> None:
    sent: Sent = []
    feed = LiveFeed(lambda content, buffers: sent.append((content, buffers)))
    feed.take(*columns(0, 1))
    feed.take(*columns(1, 1))
    feed.clear()
    feed.flush()
    assert values_of(sent) == [0, 1]
