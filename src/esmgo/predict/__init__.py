"""Prediction: from a checkpoint and proteins to called terms.

A `Scorer` runs the encoder and the head of a checkpoint. It returns the probability of every term
and the embedding of the protein. A `Predictor` adds the other evidence sources, combines all
source scores with the blend of the checkpoint, and applies the true-path rule.

`Rules` decide which terms are called: by score, aspect, rank, specificity or promised precision.
A promise of precision concerns the calls at or above a threshold, for each aspect and each group
of proteins with a comparable similarity to their closest training protein. At least the promised
share of these calls is in the annotations of proteins drawn as the calibration proteins were.
This holds with 90 % confidence in all aspects and groups together. Where no threshold allows a
promise, nothing is called.

The package also ranks terms, draws subgraphs, embeds proteins, and tests the bundled caller.
"""
