"""Fine-tune an ESM2 encoder to call Gene Ontology terms."""

from esmgo.cli.main import run

if __name__ == "__main__":
    run("train")
