"""The online path, and the words everyone shares."""

VERSION = "0.1.0"
