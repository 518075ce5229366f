"""Devices: the one that a name means, what counts as too little memory, and switches that come back."""

from pathlib import Path

import pytest
import torch

from lmc_sweeps.common.checks import InputError
from lmc_sweeps.common.devices import exact_products, has_bfloat16_units, is_out_of_memory, resolve_device


def test_devices_are_resolved(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 11)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    devices = [resolve_device(name) for name in ("auto", "cpu", "cuda", "cuda:10")]
    assert devices == [torch.device(name) for name in ("cuda", "cpu", "cuda", "cuda:10")]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == torch.device("cpu")


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:01", "cpu:0", "CPU", 0, None])
def test_what_is_no_device_is_refused_with_those_that_there_are(device):
    with pytest.raises(InputError, match=f"^`device` must be one of auto, cpu, cuda, cuda:0, cuda:1, ..., got {device!r}.$"):
        resolve_device(device)


def test_errors_of_memory_are_known_whoever_raises_them():
    errors = (MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    assert [is_out_of_memory(error) for error in errors] == [True] * 3
    assert not is_out_of_memory(RuntimeError("something else"))


@pytest.mark.parametrize(("device", "within"), [("cpu", ("high", True)), ("cuda", ("highest", False))])
def test_products_are_exact_within_a_block_on_cuda_and_the_switches_come_back(monkeypatch, device, within):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        with exact_products(torch.device(device)):
            assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == within
        assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == ("high", True)
    finally:
        torch.set_float32_matmul_precision(before)


def test_units_for_bfloat16_are_those_that_the_cpu_names_in_linux(monkeypatch):
    cpuinfo = Path("/proc/cpuinfo")
    flags = set(cpuinfo.read_text().split()) if cpuinfo.exists() else set()
    if "flags" in flags:
        assert has_bfloat16_units(torch.device("cpu")) == bool(flags & {"amx_tile", "avx512_bf16"})
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: not including_emulation)
    assert has_bfloat16_units(torch.device("cuda"))


def test_a_version_of_pytorch_that_cannot_say_has_no_units(monkeypatch):
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert not has_bfloat16_units(torch.device("cpu"))
