"""Memory on an NVIDIA card that one process lends to another (CUDA IPC), by the driver's own calls.

A part of `cells` (and like it standard library and numpy only). The driver's API is used rather than torch's: a handle
opens a whole allocation, and in one of torch's allocator other tensors of the lender would lie within reach. Nothing
here touches a card, or loads the driver, before `find` is called: a zygote never calls it.

The calls are those of the CUDA driver API (cuda.h), whose names and signatures stay from version to version.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

UNWRITTEN = 0xFF
"""What lent memory is filled with: NaN in every floating-point type, so that nobody scores what was left out."""

BLOCK = 2 << 20
"""Smaller allocations may share a block of this size, and a handle opens the whole block (CUDA C++ Programming Guide,
interprocess communication): only sizes that are multiples of it are lent."""

_PEER_ACCESS = 1  # CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS, the one flag that the call takes


class CardFault(RuntimeError):
    """The card, or its driver, did not do what it was asked for; the text says what, in plain words."""


@dataclass(frozen=True)
class Piece:
    """`size` bytes on the card `place` (its UUID in hex), which in this process begin at `address`."""

    place: str
    address: int
    size: int


class _Handle(ctypes.Structure):
    _fields_ = (("reserved", ctypes.c_char * 64),)


_INT, _SIZE, _ADDRESS, _POINTER = ctypes.c_int, ctypes.c_size_t, ctypes.c_uint64, ctypes.c_void_p
_CALLS: dict[str, tuple[Any, ...]] = {
    "cuInit": (ctypes.c_uint,),
    "cuDeviceGetCount": (ctypes.POINTER(_INT),),
    "cuDeviceGet": (ctypes.POINTER(_INT), _INT),
    "cuDeviceGetUuid": (_POINTER, _INT),
    "cuDevicePrimaryCtxRetain": (ctypes.POINTER(_POINTER), _INT),
    "cuCtxPushCurrent_v2": (_POINTER,),
    "cuCtxPopCurrent_v2": (ctypes.POINTER(_POINTER),),
    "cuCtxSynchronize": (),
    "cuMemAlloc_v2": (ctypes.POINTER(_ADDRESS), _SIZE),
    "cuMemsetD8_v2": (_ADDRESS, ctypes.c_ubyte, _SIZE),
    "cuMemcpyDtoH_v2": (_POINTER, _ADDRESS, _SIZE),
    "cuMemcpyDtoD_v2": (_ADDRESS, _ADDRESS, _SIZE),
    "cuIpcGetMemHandle": (ctypes.POINTER(_Handle), _ADDRESS),
    "cuIpcOpenMemHandle_v2": (ctypes.POINTER(_ADDRESS), _Handle, ctypes.c_uint),
    "cuGetErrorName": (_INT, ctypes.POINTER(ctypes.c_char_p)),
}


@functools.cache
def find() -> Cards:
    """The cards that this process may use. Raises `CardFault` where there is no driver, or no card."""
    return Cards("libcuda.so.1")


class Cards:
    """The cards of this process, through the driver `library`. Every method raises `CardFault`."""

    def __init__(self, library: str) -> None:
        try:
            self._library = ctypes.CDLL(library)
            for name, arguments in _CALLS.items():
                getattr(self._library, name).argtypes = arguments
        except (OSError, AttributeError):
            raise CardFault("there is no CUDA driver with the calls that lending takes") from None
        self._call("cuInit", 0)
        count = _INT()
        self._call("cuDeviceGetCount", ctypes.byref(count))
        self._ordinals = {self._uuid(number): number for number in range(count.value)}
        self._contexts: dict[str, int] = {}

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self._library, name)(*arguments)
        if status != 0:
            text = ctypes.c_char_p()
            self._library.cuGetErrorName(status, ctypes.byref(text))
            raise CardFault(f"{name} says {(text.value or b'').decode('ascii', 'replace') or status}")

    def _uuid(self, number: int) -> str:
        device, raw = _INT(), ctypes.create_string_buffer(16)
        self._call("cuDeviceGet", ctypes.byref(device), number)
        self._call("cuDeviceGetUuid", raw, device)
        return raw.raw.hex()

    @contextlib.contextmanager
    def _on(self, place: str) -> Iterator[None]:
        """Within it, calls go to the card `place`, by the context that torch uses as well."""
        if place not in self._ordinals:
            raise CardFault("the card is not among those that this process may use")
        if place not in self._contexts:
            context, device = _POINTER(), _INT()
            self._call("cuDeviceGet", ctypes.byref(device), self._ordinals[place])
            self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
            self._contexts[place] = context.value or 0
        self._call("cuCtxPushCurrent_v2", self._contexts[place])
        try:
            yield
        finally:
            self._call("cuCtxPopCurrent_v2", ctypes.byref(_POINTER()))

    def place_of(self, value: Any) -> str:
        """The card that a torch tensor lies on."""
        number = int(value.device.index or 0)
        for place, ordinal in self._ordinals.items():
            if ordinal == number:
                return place
        raise CardFault(f"the driver knows no card {number}")

    def lend(self, place: str, size: int) -> tuple[Piece, str]:
        """Take `size` bytes or more for lending, with nothing else beside them; returns them and what opens them."""
        address, handle, size = _ADDRESS(), _Handle(), -(-size // BLOCK) * BLOCK
        with self._on(place):
            self._call("cuMemAlloc_v2", ctypes.byref(address), size)
            self._call("cuIpcGetMemHandle", ctypes.byref(handle), address)
        return Piece(place, address.value, size), bytes(handle).hex()

    def borrow(self, place: str, handle: str, size: int) -> Piece:
        """Open what another process has lent."""
        address, raw = _ADDRESS(), bytes.fromhex(handle)
        with self._on(place):
            self._call("cuIpcOpenMemHandle_v2", ctypes.byref(address), _Handle.from_buffer_copy(raw), _PEER_ACCESS)
        return Piece(place, address.value, size)

    def clear(self, piece: Piece) -> None:
        """Fill a piece with `UNWRITTEN`; done when this returns."""
        with self._on(piece.place):
            self._call("cuMemsetD8_v2", piece.address, UNWRITTEN, piece.size)
            self._call("cuCtxSynchronize")

    def read(self, piece: Piece, size: int) -> np.ndarray[Any, Any]:
        """A copy of the first `size` bytes in this process's own memory (uint8): nobody else can change it."""
        copy = np.empty(size, dtype=np.uint8)
        with self._on(piece.place):
            self._call("cuMemcpyDtoH_v2", copy.ctypes.data, piece.address, size)
        return copy

    def write(self, piece: Piece, tensors: Iterable[tuple[int, Any]]) -> None:
        """Copy contiguous torch tensors of that card to their offsets, once all that computes them is done."""
        with self._on(piece.place):
            self._call("cuCtxSynchronize")  # whatever stream they come from
            for offset, tensor in tensors:
                self._call("cuMemcpyDtoD_v2", piece.address + offset, tensor.data_ptr(), tensor.nbytes)
            self._call("cuCtxSynchronize")
