"""The fuzzing of readers, in small: each input is accepted or refused in the reader's own words, and cases can be made again."""

from random import Random

import pytest

from benchmarks import fuzz, fuzz_readers, mutating
from benchmarks.fuzz_base import Reader


@pytest.mark.parametrize("name", fuzz.READERS)
def test_a_reader_accepts_what_was_written_and_refuses_damage_in_its_own_words(name):
    seeds = fuzz.attack(name, range(1))
    assert (seeds.accepted, seeds.refused, seeds.crashes) == (1, 0, [])
    tally = fuzz.attack(name, range(1, 201))
    assert tally.crashes == []
    assert tally.accepted + tally.refused == 200
    assert tally.refused >= 50  # damage is noticed


def test_a_case_is_made_from_its_number():
    reader = fuzz.READERS["cifar10 archive"]
    seeds = reader.seeds()
    once, again, other = (reader.mutate(seeds, Random(f"{fuzz.SEED} x {case}")) for case in (7, 7, 8))
    assert once == again
    assert once != other


def test_what_a_reader_does_not_promise_is_a_crash_with_its_number(monkeypatch):
    def broken(path):
        raise RecursionError("too deep")

    monkeypatch.setitem(fuzz.READERS, "idx", Reader("file", 1, fuzz_readers._idx_files, mutating.by_bytes, broken))
    tally = fuzz.attack("idx", range(5, 7))
    assert [crash.partition(" at ")[0] for crash in tally.crashes] == ["case 5: RecursionError", "case 6: RecursionError"]
    assert (tally.accepted, tally.refused) == (0, 0)
