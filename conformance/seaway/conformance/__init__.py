"""The conformance suite: judges any layer by the text of the specification."""
