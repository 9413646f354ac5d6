"""What tests of `esmgo predict` look at: scored sequences, tables, errors."""

from esmgo.predict.predictor import Predictor


class Scored:
    """Remembers what the predictor is asked, and stops it where it is told to."""

    def __init__(self, monkeypatch, stop_at=None, error=KeyboardInterrupt):
        self.blocks, real = [], Predictor.evidence

        def evidence(predictor, proteins):
            if len(self.blocks) == stop_at:
                raise error
            self.blocks.append([p.sequence for p in proteins])
            return real(predictor, proteins)

        monkeypatch.setattr(Predictor, "evidence", evidence)

    @property
    def sequences(self):
        return [sequence for block in self.blocks for sequence in block]


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
