"""Run CAFA's own evaluator (a separate program under the GPL) at full precision.

    python tests/official.py SETTINGS.json

SETTINGS is a list of {"obo", "predictions", "truth", "output", …}; what else is in one is
handed on. Its own command line rounds to three decimals.
"""

import json
import sys
import warnings
from pathlib import Path

if __name__ == "__main__":
    from cafaeval.evaluation import cafa_eval

    warnings.simplefilter("ignore")
    for given in json.loads(Path(sys.argv[1]).read_text()):
        inputs = [given.pop(name) for name in ("obo", "predictions", "truth")]
        output = given.pop("output")
        rows, _ = cafa_eval(*inputs, no_orphans=True, **given)
        rows.to_csv(output, sep="\t", float_format="%.17g")
