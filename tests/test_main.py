"""The door to the shell."""

from esmgo.cli.main import main


def test_an_unknown_verb_lists_the_verbs(capsys):
    assert main(["fly"]) == 2
    assert "train, rank" in capsys.readouterr().err
    assert main(["--help"]) == 0
    assert main(["--version"]) == 0
