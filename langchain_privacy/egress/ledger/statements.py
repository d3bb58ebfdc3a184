"""What a ledger's writers ask of the database, compiled once for it."""

from sqlalchemy import (
    ColumnElement,
    Engine,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.schema import CreateIndex, CreateTable

from langchain_privacy.egress.ledger.access import Statement
from langchain_privacy.egress.ledger.tables import MARKS, METADATA, RECORDS, SPENT


def _is(kind: str) -> ColumnElement[str]:
    return literal_column(f"'{kind}'")


class Statements:
    """Each takes its values by name; see the tables."""

    def __init__(self, engine: Engine) -> None:
        records, marks = RECORDS.c, MARKS.c
        head, checkpoint = marks.kind == _is("head"), marks.kind == _is("checkpoint")
        seq: ColumnElement[int] = bindparam("to_seq")
        limit: ColumnElement[str] = bindparam("to_time")
        allowed = (records.kind == _is("crossing")) & (records.decision == _is("allowed"))

        self.create = [
            Statement(CreateTable(table, if_not_exists=True), engine)
            for table in METADATA.sorted_tables
        ]
        self.create_index = Statement(CreateIndex(SPENT, if_not_exists=True), engine)
        self.insert_record = Statement(insert(RECORDS), engine, RECORDS.columns.keys())
        self.insert_mark = Statement(insert(MARKS), engine, MARKS.columns.keys())
        self.find_head = Statement(select(marks.seq, marks.hash).where(head), engine)
        self.move_head = Statement(update(MARKS).where(head), engine, MARKS.columns.keys())
        self.spent = Statement(
            select(func.sum(records.bytes_out)).where(
                allowed, records.session == bindparam("in_session")
            ),
            engine,
        )
        self.remove_checkpoint = Statement(
            delete(MARKS).where(checkpoint, marks.seq == seq), engine
        )
        # Up to the first record that stays: a clock that went back must not leave a gap.
        self.first_since = Statement(
            select(func.min(records.seq)).where(records.time >= limit), engine
        )
        last = select(func.max(records.seq)).where(records.seq < seq).scalar_subquery()
        self.last_before = Statement(
            select(records.seq, records.hash).where(records.seq == last), engine
        )
        self.remove_records = Statement(delete(RECORDS).where(records.seq <= seq), engine)
        self.remove_old_marks = Statement(
            delete(MARKS).where(
                (marks.kind == _is("retention")) | (checkpoint & (marks.seq < seq))
            ),
            engine,
        )
