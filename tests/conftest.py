"""What holds for every test: a property is tried on the same examples in every run, and slowly where the machine is slow.

A new example is a discovery for whoever looks for one (`pytest --hypothesis-profile=search`), not a failure of somebody else's change.
"""

from hypothesis import HealthCheck, settings

PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("same", derandomize=True, **PATIENT)
settings.register_profile("search", max_examples=2000, **PATIENT)
settings.load_profile("same")
