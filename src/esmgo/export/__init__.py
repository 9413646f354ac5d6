"""Checkpoints in the formats of other programs.

An exported model is a folder that Hugging Face transformers loads without esmgo, with the same
logits: configuration, weights in safetensors, the vocabulary of the tokenizer, and a table of
the GO terms that the outputs stand for. It holds the network alone: similar training proteins,
k-mers, homology and calibration stay in the checkpoint and its index.
"""
