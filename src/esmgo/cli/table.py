"""cli/table.py"""

from __future__ import annotations

VERBS = {
    "train": "Fine-tune an ESM2 encoder to call Gene Ontology terms.",
    "rank": "Rank the GO terms of proteins.",
    "predict": "Call the GO terms of whole proteomes.",
    "merge": "Join the shards of a prediction.",
    "subgraph": "Draw the GO subgraph of a protein.",
    "explain": "Show what speaks for one term of a protein, and test it.",
    "build": "Turn sequences, annotations and an ontology into a data set.",
    "export": "Write a checkpoint as a Hugging Face model folder.",
    "evaluate": "Evaluate predictions or a checkpoint as CAFA does.",
    "baseline": "Score proteins by term frequency, homology or neighbours.",
    "audit": "Say what the split of a data set really tests.",
    "embed": "Write one vector per protein.",
    "blend": "Weigh head, neighbours, k-mers and homology, and calibrate, on held-out proteins.",
    "selftest": "Check the bundled caller, and say which optional programs are there.",
}
