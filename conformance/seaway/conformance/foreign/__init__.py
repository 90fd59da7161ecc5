"""Layers of Channels, as far as they offer what this interface asks, so that the suite can judge them.

Rules of this package: the packages that it adapts are imported when an object is made, never before; an adapter adds
no guarantee of its own, it only translates names and shapes.
"""
