"""Flipped bits in the headers of checkpoints, indexes and the bundled caller: none goes unnoticed.

A flip is refused, or harmless: the file is read as before.
"""

import random
import shutil
import struct

import pytest

from esmgo.errors import CheckpointError
from esmgo.evidence.index_file import open_index
from esmgo.model.bundled import bundled_path
from esmgo.model.checkpoint import open_checkpoint
from esmgo.model.container import index_path, read_header

FILES = ("trained", "index of trained", "blended", "index of blended", "bundled", "its index")


@pytest.fixture
def flipped(checkpoint, blended, tmp_path, request):
    """A copy of a checkpoint and its index, and which of the two to flip."""
    which = FILES.index(request.param)
    source = (checkpoint, blended[0], bundled_path())[which // 2]
    for each in (source, index_path(source)):
        shutil.copy(each, tmp_path / each.name)
    path = tmp_path / source.name
    return path, index_path(path) if which % 2 else path


def opened(path):
    """All that predictions take from both files."""
    found = open_checkpoint(path)
    index = open_index(found)
    return found.labels, found.encoder, found.context_length, found.blend, index.fingerprint


def flips(path, n):
    """Bits of a header: of its first bytes, with lengths, names and digest, and of any others."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    chance = random.Random(path.name)
    name = data.find(b'"esmgo')
    near = [*chance.sample(range(120), min(n // 4, 120)), *range(name, name + 18)]
    far = [chance.randrange(8 + length) for _ in range(n - len(near))]
    return [(place, chance.randrange(8)) for place in (*near, *far)]


def check(path, damaged, n):
    whole = read_header(damaged)
    for place, bit in flips(damaged, n):
        with damaged.open("r+b") as file:
            file.seek(place)
            (byte,) = file.read(1)
            file.seek(place)
            file.write(bytes([byte ^ 1 << bit]))
            file.flush()
            try:
                read_header(damaged)  # the fast way to a refusal
                found = opened(path)
            except CheckpointError as error:
                found, line = None, str(error)
                assert len(line) < 200
                assert line.isprintable()
            file.seek(place)
            file.write(bytes([byte]))
            file.flush()
        assert found is None or found == opened(path), (place, bit)
    assert read_header(damaged) == whole


@pytest.mark.parametrize("flipped", FILES[:4], indirect=True)
def test_a_flipped_bit_in_a_header_is_refused(flipped):
    check(*flipped, 64)


@pytest.mark.parametrize("flipped", FILES[4:], indirect=True)
def test_a_flipped_bit_in_a_header_of_the_bundled_caller_is_refused(flipped):
    check(*flipped, 24)


@pytest.mark.slow
@pytest.mark.parametrize("flipped", FILES, indirect=True)
def test_none_of_512_flipped_bits_goes_unnoticed(flipped):
    check(*flipped, 512)
