"""What most rubrics of tests begin with."""

GUARDS = """
rubric = 1
[[dimension]]
type = "transport"
role = "guard"
[[dimension]]
type = "refusal"
role = "guard"
margin = { kind = "ratio", r = 1.5, eps = 0.01 }
"""
