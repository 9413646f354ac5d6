"""Call Gene Ontology terms from amino-acid sequences with fine-tuned ESM2 models.

Names are loaded on first use, so that a program pays only for what it touches.

Examples
--------
>>> import esmgo
>>> esmgo.Aspect.parse("molecular_function")
<Aspect.MF: 'molecular_function'>
"""

import sys

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Find the public names when the first one is used, and then each where it is defined."""
    from lazy_loader import attach_stub  # too slow for the command line before its first line

    found, _, names = attach_stub(__name__, __file__)
    globals().update(__getattr__=found, __all__=names)
    return names if name == "__all__" else found(name)


def __dir__() -> list[str]:
    return [*sys.modules[__name__].__all__, "__version__"]
