"""Pickles read without running them: what plain data come back as, what is refused, and how much memory any of it takes."""

import pickle
import pickletools
import struct
import tracemalloc

import pytest

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets import pickled
from lmc_sweeps.datasets.pickled import CONSTANTS, MOST_INSTRUCTIONS, VALUES, Call, as_byte_matrix, as_bytes, read_pickle

PLAIN = {
    "a": [1, 2, 300, 70_000, -1, 2**40, None, True, False],
    "b": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
    "c": [[[]], {}, {"d": "é"}],
}
TWICE = ["a word that is put in the memo"] * 2


def refusal(contents: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read_pickle(contents, "FILE")
    return str(caught.value)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("value", [PLAIN, TWICE, [1], {"x": 1}, "€"])
def test_plain_data_come_back_as_pickle_itself_reads_them(value, protocol):
    contents = pickle.dumps(value, protocol)
    assert read_pickle(contents, "FILE") == value == pickle.loads(contents)


def test_bytes_of_protocol_2_are_a_call_that_was_not_made():
    call = read_pickle(pickle.dumps(b"\x00\xff", 2), "FILE")
    assert (type(call), call.name, call.arguments) == (Call, "encode", ("\x00\xff", "latin1"))
    assert as_bytes(call) == b"\x00\xff"


ADMITTED = VALUES | CONSTANTS.keys() | pickled._Machine()._instructions.keys()


@pytest.mark.parametrize("opcode", [code for code in pickletools.opcodes if code.name not in ADMITTED], ids=lambda code: code.name)
def test_every_instruction_that_is_not_needed_is_refused_by_name(opcode):
    arguments = {
        "INT": b"1\n", "LONG": b"1L\n", "LONG4": b"\1\0\0\0\1", "STRING": b"'a'\n", "UNICODE": b"a\n", "FLOAT": b"1.0\n",
        "BINFLOAT": bytes(8), "PUT": b"0\n", "GET": b"0\n", "INST": b"os\nsystem\n", "PERSID": b"1\n", "EXT1": b"\1", "EXT2": b"\1\0",
        "EXT4": b"\1\0\0\0",
    }  # fmt: skip
    contents = b"N" + opcode.code.encode("latin-1") + arguments.get(opcode.name, b"") + b"."
    expected = (
        f"FILE is not a pickle that is read here, and nothing of it was run: it has the instruction {opcode.name}, which data like these"
    )
    assert refusal(contents).startswith(expected)


def test_what_is_admitted_is_what_the_module_says():
    assert ADMITTED & {"PERSID", "BINPERSID", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "LONG4"} == set()


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"cos\nsystem\n.", "it asks for the global os.system; admitted are _codecs.encode, "),
        (b"\x8c\x02os\x8c\x06system\x93.", "it asks for the global os.system; admitted are"),
        (b"\x8c\x05numpyK\x01\x93.", "it asks for a global by something that is not a string"),
        (b"cnumpy.core\nmultiarray._reconstruct\n.", "it asks for the global numpy.core.multiarray._reconstruct; admitted"),
        (b"c_c\\x6fdecs\nencode\n.", r"it asks for the global _c\\x6fdecs.encode; admitted"),
        (b"c_codecs\ndecode\n.", "it asks for the global _codecs.decode"),
        (b"K\x01)R.", "it calls something that is not a function"),
        (b"cnumpy\ndtype\nK\x01R.", "it calls something that is not a function, or without arguments"),
        (b"cnumpy\ndtype\n)R)RN.", "it calls something that is not a function"),
        (b"cnumpy\ndtype\nNb.", "it changes an object that it has not made"),
        (b"cnumpy\ndtype\n)RK\x01bK\x02b.", "it changes an object that it has not made, or a second time"),
        (b"]Nb.", "it changes an object that it has not made"),
        (b"NNa.", "it appends to something that is not a list"),
        (b"]U\x01aNs.", "it sets items of something that is not a dict"),
        (b"}(U\x01au.", "it sets items of something that is not a dict, or a key without a value"),
        (b"}U\x01aNsC\x01aNs.", "it has the key 'a' twice"),
        (b"}(K\x01Nu.", "something that should be a string or bytes is neither"),
        (b"}U\xff" + b"a" * 255 + b"Ns.", "a key of a dict has more than 100 letters"),
        (b"NN.", "it ends with more than one object, or none"),
        (b".", "it ends with more than one object, or none"),
        (b"(N.", "it ends with more than one object, or none"),
        (b"}c_codecs\nencode\nX\x01\0\0\0aX\x04\0\0\0zlib\x86RNs.", "something that should be a string or bytes is neither"),
        (b"N" * (MOST_INSTRUCTIONS + 1) + b".", "it has more than 262,144 instructions"),
        (b"N.N", "it goes on after its end, for 1 bytes"),
        (b"\x80", "not enough data in stream to read uint1"),
    ],
)  # fmt: skip
def test_a_pickle_that_says_what_it_should_not_is_refused(contents, message):
    assert f"FILE is not a pickle that is read here, and nothing of it was run: {message}" in refusal(contents)


@pytest.mark.parametrize(
    "contents", [b"h\x05.", b"q\x00.", b"t.", b"\x86.", b"N\x86.", b"R.", b"b.", b"a.", b"Na.", b"u.", b"}u.", b"s.", b"(a."]
)
def test_a_pickle_that_uses_what_it_has_not_made_is_refused(contents):
    assert refusal(contents) == "FILE is a damaged pickle, and nothing of it was run: it uses what it has not made."


def matrix(shape: bytes, contents: bytes) -> bytes:
    """Return a pickle of an array of protocol 4."""
    head = b"\x80\x04cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01" + shape
    return head + b"cnumpy\ndtype\nX\x02\0\0\0u1\x89\x88\x87R\x89" + contents + b"tb."


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (b"\x8a\x05\0\0\0\x80\0\x8a\x05\0\0\0\x80\0\x86", "it promises 2147483648 x 2147483648 bytes and holds 3"),
        (b"\x8a\xff" + b"\x7f" * 255 + b"K\x01\x86", r"it promises 62871626394860568737\.\.\. x 1 bytes and holds 3"),
        (b"K\x00K\x00\x86", "it is not a matrix with at least one entry"),
        (b"J\xff\xff\xff\xffJ\xfd\xff\xff\xff\x86", "it is not a matrix with at least one entry"),
        (b"K\x03\x85", "it is not a matrix"),
        (b"K\x03\x88\x86", "it is not a matrix"),
        (b"]", "it is not a matrix"),
    ],
)
def test_an_array_that_promises_what_is_not_there_is_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        as_byte_matrix(read_pickle(matrix(shape, b"C\x03abc"), "FILE"))


def test_an_array_whose_bytes_are_letters_beyond_a_byte_is_refused():
    with pytest.raises(ValueError, match="'latin-1' codec can't encode"):
        as_byte_matrix(read_pickle(matrix(b"K\x01K\x01\x86", "€".encode().join([b"X\x03\0\0\0", b""])), "FILE"))


def nested(n: int) -> bytes:
    return b"]" * n + b"a" * (n - 1)


TEXT = b"X" + struct.pack("<I", 10**6) + b"a" * 10**6
BOMBS = {
    "a byte string of 2^40": b"\x8e" + struct.pack("<Q", 2**40) + b"abc.",
    "a text of 2^62": b"\x8d" + struct.pack("<Q", 2**62) + b"abc.",
    "a text of 2^64 - 1": b"\x8d" + struct.pack("<Q", 2**64 - 1) + b"abc.",
    "a byte array of 2^40": b"\x96" + struct.pack("<Q", 2**40) + b"abc.",
    "a text of 2^32 - 1": b"X" + struct.pack("<I", 2**32 - 1) + b"abc.",
    "a byte string of 2^31 - 1": b"T" + struct.pack("<i", 2**31 - 1) + b"abc.",
    "a byte string of -1": b"T" + struct.pack("<i", -1) + b"abc.",
    "an integer of 2^31 - 1 bytes": b"\x8b" + struct.pack("<i", 2**31 - 1) + b"abc.",
    "a memo of 2^32 - 1": b"Nr\xff\xff\xff\xff.",
    "a frame of 2^63": b"\x80\x04\x95" + struct.pack("<Q", 2**63) + b"N.",
    "a text encoded many times": b"](c_codecs\nencode\nq\0" + TEXT + b"q\1X\6\0\0\0latin1q\2" + b"h\0h\1h\2\x86R" * 2_500 + b"e.",
    "a text ten thousand times": TEXT + b"q\0](" + b"h\0" * 10_000 + b"e\x86.",
    "a list ten times in a list ten times in a list": b"]" + b"".join(b"q%c](" % k + b"h%c" % k * 10 + b"e" for k in range(200)) + b".",
    "nesting": nested(50_000) + b".",
    "tuples in tuples": b"N" + b"\x85" * 50_000 + b".",
    "marks": b"(" * 50_000 + b".",
    "nesting as a key": b"}" + nested(50_000) + b"Ns.",
    "tuples as a key": b"}N" + b"\x85" * 200_000 + b"Ns.",
    "nesting as arguments": b"cnumpy\ndtype\n" + b")" + b"\x85" * 25_000 + b"R.",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_no_pickle_takes_more_memory_than_its_bytes_and_instructions_warrant(name):
    tracemalloc.start()
    try:
        try:
            read_pickle(BOMBS[name], "FILE")
        except InputError:
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**26  # 64 MiB for a quarter of a million instructions; the claims are of gigabytes
