"""Where results go: what is refused before any work, and what killed writers leave."""

import os
import signal
import threading

import pytest

from esmgo.errors import MachineError, UsageError
from esmgo.files.atomic import replacing
from esmgo.files.folder import replacing_folder
from esmgo.files.output import check_free, exclusive


def killed(work):
    """Do some work in a process that kills itself when it is done."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def hidden(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_each_flag_is_named_with_what_is_wrong_and_what_to_do(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("mine")
    for name, options, wrong, told in (
        ("file", {}, UsageError, "output: .*file exists; `overwrite` replaces it"),
        ("file", {"field": "rejects", "cure": "go"}, UsageError, "rejects: .*file exists; go"),
        ("folder", {}, UsageError, "output: .*folder is a folder"),
        ("folder", {"mark": "m"}, UsageError, "folder exists; `overwrite` replaces it"),
        ("folder", {"mark": "m", "overwrite": True}, UsageError, "contains no m"),
        ("file", {"mark": "m", "overwrite": True}, UsageError, "contains no m"),
        ("none/x", {}, MachineError, "`output` .*x: there is no such folder"),
        ("file/x", {"field": "rejects"}, MachineError, "`rejects` .*x: there is no such folder"),
        ("none/x", {"mark": "m"}, MachineError, "no such parent folder"),
        ("x" * 300, {}, MachineError, "cannot be written: file name too long"),
    ):
        with pytest.raises(wrong, match=told):
            check_free(tmp_path / name, **{"overwrite": False} | options)


def test_standard_output_devices_and_what_may_be_replaced_are_free(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    check_free("-", overwrite=False)
    check_free("/dev/null", overwrite=False)
    check_free(tmp_path / "new", overwrite=False)
    check_free(tmp_path / "file", overwrite=True)
    check_free(tmp_path / "folder", overwrite=True, mark="m")  # it is empty


@pytest.mark.parametrize("name", ["x.tsv", "x" * 216 + ".tsv", "\N{GREEK SMALL LETTER BETA}" * 120])
def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path, name):
    target = tmp_path / name

    def work():
        with exclusive([target], overwrite=True), replacing(target) as file:
            file.write(b"half")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    killed(work)
    assert len(hidden(tmp_path)) == 2  # the file and the lock
    with exclusive([target], overwrite=True), replacing(target) as file:
        assert len(hidden(tmp_path)) == 2
        file.write(b"all")
    assert target.read_bytes() == b"all"
    assert list(tmp_path.iterdir()) == [target]


def test_temporary_files_of_other_targets_stay(tmp_path):
    long = "x" * 210
    with replacing(tmp_path / "x.y") as one, replacing(tmp_path / f"{long}1") as two:
        with exclusive([tmp_path / "x", tmp_path / f"{long}2"], overwrite=True):
            pass
        one.write(b"1")
        two.write(b"2")
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == [b"1", b"2"]


def test_outputs_with_long_names_that_begin_alike_are_locked_apart(tmp_path):
    paths = [tmp_path / ("x" * 216 + suffix) for suffix in (".tsv", ".gaf")]
    with exclusive(paths, overwrite=False):
        for path in paths:
            with (
                pytest.raises(UsageError, match="being written by another process"),
                exclusive([path], overwrite=False),
            ):
                pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_whose_replacing_was_killed_is_the_old_one_or_the_new_one(tmp_path, monkeypatch):
    target = tmp_path / "out"

    def replace(text, die_at=99):
        renames = []
        real = type(target).rename

        def rename(self, other):
            renames.append(self)
            if len(renames) == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            real(self, other)

        monkeypatch.setattr(type(target), "rename", rename)
        with replacing_folder(target, overwrite=True, mark="m") as folder:
            (folder / "m").write_text(text)
        monkeypatch.setattr(type(target), "rename", real)

    replace("old")
    for die_at in (1, 2):
        killed(lambda die_at=die_at: replace("new", die_at))
        assert hidden(tmp_path)
        with (
            pytest.raises(UsageError, match="exists"),  # the older one is back
            replacing_folder(target, overwrite=False, mark="m"),
        ):
            pass
        assert (target / "m").read_text() == "old"
        replace("old")
        assert hidden(tmp_path) == []


def test_a_second_writer_is_refused_and_told_who_is_first(tmp_path):
    def alone():
        return exclusive([tmp_path / "c.pt"], overwrite=True)

    with alone():
        found = []

        def second():
            try:
                with alone():
                    found.append("entered")
            except UsageError as error:
                found.append(str(error))

        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        assert f"pid {os.getpid()}" in found[0]
    with alone():
        pass
    assert list(tmp_path.iterdir()) == []
