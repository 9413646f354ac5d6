"""The house: no circle of files, no import from a higher floor, no torch below the model.

The floors are those of import-linter in pyproject.toml. Here imports inside functions count, too.
"""

import ast
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES = 320
MODULES = 20
TABLES = ("dataset/sample_motifs.py",)
"""Files of data, which may be longer."""


def floors_of(pyproject: Path) -> tuple[dict[str, int], set[str], set[str]]:
    """The floor of each part of the package, 0 on top; the parts without torch; what torch is."""
    floors, plain = tomllib.loads(pyproject.read_text())["tool"]["importlinter"]["contracts"]
    layers = [line.replace("(", "").replace(")", "").split("|") for line in floors["layers"]]
    found = {part.strip(): i for i, parts in enumerate(layers) for part in parts}
    without_torch = {name.partition(".")[2] for name in plain["source_modules"]}
    return found, without_torch, set(plain["forbidden_modules"])


def files_of(package: Path) -> dict[str, Path]:
    """Every module by its dotted name, packages included."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(name: str, path: Path, modules: set[str]) -> set[str]:
    """What a file imports at any place: modules of the package, else names as they are written."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            home = node.module or ""
            if node.level:
                base = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
                home = ".".join([*base[: len(base) - node.level + 1], *home.split(".")]).rstrip(".")
            names = {alias.name for alias in node.names} - {"__version__"}
            deep = {f"{home}.{each}" for each in names}
            found |= deep & modules | ({home} if deep - modules else set())
    return found - {name}


def problems(package: Path, pyproject: Path) -> list[str]:
    """All that is wrong with the imports and sizes of a package."""
    files = files_of(package)
    arrows = {name: imports_of(name, path, set(files)) for name, path in files.items()}
    circle = circle_of({name: imported & set(files) for name, imported in arrows.items()})
    return [*wrong_arrows(arrows, *floors_of(pyproject)), *circle, *sizes(package, files.values())]


def wrong_arrows(
    arrows: dict[str, set[str]], floors: dict[str, int], without_torch: set[str], torch: set[str]
) -> Iterator[str]:
    """Imports that do not go down, and torch where it may not be."""
    for name, imported in arrows.items():
        own = part_of(name)
        if own and own not in floors:
            yield f"{name} is on no floor"
        for other in sorted(imported):
            there = part_of(other)
            if other.split(".")[0] in torch and own in without_torch:
                yield f"{name} imports {other}"
            elif own not in floors or other not in arrows or there == own:
                continue
            elif not there:
                yield f"{name} imports {other}, the names for users"
            elif floors.get(there, 0) <= floors[own]:
                yield f"{name} imports {other}, which is not on a lower floor"


def part_of(module: str) -> str:
    """The package, or file, right below the root; of the root nothing."""
    return module.split(".")[1] if "." in module else ""


def circle_of(arrows: dict[str, set[str]]) -> Iterator[str]:
    """One circle of files, if there is any."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        yield "a circle: " + " → ".join(reversed(error.args[1]))


def sizes(package: Path, paths: Iterable[Path]) -> Iterator[str]:
    """Files that are too long, and packages of too many modules."""
    for path in paths:
        place = path.relative_to(package).as_posix()
        n_lines = len(path.read_text(encoding="utf-8").splitlines())
        if n_lines > LINES and place not in TABLES:
            yield f"{place} has {n_lines} lines"
    crowd = Counter(path.parent for path in paths if path.name != "__init__.py")
    for folder, n in crowd.items():
        if n > MODULES:
            yield f"{folder.relative_to(package).as_posix()} holds {n} modules"


def test_no_import_goes_up_or_around_and_no_file_is_too_long():
    assert problems(ROOT / "src" / "esmgo", ROOT / "pyproject.toml") == []


PYPROJECT = """
[[tool.importlinter.contracts]]
layers = ["cli", "(later) | learn", "data | model", "errors"]
[[tool.importlinter.contracts]]
source_modules = ["house.errors", "house.data"]
forbidden_modules = ["torch", "transformers"]
"""


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("learn/loop.py", "from house.model import caller\nfrom house.errors import Oops", None),
        (
            "errors.py",
            "def f():\n    from house.data.fasta import read",
            "imports house.data.fasta",
        ),
        ("model/caller.py", "from ..data import fasta", "model.caller imports house.data.fasta"),
        ("data/fasta.py", "from house import read_obo", "data.fasta imports house, the names"),
        ("data/fasta.py", "from house import __version__", None),
        ("data/fasta.py", "def f():\n    import torch.nn", "data.fasta imports torch.nn"),
        ("model/caller.py", "import torch", None),
        ("model/caller.py", "from house.model.head import Head", "house.model.caller → house.mod"),
        ("model/caller.py", "def f():\n    from . import head", "a circle: "),
        ("model/caller.py", "if x:\n    import house.model.head", "a circle: "),
        ("garden.py", "import os", "house.garden is on no floor"),
        ("data/fasta.py", "x = 1\n" * 321, "data/fasta.py has 321 lines"),
        ("data/fasta.py", "x = 1\n" * 320, None),
    ],
)
def test_a_wrong_house_is_found_out(tmp_path, name, text, said):
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    house = tmp_path / "house"
    for each in ("", "cli", "learn", "data", "model", Path(name).parent.as_posix()):
        (house / each).mkdir(exist_ok=True, parents=True)
        (house / each / "__init__.py").touch()
    (house / "errors.py").touch()
    (house / "data" / "fasta.py").touch()
    (house / "model" / "head.py").write_text("from house.model.caller import Caller\n")
    (house / "model" / "caller.py").touch()
    (house / name).write_text(text)
    found = problems(house, tmp_path / "pyproject.toml")
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


def test_a_crowded_package_is_found_out(tmp_path):
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "house" / "data").mkdir(parents=True)
    for i in range(MODULES + 1):
        (tmp_path / "house" / "data" / f"m{i}.py").touch()
    assert problems(tmp_path / "house", tmp_path / "pyproject.toml") == ["data holds 21 modules"]


OF_MANY = (
    "bad_inputs", "cafaeval", "docs", "flips", "frozen", "fuzzing", "gpu", "imports", "recipes",
    "reports", "schedulers", "seed_commands", "words", "workflow",
)  # fmt: skip
"""Test files that concern more than one module."""


def test_the_tests_of_a_module_are_found_by_its_name():
    names = [name.split(".")[-2:] for name in files_of(ROOT / "src" / "esmgo")]
    count = Counter(last for _, last in names[1:])
    right = {last if count[last] == 1 else f"{home}_{last}" for home, last in names[1:]}
    found = {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}
    assert found - right <= {*OF_MANY}
