"""The canary: who answers a call of a route that is being switched, step by step, and how that is taken back.

Law: every doubt ends with the incumbent: a state that is lost, torn, of another configuration, or that no guard has confirmed lately, takes
no call. `choice.py` and `state.py` decide and are pure; `state_file.py` is the disk; `change.py` puts them together for people, the guard
and the admin port; `watch.py` is what a worker asks per call; `report.py` is what the guard says.
"""
