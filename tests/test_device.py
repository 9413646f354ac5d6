"""Devices that are not there."""

import logging

import pytest
import torch

from esmgo.cli.main import main
from esmgo.model import device
from esmgo.model.device import choose_device


def test_a_device_that_is_not_there_names_the_cpu(capsys, checkpoint):
    for name in ("cuda:7", "nonsense", "meta"):
        words = ["rank", "--sequence=MKT", f"--checkpoint_path={checkpoint}"]
        assert main([*words, f"--device={name}"]) == 2
        assert "--device=cpu" in capsys.readouterr().err


@pytest.fixture
def notices(monkeypatch, caplog):
    """What choosing devices logs in a process without CUDA."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    device._notice.cache_clear()
    caplog.set_level(logging.DEBUG)

    def notices(*names):
        for name in names:
            choose_device(name)
        return [record for record in caplog.records if "no CUDA device" in record.message]

    yield notices
    device._notice.cache_clear()


def test_a_missing_cuda_device_is_mentioned_once_and_is_no_warning(notices):
    (record,) = notices(None, None, None)
    assert logging.INFO < record.levelno < logging.WARNING


def test_a_missing_cuda_device_is_not_mentioned_to_who_chose_another(notices, monkeypatch):
    assert notices("cpu") == []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert notices(None) == []


def test_the_notice_goes_to_standard_error_without_the_word_warning(notices, checkpoint, capsys):
    assert main(["rank", "--sequence=MKTAYIAKQRQISFVKSHFS", f"--checkpoint_path={checkpoint}"]) == 0
    found = capsys.readouterr()
    assert "no CUDA device found: running on" in found.err
    assert "warning: no CUDA" not in found.err
    assert "CUDA" not in found.out
