"""The live plot's messages: few, complete, and in order."""

import numpy as np
import pytest

from tinyml_labs.widgets.live_feed import EVERY_S, LiveFeed


class Feed(LiveFeed):
    """A feed that keeps what it sends, and whose clock is ours."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sent: list[tuple[dict, list[bytes]]] = []
        super().__init__(lambda content, buffers: self.sent.append((content, buffers)), clock=lambda: self.now)

    def take_columns(self, first: int, count: int) -> None:
        values = np.arange(2 * first, 2 * (first + count), dtype="<f4").reshape(count, 1, 2)
        self.take({"kind": "columns", "shape": [count, 1, 2]}, values.tobytes())

    def take_status(self, span: int) -> None:
        self.take({"kind": "status", "span": span}, b"")

    @property
    def values(self) -> list[float]:
        parts = [data[0] for content, data in self.sent if "columns" in content]
        return np.frombuffer(b"".join(parts), "<f4").tolist()


@pytest.fixture
def feed() -> Feed:
    return Feed()


def test_columns_leave_at_once_and_status_travels_with_them(feed: Feed) -> None:
    feed.take_columns(0, 3)
    feed.take_status(7)
    assert [content for content, _ in feed.sent] == [{"kind": "live", "columns": 3}]
    feed.now += EVERY_S
    feed.take_columns(3, 2)
    assert feed.sent[1][0] == {"kind": "live", "columns": 2, "status": {"span": 7}}
    assert feed.values == list(range(10))


def test_what_piles_up_leaves_in_few_messages_with_nothing_lost(feed: Feed) -> None:
    for number in range(500):
        feed.take_columns(number, 1)
        feed.take_status(number)
        feed.now += 0.001
    feed.flush()
    assert len(feed.sent) <= 2 + 0.5 / EVERY_S
    assert feed.values == list(range(1000))
    assert feed.sent[-1][0]["status"] == {"span": 499}


def test_only_the_newest_image_is_sent(feed: Feed) -> None:
    for grey in (b"\1\2", b"\3\4", b"\5\6"):
        feed.take({"kind": "image", "shape": [1, 2]}, grey)
    feed.flush()
    assert feed.sent == [
        ({"kind": "live", "image": [1, 2]}, [b"\1\2"]),
        ({"kind": "live", "image": [1, 2]}, [b"\5\6"]),
    ]


def test_status_alone_is_sent_when_no_columns_come(feed: Feed) -> None:
    for span in range(5):
        feed.now += 0.1
        feed.take_status(span)
    assert [content["status"]["span"] for content, _ in feed.sent][-1] >= 3


def test_another_stream_forgets_what_waits(feed: Feed) -> None:
    feed.take_columns(0, 1)
    feed.take_columns(1, 1)
    feed.clear()
    feed.flush()
    assert feed.values == [0, 1]
