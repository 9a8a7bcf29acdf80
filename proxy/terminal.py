"""What a terminal obeys instead of showing it.

Law: a model's or a client's text moves no cursor, sets no title and turns no line around; newlines and tabs stay.
"""

import re

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    return OBEYED.sub("\ufffd", text)
