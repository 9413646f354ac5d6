"""Call Gene Ontology terms from amino-acid sequences with fine-tuned ESM2 models."""

__version__ = "0.1.0"
