"""Whether a private value stands in bytes that crossed: the check that ends every demo.

    values_on_wire(["Jane Doe"], b'{"content": "[PERSON_7K2Q] called"}')  # []

It looks for the values themselves, as text and as JSON writes them; the guard at the door looks for
more (`egress.examine`).
"""

import json
from collections.abc import Iterable


def values_on_wire(values: Iterable[str], wire: bytes) -> list[str]:
    """Return those of the values that stand in the bytes, each once."""
    return [
        value
        for value in dict.fromkeys(values)
        if value.encode() in wire or json.dumps(value).strip('"').encode() in wire
    ]
