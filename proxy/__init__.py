"""The online path, and the words everyone shares."""
