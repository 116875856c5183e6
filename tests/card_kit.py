"""Cards that are none: memory that two processes share by a file, and tensors that say that they lie on a card.

All of `lending` runs on it; what `card` alone does (the driver's calls) is the part that takes a GPU.
"""

from __future__ import annotations

import mmap
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from autoloop_kernel.card import UNWRITTEN, CardFault, Piece

PLACE = "0" * 31 + "1"


class Shared:
    """Cards as `card.Cards` shows them, of the folder `folder`; `broken` are the names of calls that fail."""

    def __init__(self, folder: Path, broken: tuple[str, ...] = (), places: tuple[str, ...] = (PLACE,)) -> None:
        self._folder, self.broken, self._places = folder, set(broken), places
        self._maps: list[mmap.mmap] = []
        self.calls: list[str] = []

    def __call__(self) -> Shared:
        """Itself, where `find` is expected."""
        return self._did("find")

    def _did(self, name: str) -> Shared:
        self.calls.append(name)
        if name in self.broken:
            raise CardFault(f"cu_{name} says CUDA_ERROR_NOT_SUPPORTED")
        return self

    def _mapped(self, path: Path, place: str, size: int) -> Piece:
        if place not in self._places:
            raise CardFault("the card is not among those that this process may use")
        with open(path, "r+b") as file:
            self._maps.append(mmap.mmap(file.fileno(), size))
        return Piece(place, len(self._maps) - 1, size)

    def place_of(self, value: Any) -> str:
        self._did("place_of")
        return self._places[value.device]

    def lend(self, place: str, size: int) -> tuple[Piece, str]:
        self._did("lend")
        path = self._folder / uuid.uuid4().hex
        path.write_bytes(bytes(size))
        return self._mapped(path, place, size), path.name

    def borrow(self, place: str, handle: str, size: int) -> Piece:
        self._did("borrow")
        return self._mapped(self._folder / handle, place, size)

    def clear(self, piece: Piece) -> None:
        self._did("clear")
        self._maps[piece.address][:] = bytes([UNWRITTEN]) * piece.size

    def read(self, piece: Piece, size: int) -> np.ndarray:
        self._did("read")
        return np.frombuffer(self._maps[piece.address][:size], np.uint8).copy()

    def write(self, piece: Piece, tensors: Any) -> None:
        self._did("write")
        for offset, tensor in tensors:
            raw = tensor.raw()
            self._maps[piece.address][offset : offset + len(raw)] = raw


class OnCard:
    """A torch tensor on the CPU that says that it lies on card `device`."""

    is_cuda = True

    def __init__(self, tensor: Any, device: int = 0) -> None:
        self._tensor, self.device = tensor, device
        self.dtype, self.shape, self.nbytes = tensor.dtype, tensor.shape, tensor.nbytes

    def detach(self) -> OnCard:
        return self

    def resolve_neg(self) -> OnCard:
        return self

    def contiguous(self) -> OnCard:
        return OnCard(self._tensor.contiguous(), self.device)

    def cpu(self) -> Any:
        return self._tensor

    def raw(self) -> bytes:
        import torch

        return self._tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
