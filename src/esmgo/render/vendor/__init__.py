"""Code of others, kept as it was published: see ``VERSIONS.txt`` and the licences beside it."""
