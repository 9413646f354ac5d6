"""Words typed at a shell."""
