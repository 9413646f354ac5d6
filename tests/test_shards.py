"""A shard that is interrupted and resumed."""

from predicting import Scored


def test_an_interrupted_shard_resumes_to_the_same_bytes(predict, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        Scored(patch, stop_at=1)
        assert predict(tmp_path / "a", "--shard=2/2") == 130
    assert predict(tmp_path / "a", "--shard=2/2", "--resume") == 4
    assert predict(tmp_path / "b", "--shard=2/2") == 4
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
