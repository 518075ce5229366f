"""Standard output and error of the commands: letters that are lacking, readers that go away, disks that are full, streams that are closed."""

import io
import os
import sys

import pytest

from multirun_analysis.common.streams import command_streams


class Broken(io.StringIO):
    """A stream on which nothing can be written, in front of a file of its own."""

    def __init__(self, error, file):
        super().__init__()
        self.error, self.file = error, file

    def write(self, text):
        raise self.error

    def fileno(self):
        return self.file.fileno()


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])  # the latter is Python's own choice under LC_ALL=C
@pytest.mark.parametrize("encoding", ["ascii", "cp437", "latin-1", "utf-8"])
def test_letters_that_an_encoding_lacks_are_written_in_plain_ones(monkeypatch, encoding, errors):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=errors)
    monkeypatch.setattr(sys, "stdout", stream)
    with command_streams():
        sys.stdout.write("0.1 ± 0.2 ≤ 3 – ü 表\n")
    written = stream.buffer.getvalue().decode(encoding)
    plain = {
        "ascii": "0.1 +- 0.2 <= 3 - ? ?\n",
        "cp437": "0.1 ± 0.2 ≤ 3 - ü ?\n",
        "latin-1": "0.1 ± 0.2 <= 3 - ü ?\n",
        "utf-8": "0.1 ± 0.2 ≤ 3 – ü 表\n",
    }
    assert written == plain[encoding]


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_name_that_the_locale_could_not_read_is_shown_as_the_bytes_that_it_is(monkeypatch, encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    with command_streams():
        sys.stdout.write("\udcc3\udcbc\n")
    assert stream.buffer.getvalue() == "ü\n".encode()


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_reader_that_goes_away_ends_what_is_shown_and_not_the_work(monkeypatch, tmp_path, name):
    endings = []
    with (tmp_path / "file").open("w") as file:
        monkeypatch.setattr(sys, name, Broken(BrokenPipeError(32, "Broken pipe"), file))
        with command_streams():
            for part in range(3):
                getattr(sys, name).write(f"{part}\n")
                endings.append(part)
        assert os.path.sameopenfile(file.fileno(), os.open(os.devnull, os.O_WRONLY))
    assert endings == [0, 1, 2]


def test_output_that_cannot_be_kept_is_said_at_the_end_of_the_work(monkeypatch, tmp_path):
    endings = []

    @command_streams()
    def work():
        sys.stdout.write("a table\n")
        endings.append(1)

    with (tmp_path / "file").open("w") as file:
        monkeypatch.setattr(sys, "stdout", Broken(OSError(28, "No space left on device"), file))
        with pytest.raises(SystemExit, match=r"^the output could not be written: \[Errno 28\] No space left on device$"):
            work()
    assert endings == [1]


def test_closed_streams_take_everything(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with command_streams():
        sys.stdout.write("a table\n")
        sys.stderr.writelines(["a warning\n", "another\n"])
        assert not sys.stdout.isatty()
    assert (sys.stdout, sys.stderr) == (None, None)


def test_an_error_of_the_work_itself_goes_on(capsys):
    @command_streams()
    def work():
        sys.stdout.write("before\n")
        raise OSError("of its own")

    with pytest.raises(OSError, match="^of its own$"):
        work()
    assert capsys.readouterr().out == "before\n"
