"""No garbage is looked for in a block; afterwards all is as before it, after an error too."""

import gc

import pytest

from multirun_analysis.common.garbage import no_collections


@pytest.fixture
def collector():
    yield
    gc.enable()


@pytest.mark.usefixtures("collector")
@pytest.mark.parametrize("was_enabled", [True, False])
def test_it_is_as_before_afterwards(was_enabled):
    (gc.enable if was_enabled else gc.disable)()
    with no_collections():
        assert not gc.isenabled()
    assert gc.isenabled() == was_enabled
    with pytest.raises(ZeroDivisionError), no_collections():
        raise ZeroDivisionError
    assert gc.isenabled() == was_enabled
