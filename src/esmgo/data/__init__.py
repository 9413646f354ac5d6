"""Files in: proteins, annotations, data sets. Nothing here knows about tokens."""
