"""What the generated message classes share."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from attrs import NOTHING, fields, frozen

from seaway.spec.errors import invalid


@frozen
class Message:
    """A message as an object with typed attributes."""

    type: ClassVar[str]
    _check: ClassVar[staticmethod[[dict[str, Any]], None]]

    def to_dict(self) -> dict[str, Any]:
        """Return the message as the interface has it, without optional keys that have their default.

        The values are those of the attributes, not copies, and they are not checked.
        """
        message: dict[str, Any] = {"type": self.type}
        for field in fields(self.__class__):
            value = getattr(self, field.name)
            if field.default is NOTHING or value != field.default:
                message[field.name] = value
        return message

    @classmethod
    def from_dict(cls, message: dict[str, Any]) -> Self:
        """Return the object for *message*; keys that the class does not know are ignored.

        Raises:
            InvalidMessage: *message* is of another type, or breaks a requirement.
        """
        if message.get("type") != cls.type:
            raise invalid("type", repr(cls.type), message.get("type"), "MSG-027")
        cls._check(message)
        names = [field.name for field in fields(cls)]
        return cls(**{name: message[name] for name in names if name in message})
