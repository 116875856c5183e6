"""Answers that lie on a card travel by a buffer there that the referee has allocated and lends to the candidate.

A part of `cells` (and like it standard library and numpy only). With every question the referee offers it. A candidate
whose answer lies on a card says which card, and with which shapes and dtypes; the referee checks these, allocates, and
sends a handle over the socket; the candidate copies its answer in and says so; the referee takes one copy into its own
memory and judges that. Later answers that fit take the same buffer at once.

Only the referee's memory is ever shared: it opens no handle of the candidate's, and what a candidate writes after its
answer was taken changes nothing. Whatever goes wrong on either side, the answer travels by the socket as any other.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Mapping
from typing import Any

from autoloop_kernel import wire
from autoloop_kernel.card import CardFault, Cards, Piece, find

LEAST_BYTES = 1 << 16
"""A smaller answer is by the socket as quickly as by two copies on a card."""

MOST_BUFFERS = 4
"""Each is larger than the one before and none is freed, since the candidate may have it open: an end to that."""

ALIGNED = 256
BY_CARD = "by a buffer of the referee's on the card"

Layout = list[tuple[str, str, tuple[int, ...], int]]


def layout(entries: list[tuple[str, str, tuple[int, ...]]]) -> tuple[Layout, int]:
    """Where in a buffer the arrays of checked `entries` (name, dtype, shape) begin, and how many bytes all take."""
    placed, end = Layout(), 0
    for key, name, shape in entries:
        start = -(-end // ALIGNED) * ALIGNED
        placed.append((key, name, shape, start))
        end = start + math.prod(shape) * wire.DTYPES[name].itemsize
    return placed, end


class Lender(wire.Questions):
    """The referee's end: questions whose answers may come by a buffer. `told` says how they came, in plain words.

    `told` is "" as long as no answer lay on a card.
    """

    def __init__(
        self, address: Any, token: str, answering: float = math.inf, cards: Callable[[], Cards] = find
    ) -> None:
        super().__init__(address, token, answering)
        self._find, self._offers = cards, True
        self._cards: Cards | None = None
        self._piece: Piece | None = None
        self._lent = 0
        self.told = ""

    def _exchange(self, sock: socket.socket, parcel: wire.Parcel) -> tuple[Mapping[str, Any], Any]:
        if self._piece is not None and self._cards is not None:
            try:
                self._cards.clear(self._piece)
            except CardFault as fault:
                self._give_up(f"the buffer could not be cleared: {fault}")
        wire.send(sock, {"ask": self._count, **({"card": True} if self._offers else {})}, parcel)
        header, value = wire.receive(sock, self._until)
        if not self._offers and {"card", "needs"} & set(header):
            raise ValueError("it speaks of a buffer on the card that was not offered")
        if "needs" in header:
            header, value = self._lend(sock, header["needs"])
        if "instead" in header and self._offers:
            self._give_up(f"the candidate could not use the buffer: {wire.one_line(header['instead'], 200)}")
        if "card" not in header:
            return header, value
        try:
            return header, self._taken(header)
        except CardFault as fault:
            self._give_up(f"the buffer could not be read: {fault}")
            return self._exchange(sock, parcel)  # once more, and this time by the socket

    def _give_up(self, why: str) -> None:
        """No more buffers; the first reason stands."""
        self._offers, self._piece, self.told = False, None, f"by the socket: {why}"

    def _lend(self, sock: socket.socket, needs: Any) -> tuple[dict[str, Any], Any]:
        """Lend a buffer for the answer that was announced, or refuse; returns the message that comes next."""
        place, _, size = _announced(needs)
        try:
            if self._lent == MOST_BUFFERS:
                raise CardFault(f"it was asked for more than {MOST_BUFFERS} buffers")
            self._lent += 1
            self._cards = self._cards or self._find()
            self._piece, handle = self._cards.lend(place, max(size, 1))
            self._cards.clear(self._piece)
        except CardFault as fault:
            self._give_up(f"no buffer could be lent: {fault}")
            wire.send(sock, {"refused": str(fault)})
        else:
            wire.send(sock, {"handle": handle, "place": place, "size": self._piece.size})
        header, value = wire.receive(sock, self._until)
        if "needs" in header or ("card" in header and not self._offers):
            raise ValueError("it asks for a buffer twice, or uses one that was refused")
        return header, value

    def _taken(self, header: Mapping[str, Any]) -> Any:
        """The arrays of an answer in the buffer, out of the one copy that is made of it."""
        place, placed, size = _announced(header["card"])
        if self._piece is None or self._cards is None or place != self._piece.place or size > self._piece.size:
            raise ValueError("it names a buffer on the card that was not lent, or is too small for it")
        raw = self._cards.read(self._piece, size)
        self.told = BY_CARD
        named: wire.Arrays = {}
        for key, name, shape, start in placed:
            count = math.prod(shape) * wire.DTYPES[name].itemsize
            named[key] = wire.sound(raw[start : start + count].view(wire.DTYPES[name]).reshape(shape), name)
        return named[wire.SINGLE] if list(named) == [wire.SINGLE] else named


def _announced(said: Any) -> tuple[str, Layout, int]:
    """The card, the layout and the bytes that an untrusted announcement names; `ValueError` where it is malformed."""
    place = said.get("place") if isinstance(said, dict) else None
    if not isinstance(place, str) or len(place) > 64 or not said.get("arrays"):
        raise ValueError("its word on a buffer names no card, or no array")
    placed, size = layout(wire.entries(said, wire.MAX_BYTES))
    return place, placed, size


class Borrower:
    """The candidate's end: `reply` sends an answer by the referee's buffer where it lies on a card and that works."""

    def __init__(self, cards: Callable[[], Cards] = find, least: int = LEAST_BYTES) -> None:
        self._find, self._least, self._usable = cards, least, True
        self._cards: Cards | None = None
        self._piece: Piece | None = None

    def reply(self, sock: socket.socket, asked: Mapping[str, Any], value: Any) -> None:
        """Send `value`, the answer to the question with the header `asked`."""
        tensors = _on_card(value, self._least) if self._usable and asked.get("card") is True else {}
        if not tensors:
            wire.reply(sock, asked, value)
            return
        try:
            said = self._copied(sock, asked, tensors)
        except (RuntimeError, AttributeError, TypeError) as fault:  # the driver's, torch's, or of what is no tensor
            self._usable = False
            wire.reply(sock, asked, value, {"instead": wire.one_line(fault)})
        else:
            wire.send(sock, {"ask": asked.get("ask"), "dict": isinstance(value, Mapping), "card": said})

    def _copied(self, sock: socket.socket, asked: Mapping[str, Any], tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Copy the tensors into the buffer, asking for one where there is none that fits; returns what to say of it."""
        self._cards = self._cards or self._find()
        places = {self._cards.place_of(tensor) for tensor in tensors.values()}
        if len(places) > 1:
            raise CardFault("its arrays lie on several cards")
        listed = [(key, _dtype(tensor), tuple(tensor.shape)) for key, tensor in tensors.items()]
        placed, size = layout(listed)
        said = {"place": places.pop(), "arrays": [[key, name, list(shape)] for key, name, shape in listed]}
        if self._piece is None or self._piece.place != said["place"] or self._piece.size < size:
            wire.send(sock, {"ask": asked.get("ask"), "needs": said})
            lent, _ = wire.receive(sock)
            if "handle" not in lent:
                raise CardFault(str(lent.get("refused", "the referee lent none")))
            self._piece = self._cards.borrow(lent["place"], lent["handle"], lent["size"])
        starts = [start for *_, start in placed]
        contiguous = [tensor.detach().resolve_neg().contiguous() for tensor in tensors.values()]
        self._cards.write(self._piece, zip(starts, contiguous, strict=True))
        return said


def _on_card(value: Any, least: int) -> dict[str, Any]:
    """The torch tensors of an answer by name, where all lie on cards, can travel and take `least` bytes; else none."""
    try:
        named = dict(value) if isinstance(value, Mapping) else {wire.SINGLE: value}
        fine = 0 < len(named) <= wire.MAX_ARRAYS and not (isinstance(value, Mapping) and wire.SINGLE in named)
        for key, item in named.items():
            fine = fine and isinstance(key, str) and getattr(item, "is_cuda", False) is True
            fine = fine and _dtype(item) in wire.DTYPES and len(item.shape) <= wire.MAX_DIMS
        return named if fine and sum(item.nbytes for item in named.values()) >= least else {}
    except Exception:  # an agent's object may do anything when it is looked at; by the socket it is said what
        return {}


def _dtype(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")
