"""What a check asks about, beside whether the credential is good."""

import re
from typing import Final


class Anything:
    """What stands where no permission is asked about, since `None` may be a variable that nobody set."""


ANYTHING: Final = Anything()

_PERMISSION = re.compile(r"[a-z0-9_.:-]{1,100}")
_NOT_IN_RESOURCE = re.compile(r"[\s,\x00-\x1f\x7f-\x9f]")


def check_permission(permission: object) -> str:
    """Raises at what the program got wrong, rather than ask something else."""
    if not isinstance(permission, str) or not _PERMISSION.fullmatch(permission):
        raise ValueError("A permission is 1 to 100 of the characters a-z 0-9 _ . : - and has no wildcards.")
    return permission


def is_resource(resource: object) -> bool:
    """Whether something can be the id of a resource.

    It often comes from the request, so what cannot be one is no error of the program's.
    """
    if not isinstance(resource, str) or _NOT_IN_RESOURCE.search(resource):
        return False
    try:
        return 1 <= len(resource.encode()) <= 200
    except UnicodeEncodeError:
        return False
