"""Terms, the ontology, label spaces, the true-path rule and scores."""
