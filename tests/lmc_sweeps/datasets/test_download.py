"""Downloads, from a server on this machine: cached once, verified, over several mirrors, and what to do when none answers."""

import contextlib
import gzip
import hashlib
import http.server
import os
import re
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.datasets.cifar10 import Cifar10
from lmc_sweeps.datasets.download import fetch
from lmc_sweeps.datasets.idx import FILES, FashionMnist, IdxDataset, Kmnist, Mnist

CONTENTS = b"four score and seven years ago"
MD5 = hashlib.md5(CONTENTS).hexdigest()


class Server:
    """An HTTP server that serves `files` by name and remembers what was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"good.gz": CONTENTS, "bad.gz": CONTENTS + b"!"}
        self.requests: list[str] = []
        self.encodings: list[str | None] = []
        self.says_its_length, self.sent = True, 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                outer.requests.append(name)
                contents = outer.files.get(name)
                self.send_response(200 if contents is not None else 404)
                if outer.says_its_length:
                    self.send_header("Content-Length", str(len(contents or b"")))
                outer.encodings.append(self.headers["Accept-Encoding"])
                self.end_headers()
                with contextlib.suppress(OSError):  # of a client that leaves
                    for start in range(0, len(contents or b""), 2**20):
                        self.wfile.write((contents or b"")[start : start + 2**20])
                        outer.sent += 2**20

            def log_message(self, format: str, *args: object) -> None:
                """Stay silent."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.mirror = f"http://127.0.0.1:{self._server.server_port}/"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server(monkeypatch, tmp_path) -> Iterator[Server]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setenv("LMC_SWEEPS_DATA", str(tmp_path))
    server = Server()
    yield server
    server.close()


def dead_mirror() -> str:
    """Return the address of a port where nobody listens: it was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"


def cached_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_good_file_is_fetched_once_and_kept_in_the_folder_of_its_dataset(server, tmp_path):
    for _ in range(3):
        path = fetch("letters", "good.gz", MD5, (server.mirror,))
        assert path == tmp_path / "letters" / "good.gz"
        assert path.read_bytes() == CONTENTS
    assert server.requests == ["good.gz"]


def test_a_cached_file_needs_no_network(server, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "good.gz").write_bytes(CONTENTS)
    assert fetch("letters", "good.gz", MD5, (dead_mirror(),)).read_bytes() == CONTENTS


def test_a_damaged_cached_file_is_fetched_again(server, tmp_path):
    fetch("letters", "good.gz", MD5, (server.mirror,)).write_bytes(CONTENTS[:-1])
    assert fetch("letters", "good.gz", MD5, (server.mirror,)).read_bytes() == CONTENTS
    assert server.requests == ["good.gz", "good.gz"]


def test_a_file_with_another_checksum_is_refused_and_not_kept(server, tmp_path):
    with pytest.raises(InputError, match=rf"{server.mirror}bad\.gz: MD5 hash of downloaded file .* does not match the known hash"):
        fetch("letters", "bad.gz", MD5, (server.mirror,))
    assert cached_files(tmp_path) == []


def test_the_second_mirror_serves_where_the_first_is_dead(server):
    assert fetch("letters", "good.gz", MD5, (dead_mirror(), server.mirror)).read_bytes() == CONTENTS


def test_the_second_mirror_serves_where_the_first_has_another_file(server):
    other = Server()
    other.files["good.gz"] = b"an error page"
    try:
        assert fetch("letters", "good.gz", MD5, (other.mirror, server.mirror)).read_bytes() == CONTENTS
    finally:
        other.close()
    assert (other.requests, server.requests) == (["good.gz"], ["good.gz"])


def test_when_no_mirror_serves_the_file_the_message_gives_every_reason_and_says_what_to_do(server, tmp_path):
    dead = dead_mirror()
    with pytest.raises(InputError) as caught:
        fetch("letters", "lost.gz", MD5, (dead, server.mirror))
    lines = str(caught.value).split("\n")
    assert lines[0] == "`dataset=letters` is not in the cache and could not be downloaded."
    assert re.fullmatch(rf"  {dead}lost\.gz: .*(refused|Max retries).*", lines[1])
    assert re.fullmatch(rf"  {server.mirror}lost\.gz: 404 .*", lines[2])
    assert lines[3:] == [
        "Without a network, put lost.gz and its kind into a folder DIR and pass dataset.root=DIR, or use dataset=digits, which needs no download."
    ]
    assert cached_files(tmp_path) == []


@pytest.mark.parametrize("says_its_length", [True, False])
def test_a_mirror_that_sends_more_than_the_official_file_is_left_at_once(server, tmp_path, says_its_length):
    server.files["good.gz"] = CONTENTS + bytes(2**26)
    server.says_its_length = says_its_length
    with pytest.raises(InputError, match=rf"{server.mirror}good\.gz: it sends more bytes than the official file has, and was stopped"):
        fetch("letters", "good.gz", MD5, (server.mirror,), len(CONTENTS))
    assert cached_files(tmp_path) == []
    assert server.sent < 2**25  # of 64 MiB, what was under way


def test_a_file_of_just_its_size_is_kept_and_is_asked_for_as_it_is(server):
    assert fetch("letters", "good.gz", MD5, (server.mirror,), len(CONTENTS)).read_bytes() == CONTENTS
    assert server.encodings == ["identity"]


def test_the_sizes_and_mirrors_of_all_downloads_are_known_and_mirrors_speak_https():
    sizes = [size for dataset in (Mnist, FashionMnist, Kmnist) for size in dataset.sizes] + [Cifar10.size]
    assert len(sizes) == 13
    assert all(4_000 < size < 2**28 for size in sizes)
    assert all(mirror.startswith("https://") for dataset in (Mnist, FashionMnist, Kmnist, Cifar10) for mirror in dataset.mirrors)


def test_a_pipe_in_the_cache_is_not_waited_for(server, tmp_path):
    (tmp_path / "letters").mkdir()
    os.mkfifo(tmp_path / "letters" / "good.gz")
    with pytest.raises(
        InputError,
        match=r"letters/good\.gz must be the file of `dataset=letters` that was downloaded, and is not a regular file; remove it",
    ):
        fetch("letters", "good.gz", MD5, (server.mirror,))


def test_the_cache_may_be_written_with_a_tilde(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LMC_SWEEPS_DATA", "~/cache")
    assert fetch("letters", "good.gz", MD5, (server.mirror,)) == tmp_path / "cache" / "letters" / "good.gz"


def test_a_cache_folder_that_cannot_be_made_is_an_input_error(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("LMC_SWEEPS_DATA", str(tmp_path / "file"))
    with pytest.raises(InputError, match="`dataset=letters` is not in the cache and could not be downloaded"):
        fetch("letters", "good.gz", MD5, (server.mirror,))


def test_a_dataset_without_root_downloads_its_four_files_once(server, caplog):
    contents = [np.arange(n, dtype=np.uint8).reshape(shape) for n, shape in ((24, (4, 2, 3)), (4, (4,)), (12, (2, 2, 3)), (2, (2,)))]
    raw = [struct.pack(f">4B{a.ndim}I", 0, 0, 8, a.ndim, *a.shape) + a.tobytes() for a in contents]
    archives = [gzip.compress(part, mtime=0) for part in raw]
    server.files = {f"{name}.gz": archive for name, archive in zip(FILES, archives, strict=True)}

    class Served(IdxDataset):
        name = "served"
        mirrors = (server.mirror,)
        md5 = tuple(hashlib.md5(archive).hexdigest() for archive in archives)

    for _ in range(2):
        data = Served().load()
        np.testing.assert_array_equal(data.train.inputs.numpy(), contents[0][:, None].astype(np.float32) / np.float32(255))
        np.testing.assert_array_equal(data.test.labels.numpy(), contents[3])
        assert data.note == ""  # the official archives
    assert server.requests == [f"{name}.gz" for name in FILES]
    assert [record for record in caplog.records if record.name.startswith("lmc_sweeps")] == []
