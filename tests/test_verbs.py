"""The table of verbs: all that it names exists, and takes what it is given."""

from inspect import signature
from pkgutil import resolve_name

import pytest

from esmgo.cli.verbs import VERBS


@pytest.mark.parametrize("name", VERBS)
def test_the_table_names_functions_that_take_config_and_report(name):
    verb = VERBS[name]
    assert resolve_name(verb.config).__name__.endswith("Config")
    assert ("report" in signature(resolve_name(verb.function)).parameters) == verb.takes_report
