#!/bin/sh
# The GPU in one call of at most four minutes: tests, agreement, speed, memory.
#
#     OUT=FOLDER sh benchmarks/gpu.sh [--minutes=4] [--device=cuda]
#
# Runs from the sources; the table is FOLDER/gpu.md, and grows part by part.
set -eu
cd "$(dirname "$0")/.."
PYTHONPATH="$PWD/src:$PWD/benchmarks:$PWD/recipes" exec "${PYTHON:-python3}" benchmarks/gpu.py --out="${OUT:-.}" "$@"
