"""From a checkpoint and proteins to called terms."""
