"""Call Gene Ontology terms from amino-acid sequences with fine-tuned ESM2 models.

Names are loaded on first use, so that a program pays only for what it touches.

Examples
--------
>>> import esmgo
>>> esmgo.Aspect.parse("molecular_function")
<Aspect.MF: 'molecular_function'>
"""

from lazy_loader import attach_stub

__version__ = "0.1.0"

__getattr__, _, __all__ = attach_stub(__name__, __file__)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
