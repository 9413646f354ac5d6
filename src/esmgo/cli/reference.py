"""All flags of all verbs as a page: ``python -m esmgo.cli.reference > docs/flags.md``."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from esmgo.assess.audit import AuditConfig
from esmgo.assess.baselines import BaselineConfig
from esmgo.assess.config import EvaluateConfig
from esmgo.cli.flags import typed
from esmgo.dataset.building import BuildConfig
from esmgo.explanation.explaining import ExplainConfig
from esmgo.export.hub import ExportConfig
from esmgo.learn.blending import BlendConfig
from esmgo.learn.config import TrainConfig
from esmgo.options import kind_of
from esmgo.predict.drawing import SubgraphConfig
from esmgo.predict.embedding import EmbedConfig
from esmgo.predict.ranking import RankConfig
from esmgo.predict.selftest import SelftestConfig
from esmgo.proteome.config import PredictConfig
from esmgo.proteome.merging import MergeConfig

_VERBS = {
    "`esmgo train`, `fine-tune.py`": TrainConfig,
    "`esmgo rank`, `predict-rank.py`": RankConfig,
    "`esmgo predict`": PredictConfig,
    "`esmgo merge`": MergeConfig,
    "`esmgo subgraph`": SubgraphConfig,
    "`esmgo explain`": ExplainConfig,
    "`esmgo build`": BuildConfig,
    "`esmgo export`": ExportConfig,
    "`esmgo evaluate`": EvaluateConfig,
    "`esmgo baseline`": BaselineConfig,
    "`esmgo audit`": AuditConfig,
    "`esmgo embed`": EmbedConfig,
    "`esmgo blend`": BlendConfig,
    "`esmgo selftest`": SelftestConfig,
}

_HEAD = """# Flags

Made from the code by `python -m esmgo.cli.reference`. Unambiguous prefixes of a flag work,
and so does `--batch-size` for `--batch_size`. In Python the same names are the fields of
`TrainConfig`, `RankConfig`, `PredictConfig`, `MergeConfig`, `SubgraphConfig`, `BuildConfig`,
`ExportConfig`, `EvaluateConfig`, `BaselineConfig`, `AuditConfig`, `EmbedConfig`, `BlendConfig`,
`SelftestConfig` and `ExplainConfig`.
"""


def page() -> str:
    """Return the page, in Markdown."""
    parts = [_HEAD]
    for title, config in _VERBS.items():
        rows = ["| Flag | Default | Type | Description |", "|---|---|---|---|"]
        rows += [_row(config, each) for each in fields(config)]
        table = "\n".join(rows) if len(rows) > 2 else "It takes no flags."
        parts.append(f"## {title}\n\n{table}\n")
    return "\n".join(parts)


def _row(config: type, each: Any) -> str:
    default = f'"{each.default}"' if isinstance(each.default, str) else each.default
    if default is None:
        default = typed(each.metadata["default_text"])
    text = typed(each.metadata["text"]).replace("|", "\\|")
    name = each.name if each.metadata["is_rest"] else f"--{each.name}"
    names = [*(f"-{letter}" for letter in each.metadata["short"] or ""), name]
    return f"| {', '.join(names)} | {default} | {kind_of(config, each.name).__name__} | {text} |"


if __name__ == "__main__":
    print(page(), end="")
