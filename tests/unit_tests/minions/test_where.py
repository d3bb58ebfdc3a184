"""A citation names what a reader of the file can find: a paragraph, a page, a line."""

import io
from pathlib import Path
from typing import Any

import docx
import pytest
from langchain_core.documents import Document

from langchain_privacy import Masker, create_minion_graph
from langchain_privacy.detection import high_confidence_detectors

TASK = "When is the deposit paid back?"
ANSWER = "The deposit is paid back in June."


def cited(document: Path | str | Document) -> str:
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


@pytest.mark.parametrize(
    ("metadata", "where"),
    [
        ({"page": 4, "total_pages": 9}, "page 5"),  # LangChain's loaders of PDF
        ({"page": 4, "total_pages": 9, "page_label": "iii"}, "page iii"),
        ({"page": 4, "pages": 9}, "page 4"),  # load_document
        ({"page_number": 2}, "page 2"),  # Unstructured
        ({"row": 0}, "row 1"),  # CSVLoader
        ({"page_label": "Patient Jane Doe", "page": 1}, "line 1"),
        ({"source": "x"}, "line 1"),
    ],
)
def test_a_loaders_document_has_the_page_that_a_reader_counts(
    metadata: dict[str, Any], where: str
) -> None:
    assert (
        cited(Document(ANSWER + "\nPets are allowed. The rent is due.", metadata=metadata)) == where
    )


def test_a_text_has_lines() -> None:
    assert cited(f"Pets are allowed.\n\n{ANSWER}\nThe yard is open.\n") == "line 3"
