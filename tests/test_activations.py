"""The store of activations: any chunking, any kill and any damage leave a right beginning."""

import errno
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmgo.errors import MachineError, UsageError
from esmgo.files import journal
from esmgo.learn import activations
from esmgo.learn.activations import Store, size_of

FLOAT16 = np.dtype(np.float16)
WIDTH = 3


def opened(folder, lengths, *, fingerprint="f", ids=None, width=WIDTH, dtype=FLOAT16):
    lengths = np.asarray(lengths, np.int64)
    ids = [f"p{i}" for i in range(len(lengths))] if ids is None else ids
    return Store.open(
        folder, fingerprint=fingerprint, ids=ids, lengths=lengths, width=width, dtype=dtype
    )


def values_of(lengths, width=WIDTH, dtype=FLOAT16):
    return np.random.default_rng(1).normal(size=(sum(lengths), width)).astype(dtype)


def filled(folder, lengths, chunks=None):
    """Append what is missing, ``chunks`` proteins at a time in turn; return the rows of all."""
    values, starts = values_of(lengths), np.concatenate([[0], np.cumsum(lengths)])
    sizes = list(chunks or [2])
    with opened(folder, lengths) as store:
        while not store.is_complete:
            end = min(store.n_done + sizes[0], len(lengths))
            store.append(values[starts[store.n_done] : starts[end]])
            sizes.append(sizes.pop(0))
        return store.rows(np.arange(len(lengths)))


def bytes_of(folder):
    return (folder / "activations.bin").read_bytes()


def flip(path, place, bit):
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit
    path.write_bytes(data)


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 5), max_size=9),
    chunks=st.lists(st.integers(1, 4), min_size=1, max_size=4),
)
def test_any_chunking_gives_the_same_file_and_the_same_rows(tmp_path_factory, lengths, chunks):
    folder = tmp_path_factory.mktemp("store")
    found = filled(folder, lengths, chunks)
    assert bytes_of(folder) == values_of(lengths).tobytes()
    assert len(bytes_of(folder)) == size_of(np.array(lengths, np.int64), WIDTH, FLOAT16)
    assert (found == values_of(lengths)).all()
    with opened(folder, lengths) as again:
        assert again.is_complete
        assert again.n_done == len(lengths)
        assert (again.rows(np.arange(len(lengths))) == found).all()


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=9),
    picks=st.lists(st.integers(0, 100), max_size=12),
)
def test_rows_are_those_of_the_proteins_asked_for(tmp_path_factory, lengths, picks):
    folder = tmp_path_factory.mktemp("store")
    filled(folder, lengths)
    proteins = np.array([pick % len(lengths) for pick in picks], np.intp)
    apart = np.split(values_of(lengths), np.cumsum(lengths)[:-1])
    with opened(folder, lengths) as store:
        found = store.rows(proteins)
    expected = [apart[i] for i in proteins]
    assert found.shape == (sum(map(len, expected)), WIDTH)
    assert type(found) is np.ndarray
    assert (found == np.concatenate([values_of(lengths)[:0], *expected])).all()
    found[:] = 0  # a copy: the file stays
    assert bytes_of(folder) == values_of(lengths).tobytes()


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_cuts=st.integers(0, 3), n_flips=st.integers(0, 3))
def test_whatever_is_cut_or_flipped_a_right_beginning_stays(
    tmp_path_factory, seed, n_cuts, n_flips
):
    chance = random.Random(seed)
    folder = tmp_path_factory.mktemp("store")
    lengths = [chance.randint(1, 4) for _ in range(8)]
    whole, starts = values_of(lengths), np.concatenate([[0], np.cumsum(lengths)])
    filled(folder, lengths, [chance.randint(1, 3)])
    files = [folder / "activations.bin", folder / "activations.journal"]
    for _ in range(n_cuts):
        path = chance.choice(files)
        os.truncate(path, chance.randint(0, path.stat().st_size))
    for _ in range(n_flips):
        path = chance.choice(files)
        if size := path.stat().st_size:
            flip(path, chance.randrange(size), chance.randrange(8))
    with opened(folder, lengths) as store:
        n = store.n_done
        assert store.is_complete == (n == 8)
        assert n == 8 or n_cuts + n_flips > 0
        assert (store.rows(np.arange(n)) == whole[: starts[n]]).all()
        with pytest.raises(IndexError):
            store.rows(np.array([n]))
    assert len(bytes_of(folder)) == whole[: starts[n]].nbytes
    filled(folder, lengths)
    assert bytes_of(folder) == whole.tobytes()


def test_every_flipped_bit_of_the_data_is_found(tmp_path, caplog):
    lengths = [1, 2, 1, 3]
    filled(tmp_path, lengths, [1])
    for place in range(len(bytes_of(tmp_path))):
        flip(tmp_path / "activations.bin", place, place % 8)
        caplog.clear()
        row = place // (WIDTH * 2)
        with opened(tmp_path, lengths) as store:
            assert store.n_done == np.searchsorted(np.cumsum(lengths), row, side="right")
        (told,) = caplog.messages
        assert "damaged after" in told
        filled(tmp_path, lengths, [1])


def test_a_killed_writer_is_continued(tmp_path):
    lengths = [40] * 300
    program = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_activations import filled
        print("ready", flush=True)
        filled(Path({str(tmp_path)!r}), {lengths!r}, [1])
        print("done", flush=True)
    """
    chance, progress = random.Random(3), []
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)],
            stdout=subprocess.PIPE,
            env=environment,
        )
        assert child.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0, 0.012))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        with opened(tmp_path, lengths) as store:
            progress.append(store.n_done)
            found = store.rows(np.arange(store.n_done))
            assert (found == values_of(lengths)[: 40 * store.n_done]).all()
    assert progress == sorted(progress)
    filled(tmp_path, lengths)
    assert bytes_of(tmp_path) == values_of(lengths).tobytes()


def test_a_full_disk_is_told_and_what_was_there_stays(tmp_path, monkeypatch):
    lengths = [2, 1, 3]
    values, real, room = values_of(lengths), os.pwrite, [1 << 20]

    def pwrite(handle, data, at):
        taken = min(len(data), room[0])
        room[0] -= taken
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data[:taken], at)

    monkeypatch.setattr(journal.os, "pwrite", pwrite)
    with opened(tmp_path, lengths) as store:
        store.append(values[:2])
        for space in (0, 1, 5, 6, 8):  # in the data, between, in the journal
            room[0] = space
            with pytest.raises(MachineError, match=r"no space left.*`cache_gb`") as told:
                store.append(values[2:3])
            assert str(tmp_path)[:30] in str(told.value)
            assert store.n_done == 1
        room[0] = 1 << 20
        store.append(values[2:])
        assert store.is_complete
    with opened(tmp_path, lengths) as store:
        assert (store.rows(np.arange(3)) == values).all()


def test_a_second_process_is_refused_and_told_who_is_first(tmp_path):
    with opened(tmp_path, [1, 1]) as store:
        store.append(values_of([1]))
        with pytest.raises(UsageError, match=f"pid {os.getpid()}"):
            opened(tmp_path, [1, 1])
        with pytest.raises(UsageError, match="another process"):
            opened(tmp_path, [1, 1], fingerprint="other")
    with opened(tmp_path, [1, 1]) as store:
        assert store.n_done == 1
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"activations.{kind}" for kind in ("json", "bin", "journal")}


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"fingerprint": "g"}, "fingerprint was f, now g"),
        ({"ids": ["p0", "q"]}, "proteins_sha256 was"),
        ({"lengths": [1, 3]}, "proteins_sha256 was"),
        ({"lengths": [1]}, "n_proteins was 2, now 1"),
        ({"width": 4}, "width was 3, now 4"),
        ({"dtype": np.dtype(np.float32)}, "dtype was float16, now float32"),
    ],
)
def test_a_store_of_something_else_is_begun_anew_with_one_warning(tmp_path, caplog, other, told):
    filled(tmp_path, [1, 2])
    assert not caplog.messages
    with opened(tmp_path, **({"lengths": [1, 2]} | other)) as store:
        assert store.n_done == 0
    (message,) = caplog.messages
    assert told in message
    assert bytes_of(tmp_path) == b""


def test_a_store_of_another_version_or_a_damaged_header_is_begun_anew(
    tmp_path, monkeypatch, caplog
):
    filled(tmp_path, [1, 2])
    monkeypatch.setattr(activations, "SCHEMA_VERSION", 2)
    opened(tmp_path, [1, 2]).close()
    (tmp_path / "activations.json").write_bytes(b"{")
    opened(tmp_path, [1, 2]).close()
    assert ["schema_version" in caplog.messages[0], "damaged" in caplog.messages[1]] == [True] * 2


def test_the_rows_of_another_header_are_never_taken(tmp_path):
    filled(tmp_path / "one", [1, 2])
    opened(tmp_path / "two", [1, 2], fingerprint="other").close()
    for name in ("bin", "journal"):  # as if a kill or a power cut had left them
        kept = (tmp_path / "one" / f"activations.{name}").read_bytes()
        (tmp_path / "two" / f"activations.{name}").write_bytes(kept)
    with opened(tmp_path / "two", [1, 2], fingerprint="other") as store:
        assert store.n_done == 0


def test_a_folder_of_someone_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"thesis\.txt"):
        opened(tmp_path, [1])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(UsageError, match="not a folder"):
        opened(tmp_path / "thesis.txt", [1])
    with pytest.raises(MachineError):
        opened(tmp_path / "thesis.txt" / "below", [1])


def test_proteins_come_whole_and_none_is_too_many(tmp_path):
    with opened(tmp_path, [2, 1]) as store:
        for n in (1, 4):
            with pytest.raises(AssertionError):
                store.append(np.zeros((n, WIDTH), FLOAT16))
        with pytest.raises(AssertionError):
            store.append(np.zeros((2, WIDTH), np.float32))
        store.append(np.zeros((0, WIDTH), FLOAT16))
        assert store.n_done == 0


def test_data_is_synced_before_its_journal_at_a_bounded_rate(tmp_path, monkeypatch):
    synced = []
    real = os.fsync

    def fsync(handle):
        inode = os.fstat(handle).st_ino
        synced.extend(p.suffix for p in tmp_path.iterdir() if p.stat().st_ino == inode)
        real(handle)

    opened(tmp_path, [1] * 9).close()
    monkeypatch.setattr(journal.os, "fsync", fsync)
    monkeypatch.setattr(journal, "SYNC_BYTES", 4 * WIDTH * 2)
    with opened(tmp_path, [1] * 9) as store:
        for row in np.split(values_of([1] * 9), 9):
            store.append(row)
    assert synced == [".bin", ".journal"] * 3
