"""What applications answer, the routes that every routed one has, and the one that is asked for."""

from typing import Final

HELLO: Final = b"Hello, world!"
POSTED: Final = b"posted"
AREAS: Final = (
    "accounts", "articles", "basket", "catalogue", "comments", "contacts", "devices", "events", "files",
    "groups", "invoices", "journals", "letters", "members", "notes", "orders", "payments", "reports",
    "sessions", "tickets",
)  # fmt: skip
PATTERNS: Final = tuple(f"/{area}/{{item}}" for area in AREAS)

# The middle one: a router that tries one pattern after another has tried half of them.
ROUTED_PATH: Final = f"/{AREAS[len(AREAS) // 2]}/17"
