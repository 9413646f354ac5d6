"""The caller: encoder and head, batches and checkpoints. Torch begins here."""
