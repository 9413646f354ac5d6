"""Five human proteins that everybody knows, for first looks and for checks (UniProt, CC BY 4.0).

p53, CDK2, the haemoglobin chains alpha and beta, and insulin; no annotations.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def famous_path() -> Path:
    """Return the path of the FASTA file."""
    return Path(str(resources.files("esmgo.data") / "famous.fasta"))
