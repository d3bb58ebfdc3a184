"""Python's logging: records without vault values.

`guard.log_filter()` makes a filter; put it on the handlers that write somewhere.

Example:
    ```python
    for handler in logging.getLogger().handlers:
        handler.addFilter(guard.log_filter())
    ```
"""

import json
import logging
from typing import Any

from langchain_privacy.tracing.scrub import WITHHELD, Scrubber

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}
_FORMATTER = logging.Formatter()


class PrivateLogFilter(logging.Filter):
    """Put it on handlers: a logger's own filter does not see its children's records.

    Message and arguments are joined, an exception is formatted, and extra fields are walked; all
    of them lose the values of the vault's live sessions. Other handlers of the same record see
    the cleaned one too.
    """

    def __init__(self, scrubber: Scrubber) -> None:
        super().__init__()
        self._scrubber = scrubber

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean a record; never drops one, and never raises."""
        try:
            self._clean(record)
        except Exception:  # noqa: BLE001 whoever logs cannot help it
            for name in record.__dict__.keys() - _STANDARD:
                del record.__dict__[name]
            record.msg, record.args = WITHHELD, ()
            record.exc_info = record.exc_text = record.stack_info = None
        return True

    def _clean(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 a wrong format string must not lose the record
            message = f"{record.msg} {record.args}"
        record.msg, record.args = self._scrubber.text(message), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = _FORMATTER.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self._scrubber.text(record.exc_text)
            # Formatters print `exc_text` when it is there; others would format the exception anew.
            record.exc_info = None
        if record.stack_info:
            record.stack_info = self._scrubber.text(record.stack_info)
        for name, value in record.__dict__.items():
            if name not in _STANDARD:
                record.__dict__[name] = self._scrubber.structure(value, _written)


def _written(value: Any) -> bytes:
    """Write an object as formatters do."""
    return json.dumps(str(value)).encode()
