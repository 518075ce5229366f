"""Paths that do not lead to a network file that is read here: messages that name what is there, and what to do."""

from pathlib import Path
from typing import Any

from lmc_sweeps.datasets.pickled import shown
from multirun_analysis.schema import RECORD

TAKEN = "lmc_sweeps reads safetensors files and PyTorch's state dicts and checkpoints (.pt, .pth, .ckpt, .bin)"
SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # how PyTorch's files began before version 1.6
# Where in a file, which bytes mark it as something else: what it is, and what to do.
OTHERS: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"version https://git-lfs", "a pointer of Git LFS in place of the file", "fetch the file itself with `git lfs pull`"),
    (0, b"/annex/objects/", "a pointer of git-annex in place of the file", "fetch the file itself with `git annex get`"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes them", "save its kernels and biases with safetensors.numpy.save_file"),
    (0, b"\x93NUMPY", "an array of NumPy", "save all arrays of the network with safetensors.numpy.save_file"),
    (0, b"\x1f\x8b", "compressed with gzip", "unpack it first"),
    (0, b"GGUF", "a GGUF file", "save the network's state dict with PyTorch"),
    (4, b"TFL3", "a TensorFlow Lite file", "save its kernels and biases with safetensors.numpy.save_file"),
    (257, b"ustar", "a tar archive", "unpack it first"),
    (0, b"<", "a web page or another text with tags", "download the file itself"),
    (0, LEGACY, "in PyTorch's format before 1.6", "write it again: torch.save(torch.load(FILE, weights_only=True), 'state.pt')"),
    (0, b"\x80", "a pickle, which can run code", "save its state dict with torch.save or safetensors.torch.save_file"),
)


def listed(names: Any, most: int = 12) -> str:
    """Return names of a file as a message can hold them: without letters that a terminal would obey, and not too many."""
    every = [shown(name, 100) for name in names]
    return ", ".join(every[:most]) + (f" and {len(every) - most:,} more" if len(every) > most else "")


def about_folder(path: Path) -> str:
    """Return the message for a folder in place of a file."""
    if (path / RECORD).exists():
        return (
            f"{str(path)!r} is the folder of a job, which holds no networks: lmc_sweeps.load_networks({str(path)!r}) in Python "
            "takes them out of the store. Name two files here."
        )
    try:
        names = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        return f"{str(path)!r} is a folder that cannot be read: {error.strerror}."
    if any(name.endswith(".distcp") for name in names):
        return (
            f"{str(path)!r} is a distributed checkpoint; make it one file: "
            f"torch.distributed.checkpoint.format_utils.dcp_to_torch_save({str(path)!r}, 'state.pt')."
        )
    inside = [name for name in names if name.endswith((*SUFFIXES, ".index.json"))]
    return f"{str(path)!r} is a folder; name the file of the network in it" + (f": {listed(inside)}." if inside else f" ({TAKEN}).")


def about_other_file(path: Path, head: bytes) -> str:
    """Return the message for a file of another kind, which its first bytes tell."""
    for offset, mark, kind, remedy in OTHERS:
        if head[offset:].startswith(mark):
            return f"{str(path)!r} is {kind}: {remedy}; {TAKEN}."
    return f"{str(path)!r} is not a network file that lmc_sweeps reads: it begins with {ascii(head[:16])[1:]}; {TAKEN}."
