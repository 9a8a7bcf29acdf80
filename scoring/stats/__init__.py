"""The statistics: pure functions of counts and values, no I/O, no numpy."""
