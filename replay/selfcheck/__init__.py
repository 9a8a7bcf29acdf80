"""`understudy selfcheck`: what we promise, shown on the user's own upstream. Read `run.py` first."""
