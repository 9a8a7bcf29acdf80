"""Reads pairs, writes scores; never on the client's path."""
