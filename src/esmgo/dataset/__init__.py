"""Data sets: annotated proteins for training and evaluation.

A data set is a folder with one table per subset and split. The subset ``all`` has every protein
with all its terms; ``mf``, ``bp`` and ``cc`` have the proteins with a term of that aspect, and
only those terms. The split ``train`` has the training proteins. The split ``test`` has the test
proteins, which are never used to fit the model. Validation proteins are held out of training and
used to choose the best epoch. They are a part of ``test``, or of ``train`` if there is no
``test``. A hash of its id decides whether a protein is held out, so neither the order of the rows
nor new rows change the choice.

Opening a data set reads the rows, cleans the sequences, replaces each id by its current term,
adds all ancestors (the true-path rule), and takes the terms of the training proteins as label
space. Building writes such a folder from FASTA, annotations and an ontology. The sample is a
small synthetic data set for tests and first steps.
"""
