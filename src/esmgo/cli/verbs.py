"""The verbs of ``esmgo``. Modules are named, not imported, so that ``--help`` prints at once."""

from __future__ import annotations

from typing import NamedTuple


class Verb(NamedTuple):
    """A verb: its line of help, and where its configuration and its function are defined.

    ``script`` is the script with the same function, if any. The function takes the configuration
    and, unless ``takes_report`` is false, a `ReadReport`. ``first`` is the setting that an
    argument without a flag gives.
    """

    text: str
    config: str
    function: str
    script: str = ""
    takes_report: bool = True
    first: str = ""


VERBS = {
    "train": Verb(
        "Fine-tune an ESM2 encoder to call Gene Ontology terms.",
        "esmgo.learn.config:TrainConfig", "esmgo.learn.finetune:fit", "fine-tune.py", False),
    "rank": Verb(
        "Rank the GO terms of proteins.",
        "esmgo.predict.ranking:RankConfig", "esmgo.cli.conversation:answer", "predict-rank.py",
        first="fasta"),
    "predict": Verb(
        "Call the GO terms of whole proteomes.",
        "esmgo.proteome.config:PredictConfig", "esmgo.proteome.run:write_predictions",
        first="input"),
    "plan": Verb(
        "Read proteins once, so that many machines can predict their blocks.",
        "esmgo.proteome.planning:PlanConfig", "esmgo.proteome.planning:plan", first="input"),
    "merge": Verb(
        "Join the shards of a prediction.",
        "esmgo.proteome.merging:MergeConfig", "esmgo.proteome.merging:merge_shards"),
    "subgraph": Verb(
        "Draw the GO subgraph of a protein.",
        "esmgo.predict.drawing:SubgraphConfig", "esmgo.predict.drawing:subgraph", first="fasta"),
    "explain": Verb(
        "Show the evidence for one GO term of a protein, and test it.",
        "esmgo.explanation.explaining:ExplainConfig",
        "esmgo.explanation.explaining:write_explanations", first="fasta"),
    "build": Verb(
        "Make a data set from sequences, annotations and an ontology.",
        "esmgo.dataset.building:BuildConfig", "esmgo.dataset.building:build", takes_report=False),
    "export": Verb(
        "Write a checkpoint as a Hugging Face model folder.",
        "esmgo.export.model_folder:ExportConfig",
        "esmgo.export.model_folder:export_checkpoint", takes_report=False),
    "evaluate": Verb(
        "Evaluate predictions or a checkpoint as CAFA does.",
        "esmgo.assess.config:EvaluateConfig", "esmgo.assess.evaluation:evaluate_files",
        takes_report=False),
    "baseline": Verb(
        "Score proteins by term frequency, homology or neighbours.",
        "esmgo.assess.baselines:BaselineConfig", "esmgo.assess.baselines:write_baseline",
        first="method"),
    "audit": Verb(
        "Compare test proteins with training proteins, or their calls with those on decoys.",
        "esmgo.assess.config:AuditConfig", "esmgo.assess.audit:audit"),
    "embed": Verb(
        "Write one embedding vector per protein.",
        "esmgo.predict.embedding:EmbedConfig", "esmgo.predict.embedding:write_embeddings",
        first="fasta"),
    "blend": Verb(
        "Combine network, neighbours, k-mers and homology, and calibrate.",
        "esmgo.blending.blend_config:BlendConfig", "esmgo.blending.blending:blend"),
    "selftest": Verb(
        "Check the bundled caller, and list which optional programs are available.",
        "esmgo.predict.selftest:SelftestConfig", "esmgo.predict.selftest:selftest",
        takes_report=False),
}  # fmt: skip
