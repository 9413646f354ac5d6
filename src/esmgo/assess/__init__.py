"""Measures how good predictions are, and what a test set is able to show.

CAFA's evaluation compares scored terms of test proteins with their annotations. Both are
propagated to the ancestors. At every threshold a term is called if its score reaches it; Fmax
is the best harmonic mean of precision and recall over all thresholds, and Smin the smallest
distance from perfect calls, in bits of information accretion where a file gives them. Each
aspect is measured by itself. An absent annotation counts as wrong, though it is no evidence that
the protein lacks the function.

A baseline is a simple method that a caller has to beat: the frequency of terms, the votes
of similar sequences, or the votes of neighbours in the space of embeddings. An audit counts what a
split tests: a test protein that nearly equals a training protein tests memory, and a term that no
training protein has cannot be called.
"""
