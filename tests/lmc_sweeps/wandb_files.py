"""The file of an offline run of wandb, read by its messages: a log of LevelDB's, whose format is public."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK, HEADER = 32768, 7  # bytes of a block, and of what stands before the wandb's own first block begins, and before every piece
FULL, LAST = 1, 4  # kinds of pieces with which a message ends; 2 and 3 are its first and middle ones


def messages(path: Path) -> Iterator[Any]:
    """Yield the messages of a run."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, position, message = path.read_bytes(), HEADER, b""
    assert data[:4] == b":W&B"
    while position < len(data):
        if BLOCK - position % BLOCK < HEADER:  # too little for a piece
            position += BLOCK - position % BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", data[position : position + HEADER])
        message += data[position + HEADER : position + HEADER + length]
        position += HEADER + length
        if kind in (FULL, LAST):
            yield Record.FromString(message)
            message = b""


def values(items: Any) -> dict[str, Any]:
    """Return what a message sets, by name: keys are in JSON, in one piece or nested."""
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}
