"""CIFAR-10's archive: members that do not belong, claims of sizes, every kind of damage."""

import gzip
import re
import tarfile
import tracemalloc

import pytest
from cifar10_files import archive, batch, load, member, python2, whole

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.cifar10 import ARCHIVE, FOLDER, MOST_BYTES, Cifar10, read_archive


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (member("../x", contents=b"abc"), r"its member \.\./x is not one of cifar-10-batches-py/ and data_batch_1, .*, readme\.html"),
        (member(f"{FOLDER}/../../x"), r"its member cifar-10-batches-py/\.\./\.\./x is not one of"),
        (member("/etc/x"), "its member /etc/x is not one of"),
        (member(f"/{FOLDER}/test_batch"), "its member /cifar-10-batches-py/test_batch is not one of"),
        (member(f"{FOLDER}/other"), "its member cifar-10-batches-py/other is not one of"),
        (member(f"{FOLDER}/data_batch_1\n"), r"its member cifar-10-batches-py/data_batch_1\\n is not one of"),
        (member(f"{FOLDER}/readme.html", tarfile.SYMTYPE, linkname="/etc/passwd"), "readme.html is of type '2', not a regular file"),
        (member(f"{FOLDER}/readme.html", tarfile.LNKTYPE, linkname=f"{FOLDER}/x"), "readme.html is of type '1', not a regular file"),
        (member(f"{FOLDER}/readme.html", tarfile.CHRTYPE), "readme.html is of type '3', not a regular file"),
        (member(f"{FOLDER}/readme.html", tarfile.BLKTYPE), "readme.html is of type '4', not a regular file"),
        (member(f"{FOLDER}/readme.html", tarfile.FIFOTYPE), "readme.html is of type '6', not a regular file"),
        (member(f"{FOLDER}/readme.html", tarfile.GNUTYPE_SPARSE), "readme.html is of type 'S', not a regular file"),
        (member(f"{FOLDER}/sub", tarfile.DIRTYPE), "its member cifar-10-batches-py/sub is of type '5', not a regular file"),
        (member("x" * 200), "an extended header gives a member another name or size"),
        (member(f"{FOLDER}/readme.html", pax_headers={"path": "../x"}), "an extended header gives a member another name or size"),
        (member(f"{FOLDER}/readme.html", pax_headers={"GNU.sparse.name": "../x"}), "an extended header gives a member another name"),
        (member(f"{FOLDER}/test_batch", contents=b"abc"), "it holds test_batch twice"),
    ],
    ids=lambda value: None if isinstance(value, str) else f"{value[0].type.decode()} {value[0].name[:40]!r}",
)
@pytest.mark.parametrize("first", [True, False], ids=["before the others", "after the others"])
def test_an_archive_with_a_member_that_does_not_belong_is_refused_and_nothing_is_written(tmp_path, extra, message, first):
    if first and "twice" in message:
        extra = member(f"{FOLDER}/test_batch", contents=python2(*batch("test_batch")))  # the pickle must be sound to come that far
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    with pytest.raises(InputError, match=f"{re.escape(str(folder / ARCHIVE))} is refused: .*{message}"):
        load(folder, archive(whole(), extra, first=first))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [ARCHIVE]


def test_times_in_fractions_of_seconds_are_no_reason_to_refuse(tmp_path):
    data = load(tmp_path, archive(whole(), member(f"{FOLDER}/readme.html", mtime=1.25)))
    assert data.note == ""


def bombs() -> dict[str, tuple[bytes, str]]:
    """Return compressed archives that claim or hold far more than they should, and what is said of them."""
    raw = gzip.decompress(archive(whole()))
    sized = [member(f"{FOLDER}/readme.html", size=size) for size in (10 * 2**30, MOST_BYTES + 1)]
    headers = [info.tobuf(tarfile.GNU_FORMAT) for info, _ in sized]
    long = [member("x", kind, size=2**33)[0].tobuf(tarfile.GNU_FORMAT) for kind in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME)]
    negative = bytearray(headers[0])
    negative[124:136] = b"\xff" * 12
    negative[148:156] = b"%06o\0 " % (256 + sum(negative[:148]) + sum(negative[156:]))
    zeros = member(f"{FOLDER}/data_batch_1", size=MOST_BYTES)[0].tobuf(tarfile.GNU_FORMAT)
    pax = member("x", tarfile.XHDTYPE)[0].tobuf(tarfile.GNU_FORMAT)
    return {
        "10 GiB": (headers[0] + b"abc", r"readme\.html claims 10,737,418,240 bytes; at most 67,108,864 are read"),
        "a byte too many": (headers[1] + b"abc", r"readme\.html claims 67,108,865 bytes; at most 67,108,864 are read"),
        "less than nothing": (bytes(negative), r"readme\.html claims -1 bytes; at most"),
        "a long extended header": (long[0] + b"abc", r"its member x claims 8,589,934,592 bytes; at most 65,536 are read"),
        "a long name": (long[1] + b"abc", "its member x is of type 'L', not a regular file"),
        "claimed and not held": (zeros + b"abc", r"its member cifar-10-batches-py/data_batch_1 is shorter than 67,108,864 bytes"),
        "endless headers": (pax * 100_000, "it has more than 64 members"),
        "zeros at the end": (raw + bytes(100 * 2**20), "something follows the end of the archive"),
        "an archive after the archive": (raw + raw, "something follows the end of the archive"),
    }


@pytest.mark.parametrize("name", bombs())
def test_an_archive_that_claims_or_holds_too_much_is_refused_before_memory_is_taken(tmp_path, name):
    contents, message = bombs()[name]
    path = tmp_path / ARCHIVE
    path.write_bytes(gzip.compress(contents, 6))
    del contents
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=message):
            for _ in read_archive(path):
                pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**23 + 1032 * path.stat().st_size * (name == "claimed and not held")


def test_a_batch_of_64_mib_of_zeros_in_a_small_archive_takes_no_more_than_a_few_times_that(tmp_path):
    (tmp_path / ARCHIVE).write_bytes(gzip.compress(gzip.decompress(archive({"data_batch_1": bytes(MOST_BYTES)})), 9))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="data_batch_1 is not a pickle that is read here"):
            Cifar10(root=str(tmp_path)).load()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * MOST_BYTES


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.9999])
def test_a_truncated_archive_is_refused(tmp_path, share):
    contents = archive(whole())
    with pytest.raises(InputError, match=r"cannot be read: |is truncated|is damaged|is not a gzip"):
        load(tmp_path, contents[: int(share * len(contents))])


def test_a_truncated_archive_in_a_whole_gzip_file_is_refused(tmp_path):
    raw = gzip.decompress(archive(whole()))
    for length in (100, 512, 1000, 5000, len(raw.rstrip(b"\0")) + 100):
        with pytest.raises(InputError, match="is truncated|header of a member cannot be read|lacks"):
            load(tmp_path, gzip.compress(raw[:length], 1))


def test_an_archive_whose_checksum_is_wrong_is_refused(tmp_path):
    contents = bytearray(archive(whole()))
    contents[-8] ^= 1
    with pytest.raises(InputError, match="cannot be read: CRC check failed"):
        load(tmp_path, bytes(contents))
