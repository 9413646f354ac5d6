"""The Gene Ontology: terms, annotations of proteins with terms, and the true-path rule.

A *term* names a function, a process or a place in the cell. Every term belongs to one of three
*aspects*: molecular function (MF), biological process (BP) or cellular component (CC). Each aspect
is an acyclic graph with one root: ``is_a`` and ``part_of`` lead from a term to its more general
parents. By the *true-path rule* a protein with a term has all ancestors of the term, too.

A *label space* is the ordered list of terms that a model scores: one column per term. It is closed:
the parents of its terms are in it, too. Annotations and scores can therefore be propagated to all
ancestors without the ontology file. Nothing in this package knows about sequences.
"""
