"""``python -m esmgo`` is ``esmgo``."""

from esmgo.cli.main import run

if __name__ == "__main__":
    run()
