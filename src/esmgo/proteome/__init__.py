"""proteome."""
