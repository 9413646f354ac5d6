"""`esmgo selftest`: whether the bundled caller is complete and answers as recorded."""

import json
from pathlib import Path

import pytest

from esmgo.cli.main import main
from esmgo.model import bundled as home

LIMIT = 50_000_000
IS_INSTALLED = (home.FOLDER / "caller.safetensors").is_file()


def test_the_self_test_passes_and_says_what_was_found(bundled, capsys):
    assert main(["selftest"]) == 0
    out = capsys.readouterr().out
    assert "WRONG" not in out
    assert out.count("scores of") == 5
    assert all(name in out for name in ("caller.safetensors", "diamond", "dot", "CUDA"))


def flip(path):
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


def other_scores(path):
    card = json.loads(path.read_text())
    first = next(iter(card["selftest"]["scores"].values()))
    first[next(iter(first))] += 0.001
    path.write_text(json.dumps(card))


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("caller.safetensors", flip, "SHA-256"),
        ("caller.safetensors", Path.unlink, "no bundled caller"),
        ("caller.index.safetensors", flip, "SHA-256"),
        ("caller.index.safetensors", Path.unlink, "cannot be read"),
        ("card.json", Path.unlink, "cannot be read"),
        ("card.json", lambda path: path.write_text('{"summary": 1}'), "damaged"),
        ("card.json", lambda path: path.write_text("[]"), "not the card"),
        ("card.json", other_scores, "differ by 1.0e-03"),
    ],
)
def test_the_self_test_fails_on_what_is_damaged(bundled, capsys, name, damage, said):
    damage(bundled / name)
    assert main(["selftest"]) == 6
    wrong = [line for line in capsys.readouterr().out.splitlines() if line.startswith("WRONG")]
    assert said in "\n".join(wrong)


@pytest.mark.skipif(not IS_INSTALLED, reason="this copy came without a bundled caller")
class TestInstalled:
    """The real one."""

    def test_it_is_small_whole_and_answers_as_its_card_says(self, capsys):
        assert sum(path.stat().st_size for path in home.FOLDER.iterdir()) <= LIMIT
        assert {path.name for path in home.FOLDER.iterdir()} == {
            "caller.safetensors", "caller.index.safetensors", "card.json",
        }  # fmt: skip
        assert main(["selftest"]) == 0, capsys.readouterr().out

    def test_its_card_names_no_path_of_the_machine_that_made_it(self):
        text = home.card_path().read_text(encoding="utf-8")
        assert not [part for part in ('"/', "/tmp/", "/home/") if part in text]
