"""Training: fine-tuning a caller.

A caller is an ESM2 encoder with a head that computes one logit per GO term. Fine-tuning trains
the head and, if requested, the last layers of the encoder. Each epoch uses every training protein
once. An epoch consists of accumulation windows. A window is a few batches whose gradients are
added up for one optimiser step. Frozen layers compute the same activations in every epoch, so
training computes them once and stores them on disk if there is room.

A training that was killed resumes from its checkpoint and ends with the same bits as one that was
not, on the same device with the same number of threads. The checkpoint holds the weights, the
optimiser state and the position between two optimiser steps. The order of the proteins depends
only on seed and epoch, and dropout only on seed, epoch, step and batch. So several ranks, processes
that train together, end with the same bits as one.
"""
