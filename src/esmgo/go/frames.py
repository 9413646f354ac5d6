"""Tables as pandas data frames. pandas is optional: it is imported when a table is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def frame(columns: Mapping[str, Any]) -> Any:
    """Return a data frame with these columns, all of one length.

    Raises ImportError, which names the remedy, if pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("to_pandas needs pandas: pip install pandas") from error
    return pd.DataFrame(dict(columns))
