"""The README's workflow for evaluators, from UniProt's headers and GAF to groups by identity."""

import json
import re
import runpy
import shutil

import pytest
from annotating import gaf_row

from esmgo.cli.main import main
from esmgo.dataset.sample import sample_ontology_path, sample_rows
from esmgo.go.obo import read_obo
from esmgo.go.terms import Aspect

LETTER = {Aspect.MF: "F", Aspect.BP: "P", Aspect.CC: "C"}


@pytest.fixture
def field(tmp_path):
    """UniProt's FASTA and a GAF of the sample's proteins."""
    ontology = read_obo(sample_ontology_path(), warn=lambda _: None)
    fasta, gaf = "", "!generated-by: nobody\n!gaf-version: 2.2\n"
    for i, row in enumerate(sample_rows()["train"][:60]):
        id = f"P{10000 + i}"
        fasta += f">sp|{id}|N{i}_TEST Some protein OS=X OX=9606 PE=1 SV=1\n{row['sequence']}\n"
        for term in row["terms"]:
            aspect = LETTER[ontology.terms[term].aspect]
            gaf += gaf_row(id, term, {"F": "enables", "P": "involved_in", "C": "part_of"}[aspect],
                           aspect=aspect)  # fmt: skip
    (tmp_path / "proteins.fasta").write_text(fasta)
    (tmp_path / "goa.gaf").write_text(gaf)
    return tmp_path


@pytest.mark.skipif(not shutil.which("diamond"), reason="the program DIAMOND is not there")
def test_evaluation_of_uniprot_headers_and_gaf_from_start_to_end(field, checkpoint, capsys):
    def run(verb, *words, **settings):
        code = main([verb, *words, *(f"--{name}={value}" for name, value in settings.items())])
        out, err = capsys.readouterr()
        assert code == 0, err
        return out, err

    fasta, data, ontology = field / "proteins.fasta", field / "data", sample_ontology_path()
    run("build", sequences=fasta, terms=field / "goa.gaf", ontology=ontology, output_dir=data,
        test_ratio=0.3)  # fmt: skip
    for method in ("naive", "diamond"):
        run("baseline", method, dataset=data, ontology=ontology, output=field / f"{method}.tsv")
    run("predict", fasta=fasta, output=field / "calls", checkpoint_path=checkpoint, device="cpu",
        format="tsv,jsonl,cafa,csv")  # fmt: skip
    run("audit", dataset=data, ontology=ontology, output_dir=field / "audit")
    run("evaluate", checkpoint_path=checkpoint, dataset=data, split="test", device="cpu",
        ontology=ontology)  # fmt: skip
    calls = sorted(field.glob("calls*"))
    assert len(calls) == 4
    for predictions in (field / "naive.tsv", field / "diamond.tsv", *calls):
        _, err = run(
            "evaluate", predictions=predictions, dataset=data, ontology=ontology,
            identity=field / "audit" / "nearest.tsv", output_dir=field / f"of_{predictions.name}",
        )  # fmt: skip
        assert "nothing predicted" not in err
        page = json.loads((field / f"of_{predictions.name}" / "evaluation.json").read_text())
        for aspect in page["evaluations"][0]["aspects"].values():
            assert aspect["best"]["fmax"]["value"] > 0
            assert all(group["group"] != "not listed" for group in aspect["by_identity"])


REPORTS = ("36-evaluate-own-tsv", "39-uniprot-ids-vs-accessions", "41-ia-variants",
           "55-own-workflow-uniprot-headers")  # fmt: skip


@pytest.mark.parametrize("name", REPORTS)
def test_commands_that_others_reported_end_as_they_should(
    shared, tmp_path, monkeypatch, capsys, name
):
    folder = shutil.copytree(shared / "reports" / name, tmp_path / "report")
    folder.chmod(0o755)
    monkeypatch.chdir(folder)
    text = (folder / "expect.txt").read_text()
    for command, code in re.findall(r"^\$ esmgo (.+)\nexit code: right (\d)", text, re.MULTILINE):
        assert (command, main(command.split())) == (command, int(code))
    out, err = capsys.readouterr()
    if name.startswith("39"):
        runpy.run_path("make_big.py")
        arguments = ["--predictions=big.tsv", "--truth=truth2.tsv", "--ontology=go.obo"]
        assert main(["evaluate", *arguments]) == 0
        assert re.search(r"big\.tsv +MF +2 +0\.500 +0\.400", capsys.readouterr().out)
    elif name.startswith("55"):
        assert re.search(r"naive\.tsv +MF +4 +1\.000", out)
    else:
        assert "nothing predicted" not in err
