"""Predictions for whole proteomes, resumable and split over machines.

A job is everything that determines the calls: the program version, the checkpoint, the proteins
and the options. Its proteins are processed in blocks. Each finished block is stored as a part, a
file in the folder OUTPUT.parts. A run that was killed loses at most one block. A resumed run
compares its job with the stored one, and stops if they differ.

`esmgo plan` reads the proteins once and writes the bytes of each block. A run that is given this
plan reads the blocks alone.

A job can be split into shards, each with every N-th block. A shard is written to one file, and
`esmgo merge` combines the shards. An uninterrupted, a resumed and a merged run write the same
bytes. Output files are renamed into place when they are complete, so they are complete or absent.
"""
