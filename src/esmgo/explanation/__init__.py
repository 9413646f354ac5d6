"""Why a term is called for a protein, and a test of the explanation.

An explanation holds the probability of the term and of its ancestors, the most similar training
proteins that have the term, and a *track*: how much each residue adds to the term's score,
computed by integrated gradients. The residues with the highest values are marked.

Such a track can mislead, so the *deletion test* checks it: it masks the marked residues and
compares the fall of the score with its falls under 99 random masks of the same shape. The
verdict is "supported" only if few random masks lower the score as much.

An explanation is shown as a *card*, in text, JSON or SVG.
"""
