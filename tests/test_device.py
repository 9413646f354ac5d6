"""Devices that are not there."""

from esmgo.cli.main import main


def test_a_device_that_is_not_there_names_the_cpu(capsys, checkpoint):
    for device in ("cuda:7", "nonsense", "meta"):
        words = ["rank", "--sequence=MKT", f"--checkpoint_path={checkpoint}"]
        assert main([*words, f"--device={device}"]) == 2
        assert "--device=cpu" in capsys.readouterr().err
