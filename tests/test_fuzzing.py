"""Twenty seconds of `fuzzing.py` over all kinds of files, and that it finds what it looks for."""

import mmap
import shutil

import pytest
from fuzzed_kinds import all_kinds
from fuzzing import Kind, case, fuzz
from mutations import mutate_text, parsed, signed

from esmgo.errors import InputError


@pytest.fixture(scope="module")
def kinds(blended, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzzing")
    for path in blended[0].parent.glob("checkpoint*.pt"):
        shutil.copy(path, folder)
    return all_kinds(folder / blended[0].name)


def test_mutated_files_are_read_or_refused_in_one_line(kinds):
    outcome = fuzz(kinds, 20, seed=1)
    assert outcome.findings == []
    assert {kind for kind, _ in outcome.counts} == set(kinds)


def test_every_kind_accepts_its_valid_files(kinds, tmp_path):
    for name, kind in kinds.items():
        for i, seed in enumerate(kind.seeds):
            path = tmp_path / f"{name}{i}{kind.suffix}"
            path.write_bytes(seed)
            kind.read(path)


def read(path):
    text = path.read_bytes()
    if b"!" in text:
        raise ZeroDivisionError("a bug")
    if b"#" in text:
        raise InputError(path, "two\nlines")
    while b"%" in text:
        pass


@pytest.mark.parametrize(
    ("mark", "finding"),
    [(b"!", "ZeroDivisionError at"), (b"#", "message of"), (b"%", "more than 0.1 s of CPU time")],
)
def test_a_bug_is_found(mark, finding, monkeypatch):
    monkeypatch.setattr("fuzzing.MOST_SECONDS", 0.1)
    kind = Kind([b"x"], lambda *_: mark, read)
    outcome = fuzz({"bug": kind}, 0.3, seed=1)
    assert finding in outcome.findings[0]


def test_memory_is_found(monkeypatch):
    monkeypatch.setattr("fuzzing.MOST_BYTES", 1 << 20)

    def read_much(_):
        with mmap.mmap(-1, 1 << 26) as memory:  # new pages, unlike those of an allocator
            for at in range(0, len(memory), mmap.PAGESIZE):
                memory[at] = 1

    kind = Kind([b"x"], lambda *_: b"", read_much)
    outcome = fuzz({"large": kind}, 0.1, seed=1)
    assert "MiB of memory" in outcome.findings[0]


def test_a_case_is_a_function_of_its_number():
    kind = Kind([b"a\tb\n"], mutate_text, read)
    files = [case(kind, "x", 1, number) for number in range(50)]
    assert files == [case(kind, "x", 1, number) for number in range(50)]
    assert len(set(files)) > 25


def test_a_signed_container_is_as_written(blended):
    data = blended[0].read_bytes()
    assert signed(*parsed(data)) == data
