"""Moving a session from one key to another."""

from typing import TYPE_CHECKING

from langchain_privacy.vault.records import Records, opened, sealed

if TYPE_CHECKING:
    from langchain_privacy.vault.store_session import Place


def move(records: Records, old: "Place", new: "Place") -> bool:
    """Move a session's records; its codes and references stay as they are.

    Everything is written at the new place before anything is deleted at the old one, and writing
    it twice changes nothing: it may be killed at any moment and done again, also by two at once.

    Returns:
        Whether there was anything to move.
    """
    found = list(records.below(old.root))
    left = [i for i in found if (tuple(i.namespace), i.key) != (old.about, "forgotten")]
    if not left:
        return False
    for item in left:
        namespace = tuple(item.namespace)
        if namespace == old.values:
            kept = opened(old.sealer, old.values, item.key, item.value)
            value_id = new.value_id(kept["type"], kept["value"])
            if records.get(new.values, value_id) is None:
                box = {**sealed(new.sealer, new.values, value_id, kept), "at": item.value.get("at")}
                records.put(new.values, value_id, box)
            # Also when the value has another code by now: the old one must go on to mean it.
            records.put(new.claims(kept["type"], kept["code"]), value_id, {"won": True})
        elif namespace == old.documents:
            kept = opened(old.sealer, old.documents, item.key, item.value)
            box = {**sealed(new.sealer, new.documents, item.key, kept), "at": item.value.get("at")}
            records.put(new.documents, item.key, box)
        elif item.key == "used":
            records.put(new.about, "used", item.value)
    records.delete([(tuple(item.namespace), item.key) for item in left])
    return True
