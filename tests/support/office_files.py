"""Office files with a table, written by hand as the programs write them."""

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import date

_KINDS = "http://schemas.openxmlformats.org"
_EXCEL_BEGINS = 693_594
"""The day that Excel counts from, as Python counts days."""


def workbook(rows: Sequence[str]) -> bytes:
    """Write a workbook of one sheet.

    Args:
        rows: With tabs between the cells; numbers and days become such.
    """
    written = ""
    for number, line in enumerate(rows, start=1):
        cells = ""
        for column, text in zip("ABCDEFGH", line.split("\t"), strict=False):
            where = f'r="{column}{number}"'
            if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
                day = date.fromisoformat(text).toordinal() - _EXCEL_BEGINS
                cells += f'<c {where} s="1"><v>{day}</v></c>'
            elif text[0].isdigit():
                cells += f"<c {where}><v>{text}</v></c>"
            else:
                cells += f'<c {where} t="inlineStr"><is><t>{text}</t></is></c>'
        written += f'<row r="{number}">{cells}</row>'
    main = f'xmlns="{_KINDS}/spreadsheetml/2006/main"'
    related = f"{_KINDS}/officeDocument/2006/relationships"
    package = f'xmlns="{_KINDS}/package/2006/relationships"'
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_KINDS}/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships {package}><Relationship Id="r1" Type="{related}'
        '/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{related}"><sheets>'
        '<sheet name="Jane Doe" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships {package}><Relationship Id="r1" '
        f'Type="{related}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" '
        f'Type="{related}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet {main}><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="14"/></cellXfs></styleSheet>',
        "xl/worksheets/sheet1.xml": f"<worksheet {main}><sheetData>{written}</sheetData>"
        "</worksheet>",
    }
    return zipped(parts)


def hwpx(rows: Sequence[str], prolog: str = "") -> bytes:
    """Write a HWPX file: a heading, a table and a last line.

    Args:
        rows: With tabs between the cells.
        prolog: What stands before the XML of the section.
    """
    kinds = "http://www.hancom.co.kr/hwpml/2011"
    cells = [
        "".join(
            f"<hp:tc><hp:subList><hp:p><hp:run><hp:t>{cell}</hp:t></hp:run></hp:p></hp:subList>"
            "</hp:tc>"
            for cell in row.split("\t")
        )
        for row in rows
    ]
    table = "<hp:tbl>" + "".join(f"<hp:tr>{row}</hp:tr>" for row in cells) + "</hp:tbl>"
    body = (
        "<hp:p><hp:run><hp:t>임대차 </hp:t></hp:run><hp:run><hp:t>계약서</hp:t></hp:run></hp:p>"
        f"<hp:p><hp:run>{table}<hp:t/></hp:run></hp:p>"
        "<hp:p><hp:run><hp:t>서울에서 서명함.</hp:t></hp:run></hp:p>"
    )
    section = (
        f'{prolog}<hs:sec xmlns:hs="{kinds}/section" xmlns:hp="{kinds}/paragraph">{body}</hs:sec>'
    )
    return zipped({"mimetype": "application/hwp+zip", "Contents/section0.xml": section})


def pdf_table(rows: Sequence[str]) -> bytes:
    """Write a PDF of one page whose cells stand in columns, each drawn by itself.

    Args:
        rows: With tabs between the cells, in Latin letters.
    """
    drawn = "".join(
        f"BT /F1 10 Tf 1 0 0 1 {60 + 100 * column} {740 - 16 * number} Tm ({cell}) Tj ET\n"
        for number, row in enumerate(rows)
        for column, cell in enumerate(row.split("\t"))
    )
    parts = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        " /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(drawn)} >>\nstream\n{drawn}endstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, offsets = "%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{part}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    end = f"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return f"{out}xref\n0 6\n0000000000 65535 f \n{table}{end}".encode("latin-1")


def zipped(parts: dict[str, str]) -> bytes:
    """Write a zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()
