"""A small benchmark in files, evaluated from the shell and from Python."""

import esmgo
from esmgo.cli.main import main

OBO = """format-version: 1.2
data-version: test
ontology: go

[Term]
id: GO:0003674
name: molecular_function
namespace: molecular_function

[Term]
id: GO:0000010
name: left
namespace: molecular_function
alt_id: GO:0000019
is_a: GO:0003674

[Term]
id: GO:0000020
name: below
namespace: molecular_function
is_a: GO:0000010

[Term]
id: GO:0000030
name: right
namespace: molecular_function
is_a: GO:0003674

[Term]
id: GO:0000040
name: gone
namespace: molecular_function
is_obsolete: true
replaced_by: GO:0000010
"""
TRUTH = "a\tGO:0000020\nb\tGO:0000030\n"
PREDICTIONS = "a\tGO:0000020\t0.9\nb\tGO:0000010\t0.6\n"


def evaluate(cafa_files, *more, predictions="p.tsv"):
    """Evaluate the files of a folder with these flags; return the exit code."""
    return main([
        "evaluate", f"--predictions={cafa_files / predictions}",
        f"--truth={cafa_files / 'truth.tsv'}", f"--ontology={cafa_files / 'go.obo'}", *more,
    ])  # fmt: skip


def evaluated(cafa_files, **options):
    """Evaluate the files of a folder from Python."""
    config = {"truth": "truth.tsv", "ontology": "go.obo", "predictions": "p.tsv"} | options
    paths = {
        k: str(cafa_files / v) if (cafa_files / str(v)).exists() else v for k, v in config.items()
    }
    return esmgo.evaluate_files(esmgo.EvaluateConfig(**paths))
