"""Which calls a share takes: sticky by conversation, nested, the same for everyone who asks.

Law: a conversation has one bucket in [0, 1) for ever, and a share takes the buckets below it. So a smaller share is a part of every
larger one, all candidates see the same calls, and the calls asked again for the noise floor are paired calls too. Pure.
"""

import hashlib

_STEPS = 1 << 53


def bucket_of(conversation: str) -> float:
    """A number in [0, 1) that depends on nothing but the key; stable between versions, machines and runs."""
    digest = hashlib.blake2b(conversation.encode("utf-8", "replace"), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / _STEPS


def takes(bucket: float, share: float) -> bool:
    return bucket < share
