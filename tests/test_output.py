"""Where results go: what is refused before any work."""

import pytest

from esmgo.errors import MachineError, UsageError
from esmgo.files.output import check_free


def test_each_flag_is_named_with_what_is_wrong_and_what_to_do(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("mine")
    for name, options, wrong, told in (
        ("file", {}, UsageError, "output: .*file exists; `overwrite` replaces it"),
        ("file", {"field": "rejects", "cure": "go"}, UsageError, "rejects: .*file exists; go"),
        ("folder", {}, UsageError, "output: .*folder is a folder"),
        ("folder", {"mark": "m"}, UsageError, "folder exists; `overwrite` replaces it"),
        ("folder", {"mark": "m", "overwrite": True}, UsageError, "holds no m"),
        ("file", {"mark": "m", "overwrite": True}, UsageError, "holds no m"),
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
