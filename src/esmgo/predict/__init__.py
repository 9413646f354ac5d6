"""Prediction: from a checkpoint and proteins to called terms.

A `Scorer` runs the encoder and the head of a checkpoint. It returns the probability of every term
and the embedding of the protein. A `Predictor` adds the other evidence sources, combines all
source scores with the blend of the checkpoint, and applies the true-path rule.

`Rules` decide which terms are called: by score, aspect, rank, specificity or promised precision.
A promise of precision is a threshold on the score. On the calibration proteins, at least this
share of the calls above the threshold was in the annotations, tested at 90 % confidence for all
aspects and groups together. A group holds proteins with a comparable similarity to their closest
training protein. If no threshold keeps the promise, no term of the aspect is called.

The package also ranks terms, draws subgraphs, embeds proteins, and tests the bundled caller.
"""
