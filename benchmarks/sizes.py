"""All six ESM2 sizes: parameters, memory and residues per second; the largest on the meta device.

    python benchmarks/sizes.py [--sizes=t6_8M,t12_35M,t30_150M,t33_650M] [--proteins=4]

Sizes up to 650M run with random weights, each in a process of its own, loaded from a folder in
Hugging Face layout as a user's would be. 3B and 15B are built without memory: their weights
are counted and their names and shapes compared with those of transformers.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

from lengths import swiss_prot_like
from models import CACHE, LARGE, SIZES, base_folder


def measured(size: str, n_proteins: int, cache: Path) -> None:
    """Print a JSON line; runs in a process of its own."""
    import torch

    from esmgo.model.caller import Caller
    from esmgo.model.scoring import probabilities
    from esmgo.model.tokens import encode

    torch.set_num_threads(1)
    start = time.process_time()
    caller = Caller.start(base_folder(size, cache), 300, dropout=0.0, seed=0)
    found: dict[str, float] = {"load_s": time.process_time() - start}
    found["loaded_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["parameters"] = sum(p.numel() for p in caller.encoder.parameters())
    rows = [encode(text, 1026) for text in swiss_prot_like(n_proteins)]
    n_residues = sum(len(row) - 2 for row in rows)
    for precision in ("fp32", "bf16"):
        seconds = []
        for _ in range(3):
            start = time.process_time()
            list(probabilities(caller, rows, torch.device("cpu"), precision))
            seconds.append(time.process_time() - start)
        found[f"{precision}_per_s"] = n_residues / sorted(seconds)[1]
    found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found))


def on_meta(size: str) -> tuple[int, bool]:
    """Return the parameters of a size too large for here, and whether names and shapes fit."""
    import torch
    from transformers import EsmConfig, EsmModel

    from esmgo.model.encoder import Encoder

    n_layers, width, n_heads, n_hidden = LARGE[size]
    sizes = {
        "vocab_size": 33, "hidden_size": width, "num_hidden_layers": n_layers,
        "num_attention_heads": n_heads, "intermediate_size": n_hidden, "layer_norm_eps": 1e-5,
        "token_dropout": True,
    }  # fmt: skip
    with torch.device("meta"):
        ours = Encoder(sizes)
        config = EsmConfig(
            **sizes, mask_token_id=32, pad_token_id=1, position_embedding_type="rotary",
            emb_layer_norm_before=False, max_position_embeddings=1026,
        )  # fmt: skip
        theirs = EsmModel(config, add_pooling_layer=False)
    shapes = [{n: p.shape for n, p in m.named_parameters()} for m in (ours, theirs)]
    return sum(p.numel() for p in ours.parameters()), shapes[0] == shapes[1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--proteins", type=int, default=8)
    parser.add_argument("--models", type=Path, default=CACHE, help="where random models are kept")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measured(given.one, given.proteins, given.models)
        return
    import torch

    print(f"{platform.machine()}, {os.cpu_count()} cores, one thread, Python "
          f"{platform.python_version()}, torch {torch.__version__}; {given.proteins} proteins of "
          "Swiss-Prot-like lengths; medians of 3 passes, CPU-seconds\n")  # fmt: skip
    print(
        "| size | parameters | loaded, MiB | peak, MiB | residues/s fp32 | residues/s bf16 | how |"
    )
    print("|---|---|---|---|---|---|---|")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    for size in given.sizes.split(","):
        base_folder(size, given.models)
        command = [sys.executable, __file__, f"--one={size}", f"--proteins={given.proteins}",
                   f"--models={given.models}"]  # fmt: skip
        out = subprocess.run(command, check=True, capture_output=True, env=environment).stdout
        f = json.loads(out)
        print(f"| {size} | {f['parameters'] / 1e6:,.1f} M | {f['loaded_mib']:,.0f} | "
              f"{f['peak_mib']:,.0f} | {f['fp32_per_s']:,.0f} | {f['bf16_per_s']:,.0f} | run |",
              flush=True)  # fmt: skip
    for size in LARGE:
        n, fits = on_meta(size)
        memory = f"{2 * n / 2**20:,.0f} in bf16"
        how = "meta device: names and shapes as transformers'" if fits else "names DIFFER"
        print(f"| {size} | {n / 1e6:,.1f} M | {memory} | | | | {how} |")


if __name__ == "__main__":
    main()
