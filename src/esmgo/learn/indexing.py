"""The index of the training proteins, computed at the end of a training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from esmgo.errors import CheckpointError
from esmgo.evidence.index import Index, as_stored
from esmgo.evidence.index_file import open_index, write_index
from esmgo.evidence.stored_sequences import StoredSequences
from esmgo.learn.spread import spread
from esmgo.learn.state import State
from esmgo.learn.stop import StopRequest
from esmgo.model.checkpoint import Checkpoint, open_checkpoint
from esmgo.model.container import files_of
from esmgo.model.scoring import token_budget


def is_indexed(checkpoint: Checkpoint) -> bool:
    """Whether the index of a checkpoint is there and sound."""
    try:
        return open_index(checkpoint, with_kmers=False) is not None
    except CheckpointError:
        return False


def index_training(state: State, path: Path, stop: StopRequest) -> None:
    """Write the index of the checkpoint at ``path``: complete or absent.

    If the checkpoint has a blend and its index, both stay: a save by training removes the blend.
    Raises Stopped after a signal; resuming starts the index from the beginning.
    """
    checkpoint, (_, usual, new) = open_checkpoint(path), files_of(path)
    if state.ranks.number(checkpoint.blend is not None and is_indexed(checkpoint)):
        return
    features, train = state.features, state.data.train
    state.caller.train(False)
    if not state.ranks.in_step:
        state.caller.merge()  # the index is compared with vectors of the merged encoder
    vectors = np.empty((len(train), state.caller.width), np.float16)
    hidden, ranks = state.ranks.hides_bars, state.ranks
    with tqdm(desc="Index", total=len(train), unit="protein", disable=hidden, leave=False) as bar:
        budget = token_budget(state.caller, state.device)
        for rows, found in spread(
            features.lengths, features.vectors, state.caller.width, budget, ranks, stop
        ):
            vectors[rows] = as_stored(found)
            bar.update(len(rows))
    if not ranks.is_first:
        return
    sequences = StoredSequences.of(train.sequences)
    index = Index(train.ids, vectors, train.terms, train.taxa, sequences=sequences)
    write_index(usual, index, state.data.labels, checkpoint.encoder_fingerprint)
    new.unlink(missing_ok=True)  # of an earlier blend
