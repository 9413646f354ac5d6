"""How well predictions agree with annotations, and which precision can be promised.

A predictor gives each protein and term a score; a term is *called* where its score reaches a
threshold. Precision is the share of called terms that are annotated, recall the share of
annotated terms that are called. *Fmax* is the highest harmonic mean of the two over all
thresholds; higher is better. *Smin* combines, in bits of information accretion, what is
annotated and not called (remaining uncertainty) with what is called and not annotated
(misinformation): the smallest distance from zero over all thresholds; lower is better.

*Calibration* counts, on proteins that nothing was trained on, how often calls of a given score
are right. A *promise of precision* is the lowest score at or above which, with a given
confidence, at least a given share of calls is right.

All counts are sums over proteins: those of blocks, processes and machines add up.
"""
