"""A citation names what a reader of the file can find: a paragraph, a page, a line."""

import io
from pathlib import Path

import docx

from langchain_privacy import Masker, create_minion_graph
from langchain_privacy.detection import high_confidence_detectors

TASK = "When is the deposit paid back?"
ANSWER = "The deposit is paid back in June."


def cited(document: Path | str) -> str:
    graph = create_minion_graph(None, None, masker=Masker(high_confidence_detectors()))
    (evidence,) = graph.invoke({"task": TASK, "documents": [document]})["evidence"]
    assert evidence["quote"] == ANSWER
    return str(evidence["where"])


def test_a_word_file_has_paragraphs(tmp_path: Path) -> None:
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Lease of a flat"
    for text in (
        "Pets are allowed.",
        "",
        f"The rent is due in May.\nHeating is not part of the rent. {ANSWER}",
    ):
        document.add_paragraph(text)
    content = io.BytesIO()
    document.save(content)
    path = tmp_path / "lease.docx"
    path.write_bytes(content.getvalue())
    assert cited(path) == "paragraph 2"  # empty ones are spacing, the header stands apart


def test_a_text_has_lines() -> None:
    assert cited(f"Pets are allowed.\n\n{ANSWER}\nThe yard is open.\n") == "line 3"
