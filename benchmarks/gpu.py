"""One GPU: tests, agreement with the CPU, speed and model FLOP utilisation, memory, predictions.

    sh benchmarks/gpu.sh

Each part runs in a process of its own with a limit of time, so that one that fails or takes too
long leaves the others. Weights are random, in the true sizes of ESM2. Model FLOP utilisation is
`models.flops` of the proteins over the time and the peak of the card in dense bf16; padding,
norms, softmax and the head are not counted, and a backward pass counts twice a forward pass.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from lengths import described, swiss_prot_like
from models import SIZES, flops
from report import table
from sizes import LARGE

from esmgo.model.caller import Caller
from esmgo.model.packing import pack
from esmgo.model.scoring import probabilities
from esmgo.model.tokens import encode

ALL = SIZES | LARGE
N_TERMS = 1_000
PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40": 181e12}
"""Dense bf16 FLOP/s, by the maker's data sheets."""

SCORED = {"t6_8M": 20_000, "t12_35M": 12_000, "t30_150M": 6_000, "t33_650M": 3_000, "t36_3B": 1_000}
TRAINED = "t33_650M"
PREDICTED = 5_000
ROOT = Path(__file__).resolve().parent.parent


def random_caller(size: str, device: torch.device, *, half: bool) -> Caller:
    """Return a caller of a size with random weights, made on the device."""
    n_layers, width, n_heads, n_hidden = ALL[size]
    sizes = {
        "vocab_size": 33, "mask_token_id": 32, "pad_token_id": 1, "hidden_size": width,
        "num_hidden_layers": n_layers, "num_attention_heads": n_heads,
        "intermediate_size": n_hidden, "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0, "max_position_embeddings": 1026,
        "layer_norm_eps": 1e-5, "position_embedding_type": "rotary",
        "emb_layer_norm_before": False, "token_dropout": True,
    }  # fmt: skip
    caller = Caller(sizes, N_TERMS)
    if half:
        caller.encoder.to(torch.bfloat16)
    caller.network.to_empty(device=device)
    draw = torch.Generator(device).manual_seed(0)
    with torch.no_grad():
        for name, weight in caller.network.named_parameters():
            if weight.ndim == 2 and "embedding" not in name:
                weight.normal_(0, weight.shape[1] ** -0.5, generator=draw)
            elif weight.ndim == 2:
                weight.normal_(0, 1, generator=draw)
            else:
                weight.fill_(float("norm" in name.lower() and "bias" not in name))
    return caller


def dtype_on(device: torch.device) -> str:
    """Return bf16; fp32 on a CPU, where the script is only tried."""
    return "bf16" if device.type == "cuda" else "fp32"


def ready(device: torch.device) -> None:
    """Wait until the device has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(run: Callable[[], object], device: torch.device, repeats: int = 3) -> float:
    """Return the median wall time of a call, after one that is not measured."""
    found = []
    for _ in range(repeats + 1):
        ready(device)
        start = time.perf_counter()
        run()
        ready(device)
        found.append(time.perf_counter() - start)
    return sorted(found[1:])[repeats // 2]


def peak_memory(device: torch.device) -> str:
    """Return the most memory that was in use, in GiB."""
    if device.type != "cuda":
        return "–"
    return f"{torch.cuda.max_memory_allocated(device) / 2**30:.1f}"


def used(flop: float, time_s: float, device: torch.device) -> str:
    """Return the model FLOP utilisation, or nothing for a card whose peak is not listed."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    peak = next((peak for card, peak in PEAKS.items() if card in name), None)
    return f"{flop / time_s / peak:.0%}" if peak else "–"


def scoring(size: str, device: torch.device, n: int) -> Iterator[str]:
    """Residues per second of the scores of one size, in bf16."""
    caller = random_caller(size, device, half=size in LARGE)
    texts = swiss_prot_like(n)
    rows = [encode(text, 1026) for text in texts]
    time_s = seconds(lambda: list(probabilities(caller, rows, device, dtype_on(device))), device, 1)
    flop = flops_of(size, [len(row) for row in rows], cls_only=True)
    speed = sum(map(len, texts)) / time_s
    share = used(flop, time_s, device)
    yield f"| {size} | {n:,} | {speed:,.0f} | {share} | {peak_memory(device)} |"


def flops_of(size: str, lengths: list[int], *, cls_only: bool) -> float:
    """Return `models.flops`, for the large sizes, too."""
    SIZES.update(LARGE)
    return flops(size, lengths, cls_only=cls_only)


def agreement(size: str, device: torch.device) -> Iterator[str]:
    """Largest difference of logits from those of the CPU in fp32."""
    caller = random_caller(size, torch.device("cpu"), half=False)
    packed = [pack([encode(t, 1026) for t in swiss_prot_like(8)], d) for d in ("cpu", device)]
    with torch.inference_mode():
        expected = caller(packed[0])
        caller.network.to(device)
        for half, name in ((False, "fp32"), (True, "bf16")):
            far = (caller(packed[1], half).cpu() - expected).abs().max().item()
            yield f"| {size} | {name} | {far:.1e} |"


def training(way: str, device: torch.device, size: str, n: int = 64) -> Iterator[str]:
    """Residues per second of updates with one accumulation window, in bf16."""
    k = {"head": 0, "k = 2": 2, "all layers": ALL[size][0]}[way]
    caller = random_caller(size, device, half=False)
    caller.unfreeze(k)
    texts = swiss_prot_like(n)
    packed = pack([encode(text, 1026) for text in texts], device)
    target = torch.zeros(n, N_TERMS, device=device)
    half = dtype_on(device) == "bf16"
    optimizer = torch.optim.AdamW(caller.trainable().values(), lr=1e-4)

    def update() -> None:
        logits = caller.upper(caller.lower(packed, half), packed, half)
        torch.nn.functional.binary_cross_entropy_with_logits(logits, target).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    time_s = seconds(update, device)
    lengths = [len(text) + 2 for text in texts]
    n_layers = ALL[size][0]
    forward = flops_of(size, lengths, cls_only=True)
    flop = forward * (1 + 2 * k / n_layers)
    speed = sum(map(len, texts)) / time_s
    share = used(flop, time_s, device)
    yield f"| {size} | {way} | {speed:,.0f} | {share} | {peak_memory(device)} |"


def loading(size: str, device: torch.device) -> Iterator[str]:
    """Time to make the weights on the device, and memory to score with them."""
    start = time.perf_counter()
    caller = random_caller(size, device, half=True)
    ready(device)
    made = time.perf_counter() - start
    rows = [encode(text, 1026) for text in swiss_prot_like(32)]
    time_s = seconds(lambda: list(probabilities(caller, rows, device, dtype_on(device))), device, 1)
    speed = sum(len(row) - 2 for row in rows) / time_s
    yield f"| {size} | {made:.1f} | {speed:,.0f} | {peak_memory(device)} |"


def predicting(device: torch.device, n: int) -> Iterator[str]:
    """Whole process of `esmgo predict` with the bundled caller."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "proteins.fasta"), Path(folder, "calls.tsv")
        texts = swiss_prot_like(n)
        source.write_text("".join(f">p{i}\n{text}\n" for i, text in enumerate(texts)))
        for homology in ("builtin", "none"):
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "esmgo", "predict", f"--input={source}",
                 f"--output={target}", "--checkpoint_path=bundled", f"--device={device}",
                 f"--homology={homology}", "--overwrite"],
                check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            yield f"| {n:,} | {homology} | {time.perf_counter() - start:.1f} |"


def parts(options: argparse.Namespace) -> list[tuple[str, list[str], list[list[str]], float]]:
    """Return title, columns, calls and seconds of each part, the important ones first."""
    sizes = options.sizes.split(",")
    scored = [[f"scoring:{size}"] for size in sizes if size in SCORED]
    memory = ["peak, GiB"]
    speed = ["size", "proteins", "residues/s", "FLOP utilisation", *memory]
    return [
        ("Scores, bf16", speed, scored, 90),
        (
            "Updates, bf16",
            ["size", "trained", *speed[2:]],
            [[f"training:{options.trained}:{way}"] for way in ("head", "k = 2", "all layers")],
            60,
        ),
        ("Logits against the CPU in fp32", ["size", "arithmetic", "largest difference"],
         [[f"agreement:{size}"] for size in sizes[:2]], 40),
        ("Large sizes, bf16", ["size", "made in s", "residues/s", *memory],
         [[f"loading:{size}"] for size in LARGE if not options.small], 60),
        ("`esmgo predict`, bundled caller", ["proteins", "homology", "seconds"],
         [["predicting"]], 90),
    ]  # fmt: skip


def one(call: str, options: argparse.Namespace) -> None:
    """Run one call and print its lines."""
    device = torch.device(options.device)
    name, *words = call.split(":")
    small = options.small
    lines = {
        "scoring": lambda: scoring(words[0], device, 16 if small else SCORED[words[0]]),
        "training": lambda: training(words[1], device, words[0], 4 if small else 64),
        "agreement": lambda: agreement(words[0], device),
        "loading": lambda: loading(words[0], device),
        "predicting": lambda: predicting(device, 8 if small else PREDICTED),
    }[name]()
    for line in lines:
        print(line, flush=True)


def main() -> None:
    """Run all parts until the time is spent."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--sizes", default=",".join(SCORED))
    parser.add_argument("--trained", default=TRAINED)
    parser.add_argument("--small", action="store_true", help="few proteins, to try the script")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one, options)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * options.minutes - 10
    with (options.out / "gpu.md").open("w", encoding="utf-8") as file:

        def write(text: str) -> None:
            print(text, flush=True)
            file.write(text + "\n")
            file.flush()

        write(head(options))
        for title, columns, calls, limit in parts(options):
            write(f"\n## {title}\n\n{table(columns, [])}")
            for (call,) in calls:
                write(
                    completed(
                        [__file__, *words(options), f"--one={call}"],
                        min(limit, end - time.monotonic()),
                    )
                )
        write("\n## pytest -m gpu\n")
        tests = ["-m", "pytest", "-q", "-m", "gpu", "tests/test_gpu.py", "-p", "no:cacheprovider"]
        text = completed(tests, end - time.monotonic())
        write("\n".join(text.splitlines()[-3:]))


def words(options: argparse.Namespace) -> list[str]:
    """Return the flags that each part needs."""
    return [f"--device={options.device}", *["--small"] * options.small]


def completed(command: list[str], limit: float) -> str:
    """Return what a Python program prints, or why there is nothing."""
    if limit < 5:
        return "(no time left)"
    try:
        found = subprocess.run(
            [sys.executable, *command], capture_output=True, text=True, timeout=limit, cwd=ROOT
        )
    except subprocess.TimeoutExpired as error:
        printed = error.stdout or b""
        return f"{printed.decode() if isinstance(printed, bytes) else printed}(over {limit:.0f} s)"
    if found.returncode:
        last = (found.stderr.strip() or found.stdout.strip()).splitlines()[-1:]
        return f"{found.stdout}(failed: {' '.join(last)})"
    return found.stdout.rstrip()


def head(options: argparse.Namespace) -> str:
    """Return hardware, versions and proteins."""
    device = torch.device(options.device)
    card = platform.machine()
    if device.type == "cuda":
        about = torch.cuda.get_device_properties(device)
        card = f"{about.name}, {about.total_memory / 2**30:.0f} GiB"
    return (
        f"# One GPU, {time.strftime('%Y-%m-%d')}\n\n`sh benchmarks/gpu.sh`\n\n{card}, "
        f"{os.cpu_count()} cores; Python {platform.python_version()}, torch {torch.__version__}.\n"
        f"Proteins like Swiss-Prot's: {described(swiss_prot_like(1_000))}."
    )


if __name__ == "__main__":
    main()
