"""Measures the quality of predictions, and how hard a test set is.

CAFA's evaluation compares scored terms of test proteins with their annotations. Both are
propagated to the ancestors. At every threshold a term is called if its score reaches it; Fmax
is the best harmonic mean of precision and recall over all thresholds, and Smin the smallest
distance from perfect calls, in bits of information accretion if a file gives them. Each aspect
is evaluated separately. A call without an annotation counts as wrong, although a missing
annotation does not show that the protein lacks the function.

A baseline is a simple method that a caller should beat: the frequency of terms, the votes of
similar sequences, or the votes of neighbours by embeddings. An audit counts the test proteins
that a caller can memorise, because a training protein is nearly equal, and the terms that it
cannot call, because no training protein has them.
"""
