"""One function per verb: parse, call, print, return the exit code."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from esmgo.cli import flags
from esmgo.cli.table import VERBS
from esmgo.data.rejects import ReadReport
from esmgo.errors import MachineError, UsageError, printable

if TYPE_CHECKING:
    from esmgo.predict.embedding import EmbedConfig
    from esmgo.predict.ranking import RankConfig
    from esmgo.proteome.config import PredictConfig

log = logging.getLogger(__name__)


def train(words: Sequence[str], prog: str) -> int:
    """``esmgo train``, ``fine-tune.py``."""
    from esmgo.learn.config import TrainConfig
    from esmgo.learn.finetune import fit

    config, given = flags.parse(TrainConfig, words, prog=prog, description=VERBS["train"])
    return 4 if fit(config, given).report.rejects else 0  # fit has named them at the start


def rank(words: Sequence[str], prog: str) -> int:
    """``esmgo rank``, ``predict-rank.py``."""
    from esmgo.predict.ranking import RankConfig

    config, _ = flags.parse(RankConfig, words, prog=prog, description=VERBS["rank"])
    from esmgo.cli.conversation import answer, converse

    # the front door prints the whole transcript of the seed, and all terms of it; a verb's stdout
    # is results alone
    is_verb = prog.startswith("esmgo ")
    status = sys.stderr if is_verb else sys.stdout
    config = replace(config, general=config.general or config.raw or not is_verb)
    if config.sequence is None and config.fasta is None and sys.stdin.isatty():
        return converse(config)
    return _with_rejects(config, lambda report: answer(config, report, status))


def predict(words: Sequence[str], prog: str) -> int:
    """``esmgo predict``."""
    from esmgo.files.output import is_stream
    from esmgo.proteome.config import PredictConfig
    from esmgo.proteome.run import write_predictions

    config, _ = flags.parse(PredictConfig, words, prog=prog, description=VERBS["predict"])
    out = sys.stderr if is_stream(str(config.output)) else sys.stdout  # /dev/stdout, too
    return _with_rejects(
        config,
        lambda report: print(write_predictions(config, report), file=out),
        replaces=config.resume or config.overwrite,
    )


def merge(words: Sequence[str], prog: str) -> int:
    """``esmgo merge``."""
    from esmgo.files.output import is_stream
    from esmgo.proteome.merging import MergeConfig, merge_shards

    config, _ = flags.parse(MergeConfig, words, prog=prog, description=VERBS["merge"])
    out = sys.stderr if is_stream(str(config.output)) else sys.stdout
    print(merge_shards(config), file=out)
    return 0


def subgraph(words: Sequence[str], prog: str) -> int:
    """``esmgo subgraph``."""
    from esmgo.predict.drawing import SubgraphConfig, subgraph

    config, _ = flags.parse(SubgraphConfig, words, prog=prog, description=VERBS["subgraph"])
    report = ReadReport(config.strict)
    path = subgraph(config, report)
    print(path)
    return _code(report)


def explain(words: Sequence[str], prog: str) -> int:
    """``esmgo explain``."""
    from esmgo.explanation.explaining import ExplainConfig, write_explanations

    config, _ = flags.parse(ExplainConfig, words, prog=prog, description=VERBS["explain"])
    report = ReadReport(config.strict)
    write_explanations(config, report)
    return _code(report)


def build(words: Sequence[str], prog: str) -> int:
    """``esmgo build``."""
    from esmgo.dataset.building import BuildConfig, build

    config, _ = flags.parse(BuildConfig, words, prog=prog, description=VERBS["build"])
    summary = build(config)
    print(summary)
    return _code(summary.report)


def export(words: Sequence[str], prog: str) -> int:
    """``esmgo export``."""
    from esmgo.export.hub import ExportConfig, export_checkpoint

    config, _ = flags.parse(ExportConfig, words, prog=prog, description=VERBS["export"])
    print(export_checkpoint(config))
    return 0


def baseline(words: Sequence[str], prog: str) -> int:
    """``esmgo baseline METHOD``."""
    from esmgo.assess.baselines import METHODS, BaselineConfig, write_baseline

    if words and not words[0].startswith("-"):
        words = [f"--method={words[0]}", *words[1:]]
    description = f"{VERBS['baseline']} The first word is the method: {', '.join(METHODS)}."
    config, _ = flags.parse(BaselineConfig, words, prog=prog, description=description)
    report = ReadReport(config.strict)
    summary = write_baseline(config, report)
    print(summary, file=sys.stderr if config.output == "-" else sys.stdout)
    return _code(report)


def audit(words: Sequence[str], prog: str) -> int:
    """``esmgo audit``."""
    from esmgo.assess.audit import AuditConfig, audit

    config, _ = flags.parse(AuditConfig, words, prog=prog, description=VERBS["audit"])
    report = ReadReport(config.strict)
    print(audit(config, report))
    if config.output_dir is not None:
        print(f"written to {printable(config.output_dir, 120)}")
    return _code(report)


def embed(words: Sequence[str], prog: str) -> int:
    """``esmgo embed``."""
    from esmgo.predict.embedding import EmbedConfig, write_embeddings

    config, _ = flags.parse(EmbedConfig, words, prog=prog, description=VERBS["embed"])
    return _with_rejects(config, lambda report: print(write_embeddings(config, report)))


def blend(words: Sequence[str], prog: str) -> int:
    """``esmgo blend``."""
    from esmgo.learn.blending import BlendConfig, blend

    config, _ = flags.parse(BlendConfig, words, prog=prog, description=VERBS["blend"])
    report = ReadReport()
    print(blend(config, report))
    return _code(report)


def selftest(words: Sequence[str], prog: str) -> int:
    """``esmgo selftest``."""
    from esmgo.predict.selftest import SelftestConfig, selftest

    config, _ = flags.parse(SelftestConfig, words, prog=prog, description=VERBS["selftest"])
    found = selftest(config)
    print(found)
    return 0 if found.is_good else 6


def evaluate(words: Sequence[str], prog: str) -> int:
    """``esmgo evaluate``."""
    from esmgo.assess.config import EvaluateConfig
    from esmgo.assess.evaluation import evaluate_files

    config, _ = flags.parse(EvaluateConfig, words, prog=prog, description=VERBS["evaluate"])
    found = evaluate_files(config)
    print(found)
    return _code(found.report) or (4 if found.n_invalid else 0)


def _with_rejects(
    config: RankConfig | EmbedConfig | PredictConfig,
    work: Callable[[ReadReport], None],
    *,
    replaces: bool = False,
) -> int:
    """Do the work, say what was rejected and write it to ``--rejects``, also where it fails."""
    report = ReadReport(config.strict)
    if config.rejects:
        _check_free(Path(config.rejects), replaces=replaces)
    try:
        work(report)
    finally:
        code = _code(report)
        if config.rejects and report.n_records:
            report.write_rejects(Path(config.rejects))
    return code


def _check_free(path: Path, *, replaces: bool) -> None:
    """Find before any work that a file cannot be written."""
    if path.exists() and not replaces:
        raise UsageError(f"{printable(path)} exists; choose another name", field="rejects")
    if not path.absolute().parent.is_dir():
        raise MachineError(f"`rejects` {printable(path)}: there is no such folder")


def _code(report: ReadReport) -> int:
    """Say what was changed or rejected; return 4 if anything was rejected."""
    for line in report.lines():
        log.warning("%s", line)
    return 4 if report.rejects else 0
