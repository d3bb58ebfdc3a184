"""Log records lose the values of live sessions."""

import io
import json
import logging

import pytest

from langchain_privacy import Masker
from langchain_privacy.tracing import TracingGuard

SECRET = "jane.doe@corp-secret.com"


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {k: v for k, v in record.__dict__.items() if k != "exc_info"}
        if record.exc_info:
            fields["formatted"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=repr)


@pytest.mark.parametrize("formatter", [logging.Formatter("%(message)s %(name)s"), JsonFormatter()])
def test_records_are_cleaned(formatter: logging.Formatter) -> None:
    masker = Masker()
    masker.session("t").vault.issue("EMAIL", SECRET)
    guard = TracingGuard(masker)
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    handler.addFilter(guard.log_filter())
    # Outside the tree of loggers: pytest listens at its root.
    logger = logging.Logger("alone")  # noqa: LOG001
    logger.addHandler(handler)
    try:
        logger.warning("mail %s", SECRET)
        logger.warning("mail", extra={"who": SECRET, "deep": [{SECRET: 1}]})
        logger.warning("wrong %s %s", SECRET)
        try:
            raise ValueError(f"cannot reach {SECRET}")
        except ValueError:
            logger.exception("failed", stack_info=True)
    finally:
        logger.removeHandler(handler)
    text = out.getvalue()
    assert SECRET not in text
    assert "[EMAIL_" in text
    assert "ValueError" in text
    assert text.count("mail") >= 2
