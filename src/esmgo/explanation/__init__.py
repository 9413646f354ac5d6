"""Why a term is called for a protein, and a test of the explanation.

An explanation holds the call: its score, its precision, and what each evidence source adds to the
score. It holds the ancestors of the term, and the nearest training proteins that carry and that
lack it. For the network, one of the sources, it holds a *track*: how much each residue adds to the
network's score, computed by integrated gradients. The residues with the highest values are marked.

Such a track can mislead, so the *deletion test* checks it: it masks the marked residues and
compares the fall of the score with its falls under 99 random masks of the same shape.

The *verdict* follows from the call, the nearest relatives and this test. An explanation is shown
as a *card*, in text, JSON or SVG.
"""
