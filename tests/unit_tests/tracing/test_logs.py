"""Log records lose the values of live sessions."""

import io
import json
import logging
from pathlib import Path

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


class Customer:
    def __str__(self) -> str:
        return f"customer {SECRET}"


class Broken:
    def __str__(self) -> str:
        raise RuntimeError(SECRET)


def test_objects_are_cleaned_files_are_not_read_and_nothing_raises(tmp_path: Path) -> None:
    masker = Masker()
    masker.session("t").vault.issue("EMAIL", SECRET)
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    handler.addFilter(TracingGuard(masker).log_filter())
    logger = logging.Logger("alone")  # noqa: LOG001
    logger.addHandler(handler)
    file = tmp_path / "file.txt"
    file.write_text("content")
    extra = {"file": file, "none": tmp_path / "none", "by": tmp_path / SECRET, "who": Customer()}
    logger.warning("done", extra=extra)
    fields = records[0].__dict__
    assert fields["file"] == file
    assert fields["none"] == tmp_path / "none"
    assert str(fields["by"]).startswith(f"{tmp_path}/[EMAIL_")
    assert str(fields["who"]).startswith("customer [EMAIL_")
    logger.warning("of %s", SECRET, extra={"who": Broken()})
    assert "WITHHELD" in records[1].getMessage()
    assert SECRET not in str(records[1].__dict__)
