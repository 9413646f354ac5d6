"""Five well-known human proteins for first steps and checks (UniProt, CC BY 4.0).

They are p53, CDK2, the alpha and beta chains of haemoglobin, and insulin, without annotations.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def famous_path() -> Path:
    """Return the path of the FASTA file."""
    return Path(str(resources.files("esmgo.data") / "famous.fasta"))
