"""What tests of `esmgo predict` look at: scored sequences, tables, errors."""

from tqdm import tqdm

from esmgo.model import scoring
from esmgo.predict.predictor import Predictor


class Scored:
    """Remembers what the predictor is asked, and stops it where it is told to."""

    def __init__(self, monkeypatch, stop_at=None, error=KeyboardInterrupt):
        self.blocks, real = [], Predictor.evidence

        def evidence(predictor, proteins, **more):
            if len(self.blocks) == stop_at:
                raise error
            self.blocks.append([p.sequence for p in proteins])
            return real(predictor, proteins, **more)

        monkeypatch.setattr(Predictor, "evidence", evidence)

    @property
    def sequences(self):
        return [sequence for block in self.blocks for sequence in block]


class Bars:
    """Records the steps of the progress bars of a module, in batches of few tokens."""

    def __init__(self, monkeypatch, module):
        self.steps, self.totals = [], []
        monkeypatch.setattr(scoring, "BUDGET", 600)
        bars = self

        class Bar(tqdm):
            def __init__(self, *args, total=None, **more):
                bars.totals.append(total)
                super().__init__(*args, total=total, **more)

            def update(self, n=1):
                bars.steps.append(n)
                self.n += n

        monkeypatch.setattr(module, "tqdm", Bar)

    def moved(self, total):
        """Assert that one bar moved in several steps from 0 to ``total``."""
        assert self.totals == [total]
        assert sum(self.steps) == total
        assert sum(step > 0 for step in self.steps) > 1
        assert max(self.steps) < total


def rows_of(path):
    """The lines of a table, each by the names of its columns."""
    head, *lines = path.read_text().splitlines()
    return [dict(zip(head.split("\t"), line.split("\t"), strict=True)) for line in lines]


def error_of(capsys):
    """The last line of standard error, which is short and an error."""
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert len(line) < 200
    return line
