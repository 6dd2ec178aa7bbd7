"""Reads pickles without unpickling: the instructions are followed one by one, and nothing but plain data is made.

Python's own unpickler imports and calls whatever a file names. Here classes and functions are names only: what a file wants
to build or call becomes an `Inert` record of the name and its arguments. Nothing is imported, nothing is called. What is
made grows with the file's own size only; keys of dictionaries are plain, so that none is slow to hash.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from stylegan.errors import BadWeights


@dataclass(frozen=True)
class Name:
    """A class or function that a file names, never imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class Inert:
    """What a file would have built by calling ``name`` with ``arguments``, had it been allowed to.

    Attributes:
        state: what it would have been given afterwards, or None.
        items: entries it would have been given, as a dictionary.
    """

    name: Name
    arguments: Any
    state: Any = None
    items: dict[Any, Any] | None = None


@dataclass(frozen=True)
class Reference:
    """A persistent id: something that is stored elsewhere in the file."""

    key: Any


_MARK = object()
_PUSHED = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "UNICODE", "BINUNICODE",
    "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BINSTRING", "SHORT_BINSTRING", "STRING",
}  # fmt: skip
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": set}
_NOTHING = {"PROTO", "FRAME"}


class Reader:
    """Follows the instructions of one pickle.

    Args:
        allowed: whether a class or function may be named at all.
    """

    def __init__(self, allowed: Callable[[Name], bool]) -> None:
        self._allowed = allowed
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def read(self, file: BinaryIO) -> Any:
        """The data of the pickle that begins where ``file`` stands; leaves it behind its end.

        Raises:
            BadWeights: it is no whole pickle, or holds something that is not allowed.
        """
        try:
            for instruction, argument, _ in pickletools.genops(file):
                if instruction.name == "STOP":
                    return self._stack.pop()
                self._follow(instruction.name, argument)
        except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, MemoryError) as error:
            raise BadWeights(f"no whole pickle: {str(error)[:120] or type(error).__name__}") from None
        raise BadWeights("no whole pickle: it does not end")

    def _follow(self, instruction: str, argument: Any) -> None:
        stack = self._stack
        if instruction in _PUSHED:
            stack.append(argument)
        elif instruction in _CONSTANTS:
            stack.append(_CONSTANTS[instruction])
        elif instruction in _EMPTY:
            stack.append(_EMPTY[instruction]())
        elif instruction == "MARK":
            stack.append(_MARK)
        elif instruction not in _NOTHING:
            method = getattr(self, "_" + instruction.lower(), None)
            if method is None:
                raise BadWeights(f"it uses the instruction {instruction}, which files of weights do not need")
            method(argument)

    def _since_mark(self) -> list[Any]:
        place = len(self._stack) - 1
        while self._stack[place] is not _MARK:
            if place == 0:
                raise ValueError("a mark is missing")
            place -= 1
        taken = self._stack[place + 1 :]
        del self._stack[place:]
        return taken

    def _named(self, module: Any, name: Any) -> None:
        found = Name(str(module), str(name))
        if not self._allowed(found):
            raise BadWeights(f"it names {str(found)[:80]}, which files of weights do not need; nothing was executed")
        self._stack.append(found)

    # -- instructions, by their names in pickletools -----------------------------------------------------------------

    def _global(self, argument: str) -> None:
        self._named(*argument.split(" ", 1))

    def _stack_global(self, _: None) -> None:
        name = self._stack.pop()
        self._named(self._stack.pop(), name)

    def _reduce(self, _: None) -> None:
        arguments = self._stack.pop()
        called = self._stack.pop()
        if not isinstance(called, Name) or not isinstance(arguments, tuple):
            raise ValueError("something is called that is no name")
        self._stack.append(Inert(called, arguments))

    def _newobj(self, _: None) -> None:
        self._reduce(None)

    def _build(self, _: None) -> None:
        state = self._stack.pop()
        if not isinstance(self._stack[-1], Inert):
            raise ValueError("state is given to plain data")
        self._stack[-1].state = state

    def _binpersid(self, _: None) -> None:
        self._stack.append(Reference(self._stack.pop()))

    def _pop(self, _: None) -> None:
        self._stack.pop()

    def _pop_mark(self, _: None) -> None:
        self._since_mark()

    def _memoize(self, _: None) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _put(self, index: int) -> None:
        self._memo[int(index)] = self._stack[-1]

    def _get(self, index: int) -> None:
        self._stack.append(self._memo[int(index)])

    _binput = _long_binput = _put
    _binget = _long_binget = _get

    def _tuple(self, _: None) -> None:
        self._stack.append(tuple(self._since_mark()))

    def _tuple1(self, _: None) -> None:
        self._last(1)

    def _tuple2(self, _: None) -> None:
        self._last(2)

    def _tuple3(self, _: None) -> None:
        self._last(3)

    def _last(self, count: int) -> None:
        if len(self._stack) < count:
            raise IndexError("too few values")
        taken = tuple(self._stack[-count:])
        del self._stack[-count:]
        self._stack.append(taken)

    def _list(self, _: None) -> None:
        self._stack.append(self._since_mark())

    def _dict(self, _: None) -> None:
        taken = self._since_mark()
        self._stack.append({})
        self._set(taken)

    def _append(self, _: None) -> None:
        value = self._stack.pop()
        self._grow([value])

    def _appends(self, _: None) -> None:
        self._grow(self._since_mark())

    def _grow(self, values: list[Any]) -> None:
        if not isinstance(self._stack[-1], list):
            raise ValueError("entries are appended to what is no list")
        self._stack[-1].extend(values)

    def _additems(self, _: None) -> None:
        values = self._since_mark()
        if not isinstance(self._stack[-1], set) or not all(_plain(value) for value in values):
            raise ValueError("a set of other things than texts and numbers")
        self._stack[-1].update(values)

    def _setitem(self, _: None) -> None:
        value = self._stack.pop()
        self._set([self._stack.pop(), value])

    def _setitems(self, _: None) -> None:
        self._set(self._since_mark())

    def _set(self, values: list[Any]) -> None:
        filled = self._stack[-1]
        if isinstance(filled, Inert):
            if filled.items is None:
                filled.items = {}
            filled = filled.items
        keys = values[::2]
        if not isinstance(filled, dict) or len(values) % 2 or not all(_plain(key) for key in keys):
            raise ValueError("a dictionary with keys other than texts and numbers")
        filled.update(zip(keys, values[1::2], strict=True))


def _plain(key: Any) -> bool:
    return isinstance(key, str | int | float | bytes)


def read_pickle(data: bytes | BinaryIO, allowed: Callable[[Name], bool]) -> Any:
    """Reads one pickle; see `Reader`.

    Raises:
        BadWeights: it is no whole pickle, or holds something that is not allowed.
    """
    return Reader(allowed).read(io.BytesIO(data) if isinstance(data, bytes) else data)
