"""The demo that ``seaway demo`` serves: see `app`."""
