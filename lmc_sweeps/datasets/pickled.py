"""Pickles of strings, numbers, lists and arrays of bytes, read without running anything: no object that a file names is made.

A pickle is a program; here its instructions are followed by hand. What would be a call (`REDUCE`) or a change of an object (`BUILD`)
becomes a `Call` that says which, and is never made. Nothing is copied that a pickle names several times, so that it takes memory only in
proportion to its bytes and instructions, and both are bounded.

Measured: the standard library's `pickle.Unpickler` with a `find_class` that admits nothing but these names (Python 3.11) takes memory
for byte strings and memo entries that a file of 20 bytes claims, ends the process with a segmentation fault on nested tuples as a key
of a dict, and takes duplicate keys, bytes after the end and every instruction that makes a number or a set.
"""

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmc_sweeps.common.checks import InputError

MOST_INSTRUCTIONS = 2**18  # a list of 10,000 names takes eight for each, where Python 3 wrote what Python 2 could read
GLOBALS = {
    "_codecs encode": "encode",  # byte strings, as Python 3 writes them for protocol 2
    "numpy dtype": "dtype",
    "numpy ndarray": "ndarray",
    "numpy.core.multiarray _reconstruct": "array",
    "numpy._core.multiarray _reconstruct": "array",  # NumPy 2
    "numpy.core.numeric _frombuffer": "buffer",  # protocol 5
    "numpy._core.numeric _frombuffer": "buffer",
}
OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
VALUES = frozenset((
    "BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING", "SHORT_BINSTRING", "BINBYTES",
    "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
))  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Global:
    """What a pickle asks for by name, if it is one of `GLOBALS`."""

    name: str


@dataclass(eq=False, slots=True)
class Call:
    """A call that a pickle asks for and that is never made; `state` is what the pickle would then put into the result."""

    name: str
    arguments: tuple[Any, ...]
    state: Any = None


def read_pickle(contents: bytes, file: str) -> Any:
    """Return what a pickle holds: None, numbers, strings, lists, tuples, dicts with strings as keys, and `Call` for everything else.

    Parameters
    ----------
    contents : bytes
    file : str
        Its name, with that of the member of an archive, for messages.

    Raises
    ------
    InputError
        If it is damaged, or asks for anything that such data do not need. Nothing of it has been run.
    """
    machine, stream = _Machine(), io.BytesIO(contents)
    try:
        for _ in range(MOST_INSTRUCTIONS):
            code = stream.read(1).decode("latin-1")
            opcode = OPCODES.get(code)
            if opcode is None:
                raise ValueError(f"it has the instruction {code!r}, which there is not" if code else "it ends before its last instruction")
            machine.check(opcode.name)  # before its argument is read
            if opcode.name == "GLOBAL":  # as `pickle` reads it: pickletools would take backslashes for escapes
                argument: Any = " ".join(stream.readline()[:-1].decode() for _ in range(2))
            else:
                argument = opcode.arg.reader(stream) if opcode.arg is not None else None
            machine.step(opcode.name, argument)
            if opcode.name == "STOP":
                break
        else:
            raise ValueError(f"it has more than {MOST_INSTRUCTIONS:,} instructions")
        if stream.tell() != len(contents):
            raise ValueError(f"it goes on after its end, for {len(contents) - stream.tell():,} bytes")
        return machine.result()
    except ValueError as error:
        raise InputError(f"{file} is not a pickle that is read here, and nothing of it was run: {shown(error)}.") from error
    except (IndexError, KeyError) as error:  # of the stack and of the memo
        raise InputError(f"{file} is a damaged pickle, and nothing of it was run: it uses what it has not made.") from error


def shown(value: object, most: int = 700) -> str:
    """Return a text as a message can hold it, of `most` letters."""
    text = str(value)
    return ascii(text)[1:-1] if len(text) <= most else f"{ascii(text[:most])[1:-1]}..."


class _Machine:
    """The stack, the stacks below each mark, and the memo of a pickle."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._instructions: dict[str, Callable[[Any], None]] = {
            "PROTO": self._skip, "FRAME": self._skip, "STOP": self._skip, "MARK": self._mark,
            "EMPTY_DICT": lambda _: self._stack.append({}), "EMPTY_LIST": lambda _: self._stack.append([]),
            "EMPTY_TUPLE": lambda _: self._stack.append(()), "TUPLE": self._marked_tuple,
            "TUPLE1": lambda _: self._tuple(1), "TUPLE2": lambda _: self._tuple(2), "TUPLE3": lambda _: self._tuple(3),
            "BINPUT": self._put, "LONG_BINPUT": self._put, "MEMOIZE": lambda _: self._put(len(self._memo)),
            "BINGET": self._get, "LONG_BINGET": self._get, "GLOBAL": self._global, "STACK_GLOBAL": self._stack_global,
            "REDUCE": self._reduce, "BUILD": self._build, "APPEND": lambda _: self._extend([self._stack.pop()]),
            "APPENDS": lambda _: self._extend(self._marked()), "SETITEM": lambda _: self._set(self._last(2)),
            "SETITEMS": lambda _: self._set(self._marked()),
        }  # fmt: skip

    def check(self, name: str) -> None:
        """Raise `ValueError` unless an instruction is one of those that are followed."""
        if name not in VALUES and name not in CONSTANTS and name not in self._instructions:
            raise ValueError(f"it has the instruction {name}, which data like these do not need")

    def step(self, name: str, argument: Any) -> None:
        """Follow one instruction."""
        if name in VALUES:
            self._stack.append(argument)
        elif name in CONSTANTS:
            self._stack.append(CONSTANTS[name])
        else:
            self._instructions[name](argument)

    def result(self) -> Any:
        """Return the one object that is left at the end."""
        if len(self._stack) != 1 or self._below:
            raise ValueError("it ends with more than one object, or none")
        return self._stack[0]

    def _skip(self, _: Any) -> None:
        """Do nothing: what these say (protocol, length of a frame, end) is checked by the parser or not needed."""

    def _mark(self, _: Any) -> None:
        self._below.append(self._stack)
        self._stack = []

    def _marked(self) -> list[Any]:
        values, self._stack = self._stack, self._below.pop()
        return values

    def _last(self, n: int) -> list[Any]:
        if len(self._stack) < n:
            raise IndexError
        values = self._stack[-n:]
        del self._stack[-n:]
        return values

    def _tuple(self, n: int) -> None:
        self._stack.append(tuple(self._last(n)))

    def _marked_tuple(self, _: Any) -> None:
        values = tuple(self._marked())  # on a line of its own, for it changes the stack
        self._stack.append(values)

    def _put(self, key: int) -> None:
        self._memo[key] = self._stack[-1]

    def _get(self, key: int) -> None:
        self._stack.append(self._memo[key])

    def _global(self, name: Any) -> None:
        if name not in GLOBALS:
            admitted = ", ".join(key.replace(" ", ".") for key in GLOBALS)
            raise ValueError(f"it asks for the global {str(name)[:200].replace(' ', '.')}; admitted are {admitted}")
        self._stack.append(Global(GLOBALS[name]))

    def _stack_global(self, _: Any) -> None:
        module, name = self._last(2)
        if type(module) is not str or type(name) is not str:
            raise ValueError("it asks for a global by something that is not a string")
        self._global(f"{module[:100]} {name[:100]}")

    def _reduce(self, _: Any) -> None:
        function, arguments = self._last(2)
        if not isinstance(function, Global) or type(arguments) is not tuple:
            raise ValueError("it calls something that is not a function, or without arguments")
        self._stack.append(Call(function.name, arguments))

    def _build(self, _: Any) -> None:
        state = self._stack.pop()
        call = self._stack[-1]
        if not isinstance(call, Call) or call.state is not None:
            raise ValueError("it changes an object that it has not made, or a second time")
        call.state = state

    def _extend(self, values: list[Any]) -> None:
        if type(self._stack[-1]) is not list:
            raise ValueError("it appends to something that is not a list")
        self._stack[-1].extend(values)

    def _set(self, values: list[Any]) -> None:
        items = self._stack[-1]
        if type(items) is not dict or len(values) % 2:
            raise ValueError("it sets items of something that is not a dict, or a key without a value")
        for key, value in zip(values[::2], values[1::2], strict=True):
            word = as_word(key)
            if word in items:
                raise ValueError(f"it has the key {word[:100]!r} twice")
            items[word] = value


def as_bytes(value: Any) -> bytes:
    """Return the bytes that a pickle gives as bytes, as strings of Python 2, or as Latin-1 text to be encoded; else raise `ValueError`."""
    if isinstance(value, Call) and value.name == "encode" and len(value.arguments) == 2 and value.arguments[1] == "latin1":
        value = value.arguments[0]
    if isinstance(value, str):
        return value.encode("latin-1")
    if not isinstance(value, bytes | bytearray):
        raise ValueError("something that should be a string or bytes is neither")
    return bytes(value)


def as_word(value: Any) -> str:
    """Return bytes as text, as the keys of a dict are read; `ValueError` if they are not bytes, or too long."""
    word = as_bytes(value)
    if len(word) > 100:
        raise ValueError("a key of a dict has more than 100 letters")
    return word.decode("latin-1")


def as_byte_matrix(value: Any) -> np.ndarray:
    """Return a matrix of unsigned bytes that a pickle describes, or raise `ValueError`; it is a view of the bytes that are there."""
    if isinstance(value, Call) and value.name == "array" and type(value.state) is tuple and len(value.state) == 5:
        _, shape, kind, is_fortran, buffer = value.state
    elif isinstance(value, Call) and value.name == "buffer" and len(value.arguments) == 4:
        buffer, kind, shape, order = value.arguments
        is_fortran = order != "C"
    else:
        raise ValueError("it is not an array of NumPy")
    if not (isinstance(kind, Call) and kind.name == "dtype" and kind.arguments[:1] == ("u1",)):
        raise ValueError("it is an array of something other than unsigned bytes")
    if type(shape) is not tuple or len(shape) != 2 or not all(type(n) is int and n > 0 for n in shape):
        raise ValueError("it is not a matrix with at least one entry")
    if is_fortran is not False:
        raise ValueError("its entries lie column by column; only row by row is read")
    contents = as_bytes(buffer)
    if shape[0] * shape[1] != len(contents):
        raise ValueError(f"it promises {shown(shape[0], 20)} x {shown(shape[1], 20)} bytes and holds {len(contents):,}")
    return np.frombuffer(contents, dtype=np.uint8).reshape(shape)
