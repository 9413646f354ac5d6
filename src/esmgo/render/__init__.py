"""Calls out: text, tables and graphs for people."""
