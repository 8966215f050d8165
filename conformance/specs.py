#!/usr/bin/env python3
"""Judges what the codecs write by the vendors' machine-readable descriptions. See README.md."""
from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from run import HERE, WORK, install, venv

SPECS = HERE.parent.parent / "shared/specs"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--specs", type=Path, default=SPECS, metavar="FOLDER", help="where the descriptions are")
    parser.add_argument("--python", default=sys.executable, help="interpreter to judge with, 3.10 to 3.12")
    asked = parser.parse_args()
    if not asked.specs.is_dir():
        print(f"skipped: the descriptions are not in {asked.specs}")
        return 0
    WORK.mkdir(exist_ok=True)
    install("clients", asked.python)
    command = [str(venv("clients") / "bin/python"), "-m", "described", str(asked.specs.resolve())]
    return subprocess.run(command, cwd=HERE).returncode


if __name__ == "__main__":
    sys.exit(main())
