"""One GPU: tests, agreement with the CPU, speed and model FLOP utilisation, memory, predictions.

    sh benchmarks/gpu.sh

Each part runs in a process of its own with a limit of time, so that one that fails or takes too
long leaves the others. Weights are random, in the true sizes of ESM2. Model FLOP utilisation is
`models.flops` of the proteins over the time and the peak of the card in dense bf16; padding,
norms, softmax and the head are not counted. A backward pass through a trained layer counts twice
its forward pass, one through a layer that is frozen or has an adapter counts once.
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
from models import LARGE, SIZES, flops
from report import table
from untrained_base import sizes_of

from esmgo.model.caller import Caller
from esmgo.model.packing import pack
from esmgo.model.scoring import probabilities
from esmgo.model.tokens import encode

N_TERMS = 1_000
PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40": 181e12}
"""Dense bf16 FLOP/s, by the maker's data sheets."""

SCORED = {"t6_8M": 20_000, "t12_35M": 12_000, "t30_150M": 6_000, "t33_650M": 3_000, "t36_3B": 1_000}
TRAINED = "t33_650M"
WAYS = {"head": 64, "k = 2": 64, "LoRA, rank 16": 16}
"""What is trained, and the proteins of a batch: an adapter in every layer needs their memory."""

BOUNDS = {
    ("logits", "fp32"): 1e-3, ("logits", "bf16"): 0.15,
    ("gradients", "fp32"): 1e-3, ("gradients", "bf16"): 0.05,
}  # fmt: skip
"""Largest difference of logits; that of a parameter's gradient over its norm."""

PREDICTED = 5_000
ROOT = Path(__file__).resolve().parent.parent


def random_caller(size: str, device: torch.device, *, half: bool) -> Caller:
    """Return a caller of a size with random weights, made on the device."""
    n_layers, width, n_heads, _ = (SIZES | LARGE)[size]
    caller = Caller(sizes_of(n_layers, width, n_heads), N_TERMS)
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
    """Return the median wall time of a call, after one that is not measured; on a CPU of one."""
    is_tried = device.type == "cpu"
    found = [0.0] * is_tried
    for _ in range(1 if is_tried else repeats + 1):
        ready(device)
        start = time.perf_counter()
        run()
        ready(device)
        found.append(time.perf_counter() - start)
    return sorted(found[1:])[len(found[1:]) // 2]


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
    flop = flops(size, [len(row) for row in rows], cls_only=True)
    speed = sum(map(len, texts)) / time_s
    share = used(flop, time_s, device)
    yield f"| {size} | {n:,} | {speed:,.0f} | {share} | {peak_memory(device)} |"


def agreement(size: str, device: torch.device, n: int) -> Iterator[str]:
    """Differences of logits, and of the gradients of two layers, from those of the CPU in fp32."""
    texts = [encode(text, 1026) for text in swiss_prot_like(n)]

    def computed(where: torch.device, half: bool) -> tuple[torch.Tensor, list[torch.Tensor]]:
        caller = random_caller(size, torch.device("cpu"), half=False)
        caller.network.to(where)
        caller.unfreeze(2)
        packed = pack(texts, where)
        logits = caller.upper(caller.lower(packed, half), packed, half)
        loss = torch.nn.functional.softplus(logits).mean()
        slopes = torch.autograd.grad(loss, list(caller.trainable().values()))
        return logits.detach().cpu(), [slope.cpu() for slope in slopes]

    expected, right = computed(torch.device("cpu"), half=False)
    largest = max(slope.norm() for slope in right)
    for half, name in ((False, "fp32"), (True, "bf16")):
        logits, slopes = computed(device, half)
        far = {
            "logits": (logits - expected).abs().max(),
            "gradients": max(
                (a - b).norm() / (b.norm() + largest / 100)
                for a, b in zip(slopes, right, strict=True)
            ),
        }
        for what, value in far.items():
            bound = BOUNDS[what, name]
            verdict = "ok" if value <= bound else "over"
            yield f"| {size} | {what} | {name} | {value:.1e} | {bound:g} | {verdict} |"


def training(way: str, device: torch.device, size: str, n: int) -> Iterator[str]:
    """Residues per second of updates with one batch, in bf16."""
    n_layers = (SIZES | LARGE)[size][0]
    caller = random_caller(size, torch.device("cpu") if way.startswith("L") else device, half=False)
    if way.startswith("L"):
        caller.adapt(16, 32.0, 0.0, None, seed=0)
        caller.network.to(device)
        caller.train_adapters()
        backward = 1.0  # of a forward pass: the weights beside the adapters have no gradient
    else:
        k = 2 if way == "k = 2" else 0
        caller.unfreeze(k)
        backward = 2 * k / n_layers
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
    flop = flops(size, [len(text) + 2 for text in texts], cls_only=True) * (1 + backward)
    speed = sum(map(len, texts)) / time_s
    share = used(flop, time_s, device)
    yield f"| {size} | {way} | {n} | {speed:,.0f} | {share} | {peak_memory(device)} |"


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


def parts() -> list[tuple[str, str, list[str], float]]:
    """Return title, name, columns and seconds of each part, the important ones first."""
    speed = ["proteins", "residues/s", "FLOP utilisation", "peak, GiB"]
    far = ["size", "what", "arithmetic", "difference", "bound", "verdict"]
    return [
        ("Differences from the CPU in fp32", "agreement", far, 40),
        ("Scores, bf16", "scoring", ["size", *speed], 80),
        ("Updates, bf16", "training", ["size", "trained", *speed], 60),
        ("Large sizes, bf16", "loading", ["size", "made in s", "residues/s", "peak, GiB"], 60),
        ("`esmgo predict`, bundled caller", "predicting", ["proteins", "homology", "seconds"], 60),
    ]


def calls(options: argparse.Namespace) -> dict[str, list[Callable[[], Iterator[str]]]]:
    """Return the calls of each part."""
    device, small = torch.device(options.device), options.small
    sizes, trained = options.sizes.split(","), options.trained
    return {
        "agreement": [lambda s=size: agreement(s, device, 1 if small else 8) for size in sizes[:2]],
        "scoring": [
            lambda s=size: scoring(s, device, 1 if small else SCORED[s]) for size in sizes
        ],
        "training": [
            lambda w=way, n=n: training(w, device, trained, 1 if small else n)
            for way, n in WAYS.items()
        ],
        "loading": [] if small else [lambda s=size: loading(s, device) for size in LARGE],
        "predicting": [lambda: predicting(device, 8 if small else PREDICTED)],
    }  # fmt: skip


def one(names: str, options: argparse.Namespace) -> None:
    """Run the calls of some parts and print their lines; one that fails leaves the others."""
    made = calls(options)
    for call in (call for name in names.split(",") for call in made[name]):
        if options.device.startswith("cuda"):
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        try:
            for line in call():
                print(line, flush=True)
        except Exception as error:
            print(f"(failed: {type(error).__name__}: {str(error)[:200]})", flush=True)


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
        tests = ["-m", "pytest", "-q", "-m", "gpu", "tests/test_gpu.py", "-p", "no:cacheprovider"]
        if not options.small:
            write("\n## pytest -m gpu\n")
            write("\n".join(completed(tests, min(70, end - time.monotonic())).splitlines()[-3:]))
        for title, part, columns, limit in parts():
            write(f"\n## {title}\n\n{table(columns, [])}")
            command = [__file__, *words(options), f"--one={part}"]
            write(completed(command, min(limit, end - time.monotonic())))


def words(options: argparse.Namespace) -> list[str]:
    """Return the flags that each part needs."""
    named = (f"--{name}={getattr(options, name)}" for name in ("device", "sizes", "trained"))
    return [*named, *["--small"] * options.small]


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
