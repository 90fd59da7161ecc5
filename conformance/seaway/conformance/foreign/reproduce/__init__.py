"""One script for each kind of failure. Each uses the foreign package only, prints what it saw, and exits 0 if so.

Those that need Redis take its URL as their argument.
"""
