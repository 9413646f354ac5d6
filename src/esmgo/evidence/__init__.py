"""Evidence: what training proteins and the head predict for a protein, term by term.

The head is one source of evidence. The others find training proteins that are similar to the
protein: *neighbours* by embeddings, *k-mers* by shared short patterns of residues, and *homology*
by alignments of the DIAMOND program. Each similar protein votes for its own terms with a
weight that grows with its similarity. The votes of a source for a term, divided by all its votes,
are the source's score for that term. Co-annotation adds which terms occur together.

`EvidenceSource` is the only list of the sources. `Sources` computes the scores of a block of
proteins. The package does not know how scores are combined; `esmgo.predict.blend` does that.
"""
