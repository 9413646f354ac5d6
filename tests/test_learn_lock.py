"""One writer per checkpoint."""

import os
import threading

from esmgo.errors import UsageError
from esmgo.learn.lock import exclusive


def test_a_second_writer_is_refused_and_told_who_is_first(tmp_path):
    with exclusive(tmp_path / "c.pt"):
        found = []

        def second():
            try:
                with exclusive(tmp_path / "c.pt"):
                    found.append("entered")
            except UsageError as error:
                found.append(str(error))

        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        assert f"pid {os.getpid()}" in found[0]
    with exclusive(tmp_path / "c.pt"):
        pass
    assert list(tmp_path.iterdir()) == []
