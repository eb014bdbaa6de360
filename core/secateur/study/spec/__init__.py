"""A study's file: read, checked wholly, multiplied into cells."""
