"""Protocols turn bytes into interface messages and back. They know no socket, no clock and no task."""
