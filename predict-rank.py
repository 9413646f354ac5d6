"""Rank the Gene Ontology terms of a protein."""

from esmgo.cli.main import run

if __name__ == "__main__":
    run("rank")
