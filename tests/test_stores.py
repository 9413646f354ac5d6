"""Stored activations in parts: computed in any number of visits, read in any order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmgo.errors import MachineError
from esmgo.learn.activations import Store
from esmgo.learn.ranks import ALONE
from esmgo.learn.stop import Stopped, StopRequest
from esmgo.learn.stores import NotStored, Stores
from esmgo.model.scoring import Budget

LENGTHS = np.random.default_rng(0).integers(2, 30, 300)
IDS = [f"p{i}" for i in range(len(LENGTHS))]


def opened(folder, rows):
    order = np.argsort(-LENGTHS, kind="stable")
    stores = Stores(folder, order, rows, 2, np.dtype(np.float32), ALONE)
    stores.open("f", IDS)
    return stores


def values(rows):
    """The value of a row is the number of its protein and its place in it."""
    return lambda at: np.concatenate(
        [np.stack([np.full(rows[i], i), np.arange(rows[i])], 1).astype(np.float32) for i in at]
    )


@pytest.mark.parametrize("rows", [np.ones_like(LENGTHS), LENGTHS])
@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, len(LENGTHS) - 1), min_size=1, max_size=9))
def test_rows_come_in_the_order_that_is_wanted(tmp_path_factory, rows, wanted):
    stores = opened(tmp_path_factory.mktemp("stores") / "x", rows)
    stores.compute(values(rows), LENGTHS, Budget(200), StopRequest())
    assert len(list(stores.folder.iterdir())) == 3
    np.testing.assert_array_equal(stores.rows(np.array(wanted)), values(rows)(wanted))
    stores.close()


def test_what_is_stored_is_not_computed_again(tmp_path):
    stop, seen = StopRequest(), []

    def counted(at):
        seen.extend(at.tolist())
        if len(seen) > 100:
            stop.signum = 15
        return values(LENGTHS)(at)

    stores = opened(tmp_path / "x", LENGTHS)
    with pytest.raises(Stopped):
        stores.compute(counted, LENGTHS, Budget(200), stop)
    stores.close()
    stores = opened(tmp_path / "x", LENGTHS)
    stores.compute(counted, LENGTHS, Budget(200), StopRequest())
    stores.close()
    assert sorted(seen) == list(range(len(LENGTHS)))


def test_a_disk_that_refuses_is_a_reason_to_store_nothing(tmp_path, monkeypatch):
    stores = opened(tmp_path / "x", LENGTHS)
    monkeypatch.setattr(Store, "append", lambda *_: (_ for _ in ()).throw(MachineError("full")))
    with pytest.raises(NotStored, match="full"):
        stores.compute(values(LENGTHS), LENGTHS, Budget(200), StopRequest())
    stores.remove()
    assert not stores.folder.exists()
