"""Groups of proteins by identity to training proteins."""

from evaluating import evaluate, evaluated


def test_identity_gives_groups_of_proteins(cafa_files, capsys):
    (cafa_files / "nearest.tsv").write_text(
        "protein\tnearest\tidentity\na\tx\t95.0\nb\t\t\nzz\ty\t40\n"
    )
    page = evaluated(cafa_files, identity="nearest.tsv").document["evaluations"][0]["aspects"]["MF"]
    groups = {each["group"]: each for each in page["by_identity"]}
    assert groups.keys() == {"no hit", "90–100 %"}
    assert (groups["90–100 %"]["fmax"], groups["no hit"]["fmax"]) == (1, 0)
    for bad in ("id\tx\n", "protein\tidentity\na\t101\n", "protein\tidentity\na\t1\na\t2\n"):
        (cafa_files / "nearest.tsv").write_text(bad)
        assert evaluate(cafa_files, f"--identity={cafa_files / 'nearest.tsv'}") == 3
    assert "is listed twice" in capsys.readouterr().err
