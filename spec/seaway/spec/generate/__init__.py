"""Writes the checks, the message classes and the index from the schemas: ``python -m seaway.spec.generate``.

The schemas are the only truth. The generator knows the keywords that they use, and fails on any other: a rule
that it would silently leave out cannot get in.
"""
