"""The one error of the benchmark."""


class BenchError(Exception):
    """A contender could not be started or measured; the text says what happened and what to do."""
