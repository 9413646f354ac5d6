"""Callers in the formats of others."""
