"""The model: it computes the probability of each term from the sequence of a protein.

A *caller* is an *encoder* and a *head*. The encoder is the protein language model ESM2: it turns
residues into hidden states. The head turns the state at the first token, ``<cls>``, into one
logit per term; a sigmoid makes it a probability.

A *batch* contains proteins of similar length, one after another, without padding between them.
Linear layers run over all tokens at once; attention runs within each protein. On a CPU a
protein's scores do not depend on the rest of its batch, to the last bit.

A *checkpoint* is one file with the weights, the label space and, for resuming, the state of
training. It is a safetensors file with a digest, never a pickle: opening a pickle can run any
code, while safetensors only holds numbers and text. Torch is imported only from here upwards.
"""
