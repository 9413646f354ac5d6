"""Data sets: proteins with their terms, ready to train on and to evaluate with.

A data set is a folder with a table for each subset and split. The subset ``all`` has every
protein with all its terms; ``mf``, ``bp`` and ``cc`` have the proteins with a term of that aspect,
and only those terms. Training proteins are those of the split ``train``. Test proteins are those
of the split ``test``, which training never learns from. Validation proteins are held out of
training and choose the best epoch: a part of ``test``, or of ``train`` where there is no
``test``. A hash of its id decides whether a protein is held out, so that neither the order of
rows nor new rows move it.

Opening a data set reads rows, cleans sequences, finds the current term of each id, adds all
ancestors (the true-path rule), and takes the terms of the training proteins as label space.
Building makes such a folder from FASTA, annotations and an ontology. The sample is a small
synthetic data set for tests and first steps.
"""
