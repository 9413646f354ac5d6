"""Call Gene Ontology terms from amino-acid sequences with fine-tuned ESM2 models.

Names are loaded on first use, so that a program pays only for what it touches.

Examples
--------
>>> import esmgo
>>> esmgo.Aspect.parse("molecular_function")
<Aspect.MF: 'molecular_function'>
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from esmgo.assess.audit import Audit, AuditConfig, audit
    from esmgo.assess.baselines import BaselineConfig, write_baseline
    from esmgo.assess.config import EvaluateConfig
    from esmgo.assess.evaluation import Evaluated, evaluate_files
    from esmgo.data.annotations import read_annotations
    from esmgo.data.fasta import Protein, read_fasta
    from esmgo.data.rejects import ReadReport
    from esmgo.dataset.building import BuildConfig, build
    from esmgo.dataset.opening import open_dataset
    from esmgo.errors import EsmgoError
    from esmgo.explanation.explaining import ExplainConfig, explain, write_explanations
    from esmgo.explanation.explanation import Explanation
    from esmgo.export.hub import ExportConfig, export_checkpoint
    from esmgo.go.information import information_accretion
    from esmgo.go.labels import LabelSpace
    from esmgo.go.obo import read_obo
    from esmgo.go.ontology import Ontology
    from esmgo.go.scores import Scores
    from esmgo.go.terms import Aspect, Term
    from esmgo.go.truepath import propagate
    from esmgo.learn.blending import BlendConfig, BlendSummary, blend
    from esmgo.learn.config import Fitted, TrainConfig
    from esmgo.learn.finetune import fit
    from esmgo.metrics.result import AspectResult, evaluate
    from esmgo.metrics.truth import Truth
    from esmgo.predict.drawing import SubgraphConfig, subgraph
    from esmgo.predict.embedding import EmbedConfig, write_embeddings
    from esmgo.predict.prediction import Evidence, Prediction
    from esmgo.predict.predictor import Predictor
    from esmgo.predict.ranking import RankConfig, rank
    from esmgo.predict.scorer import Scorer
    from esmgo.predict.selftest import Selftest, SelftestConfig, selftest
    from esmgo.proteome.config import PredictConfig
    from esmgo.proteome.merging import MergeConfig, merge_shards
    from esmgo.proteome.run import PredictSummary, write_predictions

_HOMES = {
    "Aspect": "go.terms",
    "AspectResult": "metrics.result",
    "Audit": "assess.audit",
    "AuditConfig": "assess.audit",
    "BaselineConfig": "assess.baselines",
    "BlendConfig": "learn.blending",
    "BlendSummary": "learn.blending",
    "BuildConfig": "dataset.building",
    "EmbedConfig": "predict.embedding",
    "Predictor": "predict.predictor",
    "EsmgoError": "errors",
    "EvaluateConfig": "assess.config",
    "Evaluated": "assess.evaluation",
    "Evidence": "predict.prediction",
    "ExplainConfig": "explanation.explaining",
    "Explanation": "explanation.explanation",
    "ExportConfig": "export.hub",
    "Fitted": "learn.config",
    "LabelSpace": "go.labels",
    "MergeConfig": "proteome.merging",
    "Ontology": "go.ontology",
    "PredictConfig": "proteome.config",
    "PredictSummary": "proteome.run",
    "Prediction": "predict.prediction",
    "Scorer": "predict.scorer",
    "Protein": "data.fasta",
    "RankConfig": "predict.ranking",
    "ReadReport": "data.rejects",
    "Scores": "go.scores",
    "Selftest": "predict.selftest",
    "SelftestConfig": "predict.selftest",
    "SubgraphConfig": "predict.drawing",
    "Term": "go.terms",
    "TrainConfig": "learn.config",
    "Truth": "metrics.truth",
    "audit": "assess.audit",
    "blend": "learn.blending",
    "build": "dataset.building",
    "evaluate": "metrics.result",
    "evaluate_files": "assess.evaluation",
    "explain": "explanation.explaining",
    "export_checkpoint": "export.hub",
    "fit": "learn.finetune",
    "information_accretion": "go.information",
    "merge_shards": "proteome.merging",
    "open_dataset": "dataset.opening",
    "propagate": "go.truepath",
    "rank": "predict.ranking",
    "read_annotations": "data.annotations",
    "read_fasta": "data.fasta",
    "read_obo": "go.obo",
    "selftest": "predict.selftest",
    "subgraph": "predict.drawing",
    "write_baseline": "assess.baselines",
    "write_embeddings": "predict.embedding",
    "write_explanations": "explanation.explaining",
    "write_predictions": "proteome.run",
}

__all__ = [
    "Aspect",
    "AspectResult",
    "Audit",
    "AuditConfig",
    "BaselineConfig",
    "BlendConfig",
    "BlendSummary",
    "BuildConfig",
    "EmbedConfig",
    "EsmgoError",
    "EvaluateConfig",
    "Evaluated",
    "Evidence",
    "ExplainConfig",
    "Explanation",
    "ExportConfig",
    "Fitted",
    "LabelSpace",
    "MergeConfig",
    "Ontology",
    "PredictConfig",
    "PredictSummary",
    "Prediction",
    "Predictor",
    "Protein",
    "RankConfig",
    "ReadReport",
    "Scorer",
    "Scores",
    "Selftest",
    "SelftestConfig",
    "SubgraphConfig",
    "Term",
    "TrainConfig",
    "Truth",
    "audit",
    "blend",
    "build",
    "evaluate",
    "evaluate_files",
    "explain",
    "export_checkpoint",
    "fit",
    "information_accretion",
    "merge_shards",
    "open_dataset",
    "propagate",
    "rank",
    "read_annotations",
    "read_fasta",
    "read_obo",
    "selftest",
    "subgraph",
    "write_baseline",
    "write_embeddings",
    "write_explanations",
    "write_predictions",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'esmgo' has no attribute {name!r}")
    return getattr(import_module(f"esmgo.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
