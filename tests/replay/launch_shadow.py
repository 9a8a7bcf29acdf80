"""Starts a shadow as the supervisor would: `python launch_shadow.py CONFIG`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from proxy.config_file import load
from replay.shadow import run

run(load(Path(sys.argv[1])), b"a key of the tests")
