"""Predicts with Ray as child processes, and kills a driver or a machine half-way.

As a program: ``python tests/cluster_runs.py driver|node|both PLAN CHECKPOINT FOLDER`` writes
FOLDER/x.tsv and prints the number of parts that were there at the kill.
"""

import os
import subprocess
import sys
import time
from pathlib import Path


def start(plan, checkpoint, output, *words):
    """Start a prediction with two actors."""
    command = [
        sys.executable, "-m", "esmgo", "predict", f"--input={plan}", f"--output={output}",
        f"--checkpoint_path={checkpoint}", "--device=cpu", "--dtype=fp32", "--engine=ray",
        "--num_actors=2", *words,
    ]  # fmt: skip
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def parts_of(output, n, process):
    """Wait for n parts; return how many are there."""
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        found = len(list(Path(f"{output}.parts").glob("*/part-*")))
        if found >= n:
            return found
        time.sleep(0.02)
    raise SystemExit(f"no {n} parts: {process.communicate()[1]}")


def finished(process):
    _, text = process.communicate(timeout=120)
    if process.returncode:
        raise SystemExit(f"{process.returncode}: {text}")
    return text


def kill_driver(plan, checkpoint, output):
    """Kill the driver of a cluster of its own, and run it again."""
    process = start(plan, checkpoint, output, "--address=local")
    n = parts_of(output, 3, process)
    killed(process)
    finished(start(plan, checkpoint, output, "--address=local", "--resume"))
    return n


def killed(process):
    process.kill()
    process.wait()
    process.stderr.close()


def kill_node(plan, checkpoint, output, *, driver=False):
    """Kill one of two machines, and before it perhaps a driver; the other one does the work."""
    from ray.cluster_utils import Cluster

    cluster, resume = Cluster(initialize_head=True, head_node_args={"num_cpus": 1}), []
    try:
        second, n = cluster.add_node(num_cpus=1), 0
        if driver:
            process = start(plan, checkpoint, output, f"--address={cluster.address}")
            n, resume = parts_of(output, 3, process), ["--resume"]
            killed(process)
        process = start(plan, checkpoint, output, f"--address={cluster.address}", *resume)
        n = parts_of(output, n + 6, process)
        cluster.remove_node(second, allow_graceful=False)
        if "an actor was lost" not in finished(process):
            raise SystemExit("no actor was lost")
    finally:
        cluster.shutdown()
    return n


def kill_both(*paths):
    """Kill a driver, and a machine while the next one works."""
    return kill_node(*paths, driver=True)


if __name__ == "__main__":
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    how, *paths, folder = sys.argv[1:]
    kill = {"driver": kill_driver, "node": kill_node, "both": kill_both}[how]
    print("parts:", kill(*paths, Path(folder) / "x.tsv"))
