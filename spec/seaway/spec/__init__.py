"""The Seaway specification as code: names, values, schemas and checks of messages."""

from seaway.spec.errors import InvalidMessage
from seaway.spec.json_form import from_json, to_json
from seaway.spec.names import check_channel, check_group, inbox_of
from seaway.spec.validation import validate
from seaway.spec.values import RESERVED_PREFIXES, normalise

__all__ = [
    "RESERVED_PREFIXES",
    "InvalidMessage",
    "check_channel",
    "check_group",
    "from_json",
    "inbox_of",
    "normalise",
    "to_json",
    "validate",
]
