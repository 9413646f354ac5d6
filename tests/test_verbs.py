"""The table of verbs: all that it names exists, and takes what it is given."""

from dataclasses import fields
from inspect import signature
from pkgutil import resolve_name

import pytest

from esmgo.cli.main import main
from esmgo.cli.verbs import VERBS


@pytest.mark.parametrize("name", VERBS)
def test_the_table_names_functions_that_take_config_and_report(name):
    verb = VERBS[name]
    assert resolve_name(verb.config).__name__.endswith("Config")
    assert ("report" in signature(resolve_name(verb.function)).parameters) == verb.takes_report


WITHOUT = {"train": "an older one is replaced", "blend": "in which the blend is stored"}
"""Verbs that replace without a flag, and where their help has it."""


@pytest.mark.parametrize("name", VERBS)
def test_what_becomes_of_an_older_output_is_in_the_help(name):
    config = resolve_name(VERBS[name].config)
    options = {each.name: each for each in fields(config)}
    if name in WITHOUT:
        assert "overwrite" not in options
        assert WITHOUT[name] in options["checkpoint_path"].metadata["text"]
    elif {"output", "output_dir"} & options.keys():
        assert options["overwrite"].metadata["alias"] == "override"
    else:
        assert name == "selftest"


@pytest.mark.parametrize("name", ["rank", "predict", "embed", "build"])
def test_overwrite_replaces_the_rejects_too(name, tmp_path, capsys):
    fasta, rejects = tmp_path / "x.fasta", tmp_path / "rejects.tsv"
    fasta.write_text(">a\nMKLVAAGIVGLLLAQP\n>b\nMK1\n")
    rejects.write_text("old")
    output = tmp_path / ("x.npz" if name == "embed" else "x.tsv")
    given = {"build": ["--sequences"]}.get(name, ["--fasta"])[0]
    words = [name, f"{given}={fasta}", f"--rejects={rejects}"]
    words += [f"--output={output}"] * (name != "build") + ["--base_model=tiny"] * (name == "embed")
    assert main(words) == 2
    assert "rejects.tsv exists; --overwrite replaces it\n" in capsys.readouterr().err
    assert rejects.read_text() == "old"
    assert main([*words, "--override"]) == 4
    assert "\tb\t" in rejects.read_text()
