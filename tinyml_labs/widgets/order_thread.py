"""Orders, one after the other, in a thread that ends with the one who obeys them."""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Callable
from typing import Any, Protocol

Order = dict[str, Any]

_CHECK_S = 1.0


class Obeys(Protocol):
    """Who obeys."""

    def obey(self, order: Order) -> None:
        """Do what an order says; raise nothing."""


class OrderThread:
    """Hands orders to their owner, which it does not keep alive.

    Parameters
    ----------
    owner : object with a method ``obey``
        It also gets the order ``{"do": "check"}`` when there was no other for a second.
    name : str
    """

    def __init__(self, owner: Obeys, *, name: str) -> None:
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=_work, args=(self._orders, weakref.ref(owner)), name=name, daemon=True)
        self.thread.start()
        weakref.finalize(owner, self._orders.put, None)

    def put(self, order: Order) -> None:
        """Add an order; from any thread."""
        self._orders.put(order)


def _work(orders: queue.SimpleQueue[Order | None], find: Callable[[], Obeys | None]) -> None:
    while True:
        try:
            order = orders.get(timeout=_CHECK_S)
        except queue.Empty:
            order = {"do": "check"}
        owner = None if order is None else find()
        if owner is None or order is None:
            return
        owner.obey(order)
        del owner, order  # or the wait would keep them alive
