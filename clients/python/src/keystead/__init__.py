"""Who calls a product's own routes, and what they may do, as Keystead says at each request."""

from keystead._caller import Caller
from keystead._client import Keystead
from keystead._verification import Accepted, Refused, Verification

__all__ = ["Accepted", "Caller", "Keystead", "Refused", "Verification"]
