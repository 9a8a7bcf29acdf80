"""A bound in bytes that everything in the shadow's memory shares: bodies on their way out, answers on their way in."""


class Room:
    """Whoever takes gives back. Nothing is taken when there is not enough."""

    def __init__(self, size: int):
        self.size, self.taken = size, 0

    def take(self, size: int) -> bool:
        if self.taken + size > self.size:
            return False
        self.taken += size
        return True

    def give_back(self, size: int) -> None:
        self.taken -= size
