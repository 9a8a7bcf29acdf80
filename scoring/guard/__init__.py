"""The guard of a rollout: who watches a canary, takes it back, and lets it go on.

Law: no data promotes nobody, and what the guard cannot see it does not vouch for. Read `guard.py` first (the edge, once a second);
`facts.py` is what it is told, `evidence.py` what that comes to, `limits.py`, `pairs.py`, `races.py` and `slower.py` are the tests,
`decision.py` and `promotion.py` what follows from them, `flight_log.py` the words for people.
"""
