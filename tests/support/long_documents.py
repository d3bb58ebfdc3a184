"""Long documents with questions: annual reports, leases and medical files, English and Korean.

Made from a seed, so that nothing is downloaded and every document is new text. Each question names
its gold evidence (pieces of the text that must cross for it to be answered), the answer as a person
would say it, rounded or converted, and a second set of terms that a planner would try next.

    report = annual_report(seed=3, pages=160, style="lines")
    report.text, report.questions, report.planted
"""

# ruff: noqa: E501, SIM905, RUF028 - a question a line, a list of words a line

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

Style = Literal["lines", "aligned", "bars", "cells"]

PAGE = 3_000
"""Characters of a page."""


@dataclass(frozen=True, kw_only=True)
class LongQuestion:
    """A question about a long document.

    Attributes:
        id: Name, e.g. `"en-report-0#7"`.
        kind: `fact`, `cell`, `comparison`, `sum`, `ratio`, `date`, `list`, `count`, `absent` or
            `summary`.
        text: As a person asks it.
        terms: What a planner gives from the question alone, one list for each part.
        again: Terms that it tries when the first did not find it.
        gold: Pieces of the document that must be seen to answer, whitespace aside.
        answer: A right answer in natural words; empty when the document does not say.
        keys: What a right answer holds.
        wrong: The same answer with a figure that nothing supports; empty where there is no figure.
    """

    id: str
    kind: str
    text: str
    terms: list[list[str]]
    gold: list[str] = field(repr=False)
    answer: str
    keys: list[str]
    wrong: str = ""
    again: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class LongDocument:
    """A document, what is asked about it, and the private values that were planted in it."""

    name: str
    language: Literal["en", "ko"]
    text: str = field(repr=False)
    questions: list[LongQuestion] = field(repr=False)
    planted: list[str] = field(repr=False)


def corpus(pages: int = 150, seed: int = 7) -> list[LongDocument]:
    """Return the documents of the benchmark: 120 questions in all kinds."""
    return [
        annual_report(seed, pages, "lines"),
        annual_report(seed + 1, 2 * pages, "aligned"),
        annual_report(seed + 2, pages, "bars"),
        annual_report(seed + 3, pages, "cells"),
        lease(seed + 4, pages // 2),
        medical_file(seed + 5, pages + pages // 3),
        korean_report(seed + 6, pages, "lines"),
        korean_report(seed + 7, pages, "bars"),
        korean_lease(seed + 8, pages // 2),
    ]


def flat(text: str) -> str:
    """Return a text by its words alone, so that layout does not count."""
    return re.sub(r"[\s|]+", " ", text).strip().lower()


# Tables.


@dataclass
class Table:
    title: str
    unit: str
    years: list[int]
    rows: dict[str, list[int] | None]
    """By label; `None` is a subhead."""

    def render(self, style: Style) -> str:
        years = [str(year) for year in self.years]
        if style == "bars":
            lines = [
                f"| {self.unit} | " + " | ".join(years) + " |",
                "|---" * (len(years) + 1) + "|",
            ]
            for label, values in self.rows.items():
                cells = [f"{v:,}" for v in values] if values else ["" for _ in years]
                lines.append(f"| {label} | " + " | ".join(cells) + " |")
            return f"**{self.title}**\n\n" + "\n".join(lines)
        if style == "aligned":
            lines = [f"{self.title} {self.unit}", " " * 46 + "".join(f"{y:>14}" for y in years)]
            for label, values in self.rows.items():
                if values is None:
                    lines.append(label)
                else:
                    dots = f"{label[:60]} {'.' * max(2, 44 - len(label))}"
                    lines.append(f"{dots:<46}" + "".join(f"{_figure(v):>14}" for v in values))
            return "\n".join(lines)
        if style == "cells":  # as extractors write that put each cell on a line
            lines = [self.title, self.unit, *years]
            for label, values in self.rows.items():
                lines.append(label)
                lines += [f"{v:,}" for v in values] if values else []
            return "\n".join(lines)
        lines = [self.title, self.unit, " ".join(years)]
        for label, values in self.rows.items():
            cells = " ".join(_figure(v) for v in values) if values else ""
            lines.append(f"{label} {cells}".strip())
        return "\n".join(lines)

    def row(self, label: str, style: Style) -> str:
        values = self.rows[label] or []
        if style == "aligned":
            dots = f"{label[:60]} {'.' * max(2, 44 - len(label))}"
            return flat(f"{dots:<46}" + "".join(f"{_figure(v):>14}" for v in values))
        if style in ("bars", "cells"):
            return flat(" ".join([label, *(f"{v:,}" for v in values)]))
        return flat(" ".join([label, *(_figure(v) for v in values)]))


def _figure(value: int) -> str:
    return f"({-value:,})" if value < 0 else f"{value:,}"


# English words for prose that nobody asks about.

_SUBJECTS = """our customers|the Company|our suppliers|management|the segment|competitors
regulators|the Board|our subsidiaries|distributors|our lenders|the industry
governments|our crews|our information systems|third parties|the market|our facilities""".replace(
    "\n", "|"
)
_VERBS = """may reduce|could delay|has expanded|continues to review|regularly assesses|depends on
monitors|does not control|relies upon|intends to maintain|seeks to limit|has reorganised
expects to revise|is exposed to|periodically evaluates|has agreed to support""".replace("\n", "|")
_OBJECTS = """the timing of orders|raw material costs|foreign currency rates|the supply of components
labour agreements|environmental obligations|product quality standards|the renewal of contracts
credit terms|interest rate movements|data protection rules|warehouse capacity|freight charges
tax positions|intellectual property|the integration of acquired businesses|energy prices
customer concentration|capital spending plans|insurance coverage|cyber security controls
inventory levels|pension obligations|warranty claims|export licences""".replace("\n", "|")
_TAILS = """in most of the countries where we operate|over the next several years
which could materially affect our results|subject to approval by the relevant authorities
although no assurance can be given|in accordance with its policies|as described elsewhere herein
and such changes are difficult to predict|in addition to other factors|to the extent permitted
without a corresponding increase in prices|as circumstances require|on commercially fair terms
because demand in our end markets is cyclical|during periods of weak economic growth""".replace(
    "\n", "|"
)
_HEADS = """Competition|Raw Materials|Seasonality|Research and Development|Human Capital
Environmental Matters|Government Regulation|Cyber Security|Foreign Operations|Product Liability
Supply Chain|Customers|Intellectual Property|Climate|Insurance|Taxation|Legal Proceedings
Critical Accounting Estimates|Liquidity|Market Risk|Goodwill|Revenue Recognition|Leases
Inventories|Derivatives|Pensions|Stock Compensation|Contingencies|Related Parties
Subsequent Events|Business Combinations|Income Taxes|Fair Value|Concentrations""".replace("\n", "|")


def _sentence(r: random.Random) -> str:
    said = [r.choice(part.split("|")) for part in (_SUBJECTS, _VERBS, _OBJECTS, _TAILS)]
    if r.random() < 0.25:
        said.insert(3, f"by about {r.randint(2, 38)} %")
    if r.random() < 0.2:
        said.append(f"since fiscal {r.randint(2015, 2021)}")
    text = " ".join(said)
    return text[0].upper() + text[1:] + "."


def _filler(r: random.Random, sentences: int) -> str:
    said = [_sentence(r) for _ in range(sentences)]
    return " ".join(said)


def _section(r: random.Random, characters: int) -> Iterator[str]:
    while characters > 0:
        block = f"{r.choice(_HEADS.split('|'))}\n\n" + "\n\n".join(
            _filler(r, r.randint(3, 8)) for _ in range(r.randint(1, 4))
        )
        characters -= len(block)
        yield block


def _paged(blocks: Sequence[str], header: str) -> str:
    """Put blocks together and break them into pages with a running header and a number."""
    pages: list[list[str]] = [[]]
    length = 0
    for line in "\n\n".join(blocks).split("\n"):
        if length > PAGE and len(pages[-1]) > 3:
            pages[-1] += ["", str(len(pages)), "", header]
            pages.append([])
            length = 0
        pages[-1].append(line)
        length += len(line) + 1
    return "\n".join("\n".join(page) for page in pages)


def _spread(parts: Sequence[str], filler: Iterator[str], r: random.Random) -> list[str]:
    """Put the parts that matter among others, in their order."""
    others = list(filler)
    share = max(1, len(others) // (len(parts) + 1))
    out: list[str] = []
    for part in parts:
        take = r.randint(max(0, share - 2), share)
        out += others[:take]
        others = others[take:]
        out.append(part)
    return out + others


_LINES = [
    "Cash and cash equivalents", "Short-term investments", "Trade receivables, net", "Inventories",
    "Prepaid expenses and other", "Total current assets", "Property, plant and equipment, net",
    "Goodwill", "Other intangible assets, net", "Deferred tax assets", "Total assets",
    "Accounts payable", "Accrued compensation", "Current portion of long-term debt",
    "Total current liabilities", "Long-term debt", "Pension obligations", "Retained earnings",
    "Total shareholders' equity",
]  # fmt: skip
_INCOME = [
    "Net sales", "Cost of goods sold", "Gross profit", "Selling, general and administrative",
    "Research and development", "Restructuring charges", "Operating income", "Interest expense",
    "Income before income taxes", "Provision for income taxes", "Net income",
]  # fmt: skip
_FLOWS = [
    "Depreciation and amortization", "Stock-based compensation", "Change in inventories",
    "Net cash provided by operating activities", "Purchases of property, plant and equipment",
    "Acquisitions, net of cash acquired", "Dividends paid", "Repurchases of common stock",
    "Net cash used in financing activities",
]  # fmt: skip
_SEGMENTS = ["Marine Systems", "Flow Control", "Water Treatment", "Aftermarket Services"]
_REGIONS = ["North America", "Europe", "Asia Pacific", "Latin America", "Middle East and Africa"]
_PLAIN = {
    "Cash and cash equivalents": ["cash", "liquid funds", "balance sheet"],
    "Inventories": ["inventory", "stock", "balance sheet"],
    "Goodwill": ["goodwill", "intangible", "balance sheet"],
    "Long-term debt": ["borrowings", "long-term debt", "notes payable"],
    "Accounts payable": ["payables", "trade payables", "creditors"],
    "Net sales": ["revenue", "net sales", "turnover", "income statement"],
    "Operating income": ["operating profit", "operating income", "EBIT"],
    "Net income": ["net income", "profit", "net earnings"],
    "Interest expense": ["interest expense", "finance cost"],
    "Dividends paid": ["dividends paid", "cash flow", "financing activities"],
    "Purchases of property, plant and equipment": ["capital expenditures", "capex", "purchases of property, plant and equipment"],
    "Depreciation and amortization": ["depreciation", "amortization", "cash flow"],
    "Total assets": ["total assets", "balance sheet"],
}  # fmt: skip
_ASKED = {
    "Cash and cash equivalents": "How much cash did the company hold at the end of FY{y}?",
    "Inventories": "What were inventories at year-end {y}?",
    "Goodwill": "What was the carrying amount of goodwill at the end of fiscal {y}?",
    "Long-term debt": "How high were long-term borrowings at the end of {y}?",
    "Accounts payable": "What did the company owe its suppliers (accounts payable) at year-end {y}?",
    "Net sales": "What was FY{y} revenue?",
    "Operating income": "What was the operating profit in fiscal {y}?",
    "Net income": "How much did the company earn after tax in FY{y}?",
    "Interest expense": "What was interest expense in {y}?",
    "Dividends paid": "How much was paid in dividends in FY{y}?",
    "Purchases of property, plant and equipment": "What was capital expenditure (capex) in fiscal {y}?",
    "Depreciation and amortization": "What was D&A in FY{y}?",
    "Total assets": "What were total assets at the end of fiscal year {y}?",
}  # fmt: skip
_FIRST = ["Orsolya", "Tobias", "Maren", "Nadia", "Henrik", "Leila", "Gareth", "Ines", "Pavel"]
_LAST = ["Vandermeer", "Rehm", "Iwersen", "Okonkwo", "Lindqvist", "Farrokhzad", "Pryce", "Moreau"]


def _person(r: random.Random) -> tuple[str, str, str]:
    first, last = r.choice(_FIRST), r.choice(_LAST)
    phone = f"+1 {r.randint(210, 979)}-{r.randint(210, 979)}-{r.randint(1000, 9999)}"
    return f"{first} {last}", f"{first}.{last}@example.com".lower(), phone


def annual_report(seed: int, pages: int, style: Style) -> LongDocument:
    """Make an annual report of about `pages` pages, with tables in one of four layouts."""
    r = random.Random(seed)
    base = r.randint(2018, 2023)
    years = [base, base - 1, base - 2]
    company = r.choice(["Larkfield", "Brennock", "Ostermoor", "Calderwick"]) + " Industries, Inc."
    people = [_person(r) for _ in range(4)]
    scale = r.choice(["millions", "thousands"])
    size = 1 if scale == "millions" else 1000
    unit = f"(in {scale}, except per share data)"

    def values(low: int, high: int) -> list[int]:
        return [r.randint(low * size, high * size) + r.randint(1, 9) for _ in years]

    balance = Table("CONSOLIDATED BALANCE SHEETS", unit, years, {"ASSETS": None})
    for line in _LINES:
        if line == "Accounts payable":
            balance.rows["LIABILITIES AND EQUITY"] = None
        balance.rows[line] = values(120, 9_800)
    income = Table(
        "CONSOLIDATED STATEMENTS OF INCOME", unit, years, {k: values(90, 9_500) for k in _INCOME}
    )
    flows = Table(
        "CONSOLIDATED STATEMENTS OF CASH FLOWS", unit, years, {k: values(60, 2_900) for k in _FLOWS}
    )
    tables = {"Net sales": income, "Total assets": balance, "Dividends paid": flows}
    for table in list(tables.values()):
        tables |= dict.fromkeys(table.rows, table)
    segments = Table(
        "Net sales by segment", unit, years, {k: values(200, 3_000) for k in [*_SEGMENTS, "Total"]}
    )
    profits = Table(
        "Operating profit by segment", unit, years, {k: values(20, 600) for k in _SEGMENTS}
    )
    regions = Table(
        "Net sales by geographic region", unit, years, {k: values(150, 2_000) for k in _REGIONS}
    )
    debts = [f"{r.randint(20, 69) / 10:.2f} % notes due {base + n}" for n in (2, 4, 7, 11)]
    debt = Table("Long-term debt consisted of the following", unit, years[:2], {})
    debt.rows |= {name: [r.randint(200, 900) * size, r.randint(200, 900) * size] for name in debts}

    # Facts in prose.
    plants = r.sample(["Haugesund", "Esbjerg", "Vlissingen", "Tarragona", "Gdynia", "Trieste"], 4)
    staff = r.randint(11, 48) * 1000 + r.randint(1, 9) * 100
    share = r.randint(11, 27)
    notice = r.choice([18, 24, 30, 36])
    closing = f"{r.choice(['March', 'June', 'October'])} {r.randint(2, 28)}, {base}"
    auditor_since = r.randint(1996, 2012)
    fine = r.randint(3, 48)
    facts = {
        "staff": f"As of December 31, {base}, we had approximately {staff:,} employees worldwide, of "
        f"whom {r.randint(30, 60)} % were covered by collective bargaining agreements.",
        "customer": f"One customer, a national navy, accounted for {share} % of consolidated net sales "
        f"in {base}; no other customer accounted for more than 10 %.",
        "deal": f"On {closing}, we completed the acquisition of Norvik Valves for cash consideration "
        f"of ${r.randint(210, 880)} million. It is reported in the Flow Control segment.",
        "term": "The supply agreement with our largest foundry may be terminated by either party upon "
        f"{notice} months' written notice.",
        "auditor": f"The firm has served as the Company's independent auditor since {auditor_since}.",
        "fine": f"In connection with the discharge of waste water, the agency assessed a civil penalty "
        f"of ${fine} million, which was paid in the fourth quarter.",
    }
    closures = "During the year we announced the closure of the following plants:\n" + "\n".join(
        f"• {plant};" for plant in plants
    )
    contacts = "\n".join(
        f"{title}: {name}, e-mail {mail}, telephone {phone}"
        for title, (name, mail, phone) in zip(
            ["Investor Relations", "Chief Financial Officer", "Treasurer", "Secretary"],
            people,
            strict=True,
        )
    )
    form = "Employer Identification No.: 2022\nEmployee No.: 2021\nSupervisor: Calder"

    parts = [
        f"{company}\n\nANNUAL REPORT\n\nFor the fiscal year ended December 31, {base}\n\n{form}",
        "PART I\n\nItem 1. Business\n\nOverview\n\n" + facts["customer"],
        "Human Capital Resources\n\n" + _filler(r, 3) + " " + facts["staff"],
        "Item 1A. Risk Factors\n\nSuppliers\n\n" + facts["term"] + " " + _filler(r, 4),
        "Item 3. Legal Proceedings\n\n" + _filler(r, 2) + " " + facts["fine"],
        "PART II\n\nItem 7. Management's Discussion and Analysis\n\n"
        + segments.render(style)
        + "\n\n"
        + profits.render(style),
        "Geographic Information\n\n" + regions.render(style),
        "Item 8. Financial Statements\n\n" + income.render(style),
        balance.render(style),
        flows.render(style),
        "Note 3. Business Combinations\n\n" + facts["deal"] + " " + _filler(r, 3),
        "Note 7. Debt\n\n" + debt.render(style),
        "Note 11. Restructuring\n\n" + _filler(r, 2) + "\n\n" + closures,
        "Item 9. Auditor\n\n" + facts["auditor"],
        "SIGNATURES\n\n" + contacts,
    ]
    filler = _section(r, pages * PAGE - sum(map(len, parts)))
    text = _paged(_spread(parts, filler, r), f"{company} | Annual Report {base}")

    name = f"en-report-{seed}-{style}"
    out: list[LongQuestion] = []

    def ask(kind: str, text: str, terms: list[list[str]], gold: list[str], answer: str, **more: object) -> None:  # fmt: skip
        keys = more.pop("keys", [answer])
        out.append(
            LongQuestion(
                id=f"{name}#{len(out)}",
                kind=kind,
                text=text,
                terms=terms,
                gold=gold,
                answer=answer,
                keys=keys,  # type: ignore[arg-type]
                **more,  # type: ignore[arg-type]
            )
        )

    for label in r.sample(sorted(_ASKED), 5):
        table, column = tables[label], r.randrange(2)
        year, value = years[column], (tables[label].rows[label] or [])[column]
        said = _in_words(value, scale, r)
        ask(
            "cell", _ASKED[label].format(y=year), [[*_PLAIN[label], str(year)]],
            [table.row(label, style), str(year)], f"It was {said}.", keys=[said],
            wrong=f"It was {_in_words(value + value // 7 + 13 * size, scale, r)}.",
        )  # fmt: skip
    first, second = (income.rows["Net sales"] or [])[:2]
    change = round(100 * (first - second) / second, 1)
    ask(
        "comparison", f"By how much did revenue change from FY{years[1]} to FY{years[0]}, in percent?",
        [["revenue", "net sales", str(years[0]), str(years[1])]], [income.row("Net sales", style)],
        f"Revenue {'rose' if change > 0 else 'fell'} by {abs(change)} %.", keys=[f"{abs(change)} %"],
        wrong=f"Revenue changed by {abs(change) + 7.3:.1f} %.",
    )  # fmt: skip
    one, other = r.sample(_SEGMENTS, 2)
    a, b = (segments.rows[one] or [])[0], (segments.rows[other] or [])[0]
    ask(
        "sum", f"What were the combined {base} net sales of {one} and {other}?",
        [[one, "net sales", "segment"], [other, "net sales", "segment"]],
        [segments.row(one, style), segments.row(other, style)],
        f"Together they sold {_money(a + b, scale)}.", keys=[_money(a + b, scale)],
        wrong=f"Together they sold {_money(a + b + 117 * size, scale)}.",
    )  # fmt: skip
    profit, sales = (profits.rows[one] or [])[0], (segments.rows[one] or [])[0]
    margin = f"{100 * profit / sales:.1f} %"
    ask(
        "ratio", f"What was the operating margin of {one} in fiscal {base}?",
        [[one, "operating profit", "segment"], [one, "net sales", "segment"]],
        [profits.row(one, style), segments.row(one, style)],
        f"Its margin was {margin}.", keys=[margin],
        wrong=f"Its margin was {100 * profit / sales + 4.4:.1f} %.",
    )  # fmt: skip
    ask("fact", "How many people does the company employ?", [["employees", "headcount", "workforce"]], [facts["staff"][:70]], f"About {staff:,} people.", keys=[f"{staff:,}"], wrong=f"About {staff + 3300:,} people.")  # fmt: skip
    ask("fact", "Does the company depend on a single large customer?", [["customer", "accounted for", "concentration", "net sales"]], [facts["customer"][:70]], f"Yes, one customer made up {share} % of sales.", keys=[f"{share} %"], wrong=f"Yes, one customer made up {share + 31} % of sales.")  # fmt: skip
    ask("fact", "How long is the notice period of the foundry supply agreement?", [["notice", "terminated", "supply agreement", "foundry"]], [facts["term"][-60:]], f"{notice // 12 if notice % 12 == 0 else notice / 12:g} years.", keys=["years"], wrong="7 years.")  # fmt: skip
    ask("date", "When was the purchase of Norvik Valves completed?", [["acquisition", "completed", "Norvik Valves"]], [facts["deal"][:60]], f"On {closing}.", keys=[closing])  # fmt: skip
    ask("date", "Since when has the auditor been in office?", [["auditor", "served since", "independent auditor"]], [facts["auditor"][-40:]], f"Since {auditor_since}.", keys=[str(auditor_since)], wrong=f"Since {auditor_since + 5}.")  # fmt: skip
    ask("list", "Which plants will be closed?", [["closure", "plants", "announced", "restructuring"]], plants, ", ".join(plants) + ".", keys=plants)  # fmt: skip
    ask("count", "How many plants will be closed?", [["closure", "plants", "announced", "restructuring"]], plants, "Four plants.", keys=["Four"], wrong="Nine plants.")  # fmt: skip
    ask("count", f"How many series of notes did the company have outstanding at the end of {base}?", [["notes due", "long-term debt consisted"]], [debt.row(d, style) for d in debts], "4 series.", keys=["4"])  # fmt: skip
    absent = ["How much did the company donate to charity?", "What is the exchange ratio of the merger with its parent?", "How many vessels does the company own?", "What was the average price of crude oil realised?"]  # fmt: skip
    for question in r.sample(absent, 2):
        ask("absent", question, [re.findall(r"[a-z]{4,}", question)], [], "")
    ask("summary", "Summarise the report.", [["overview", "business", "results"]], [facts["customer"][:60]], "It makes equipment.", keys=["equipment"])  # fmt: skip
    planted = [value for person in people for value in person]
    return LongDocument(name=name, language="en", text=text, questions=out, planted=planted)


def _money(value: int, scale: str) -> str:
    return f"${value:,} {'million' if scale == 'millions' else 'thousand'}"


def _in_words(value: int, scale: str, r: random.Random) -> str:
    """Say a figure as people do: as it stands, rounded, or in a larger unit."""
    millions = value if scale == "millions" else value / 1000
    if scale == "thousands" and r.random() < 0.5:
        return f"${millions:,.1f} million"
    if millions >= 1000 and r.random() < 0.6:
        return f"{millions / 1000:.1f} billion"
    return _money(value, scale)


# A lease of many clauses, and a medical file of many visits.


def lease(seed: int, pages: int) -> LongDocument:
    """Make a commercial lease with schedules."""
    r = random.Random(seed)
    landlord, tenant = _person(r), _person(r)
    rent, deposit = r.randint(11, 48) * 1000, r.randint(60, 190) * 1000
    start = r.randint(2019, 2023)
    years = r.choice([5, 7, 10, 12])
    cure = r.choice([10, 14, 21, 30])
    units = [f"Unit {chr(65 + n)}-{r.randint(100, 900)}" for n in range(5)]
    areas = [r.randint(900, 6_000) for _ in units]
    rows = "\n".join(f"{unit} {area:,} sq. ft." for unit, area in zip(units, areas, strict=True))
    facts = {
        "rent": f"The Tenant shall pay a base rent of ${rent:,} per month, in advance on the first day of each month.",
        "deposit": f"Upon signing, the Tenant shall deposit with the Landlord ${deposit:,} as security.",
        "term": f"The term commences on 1 May {start} and expires on 30 April {start + years}.",
        "cure": f"The Tenant shall be in default if a failure to pay continues for {cure} days after notice.",
        "pets": "No animals shall be kept on the Premises, save for assistance dogs.",
        "sublet": "The Tenant shall not sublet the Premises without the Landlord's prior written consent.",
    }  # fmt: skip
    parties = (
        f"Landlord: {landlord[0]}, e-mail {landlord[1]}, telephone {landlord[2]}\n"
        f"Tenant: {tenant[0]}, e-mail {tenant[1]}, telephone {tenant[2]}\nReference No.: 2020"
    )
    clauses = [
        "COMMERCIAL LEASE\n\n" + parties,
        "ARTICLE 2 TERM\n\n2.1 " + facts["term"],
        "ARTICLE 4 RENT\n\n4.1 " + facts["rent"],
        "ARTICLE 5 SECURITY DEPOSIT\n\n5.1 " + facts["deposit"],
        "ARTICLE 9 USE\n\n9.4 " + facts["pets"],
        "ARTICLE 12 ASSIGNMENT\n\n12.1 " + facts["sublet"],
        "ARTICLE 17 DEFAULT\n\n17.2 " + facts["cure"],
        "SCHEDULE B\n\nThe Premises consist of the following units:\n" + rows,
    ]
    filler = _section(r, pages * PAGE)
    text = _paged(_spread(clauses, filler, r), "Commercial Lease")
    name = f"en-lease-{seed}"
    total = sum(areas)
    asked = [
        ("fact", "What is the monthly rent?", [["base rent", "per month", "pay"]], [facts["rent"][:50]], f"${rent:,} a month.", [f"${rent:,}"], f"${rent + 1150:,} a month."),
        ("sum", "What is the yearly rent?", [["base rent", "per month", "rent"]], [facts["rent"][:50]], f"${12 * rent:,} a year.", [f"{12 * rent:,}"], f"${12 * rent + 900:,} a year."),
        ("fact", "How large is the security deposit?", [["deposit", "security"]], [facts["deposit"][-50:]], f"{deposit / 1000:g} thousand dollars.", [f"{deposit / 1000:g}"], f"{deposit / 1000 + 13:g} thousand dollars."),
        ("ratio", "How many monthly rents is the deposit?", [["base rent", "per month"], ["deposit", "security"]], [facts["rent"][:50], facts["deposit"][-50:]], f"About {deposit / rent:.1f} monthly rents.", [f"{deposit / rent:.1f}"], f"About {deposit / rent + 3:.1f} monthly rents."),
        ("date", "When does the lease end?", [["expires", "term", "ends"]], [facts["term"][-40:]], f"On 30 April {start + years}.", [f"April {start + years}"], ""),
        ("comparison", "How long does the lease run?", [["term", "commences", "expires"]], [facts["term"][-60:]], f"It runs for {years} years.", [f"{years} years"], f"It runs for {years + 3} years."),
        ("fact", "How many days does a tenant have to cure a missed payment?", [["default", "failure to pay", "notice", "days"]], [facts["cure"][-60:]], f"{cure} days.", [f"{cure}"], f"{cure + 35} days."),
        ("fact", "Are pets allowed?", [["animals", "pets", "dogs"]], [facts["pets"]], "No, except for assistance dogs.", ["assistance dogs"], ""),
        ("fact", "May the tenant sublet?", [["sublet", "assignment", "consent"]], [facts["sublet"]], "Only with the landlord's written consent.", ["consent"], ""),
        ("list", "Which units are let?", [["premises consist", "units", "schedule"]], units, ", ".join(units), units, ""),
        ("sum", "What is the total area of the units?", [["premises consist", "units", "sq. ft."]], units, f"{total:,} sq. ft.", [f"{total:,}"], f"{total + 350:,} sq. ft."),
        ("count", "How many units are let?", [["premises consist", "units", "schedule"]], units, "Five units.", ["Five"], "Eleven units."),
        ("absent", "How many parking spaces are included?", [["parking", "spaces", "garage"]], [], "", [], ""),
        ("absent", "Who pays for the elevator?", [["elevator", "lift", "maintenance"]], [], "", [], ""),
    ]  # fmt: skip
    return LongDocument(
        name=name,
        language="en",
        text=text,
        questions=_questions(name, asked),
        planted=[*landlord, *tenant],
    )


def _questions(name: str, asked: Sequence[tuple]) -> list[LongQuestion]:  # type: ignore[type-arg]
    return [
        LongQuestion(
            id=f"{name}#{number}",
            kind=kind,
            text=text,
            terms=terms,
            gold=gold,
            answer=answer,
            keys=keys,
            wrong=wrong,
        )  # fmt: skip
        for number, (kind, text, terms, gold, answer, keys, wrong) in enumerate(asked)
    ]


_VISITS = """The patient reports feeling well|Blood pressure was measured in both arms
Heart sounds were regular|The lungs were clear on both sides|No oedema of the legs was seen
The wound heals without signs of infection|Sleep and appetite are unchanged
A follow-up was arranged in the clinic|The diet was discussed again
Physiotherapy is continued twice a week|The abdomen was soft and not tender
Laboratory values were within the expected range|The inhaler technique was reviewed
Vaccination status was checked|No new complaints were recorded""".replace("\n", "|")


def medical_file(seed: int, pages: int) -> LongDocument:
    """Make a medical file: many visits of one patient, with laboratory tables."""
    r = random.Random(seed)
    who = _person(r)
    born = f"{r.randint(1, 28)} March {r.randint(1941, 1979)}"
    year = r.randint(2017, 2021)
    dose = [r.choice([2.5, 5, 10]), r.choice([20, 40])]
    weight = [r.randint(71, 95), r.randint(60, 70)]
    days = r.randint(5, 16)
    drugs = ["amlodipine", "metformin", "pantoprazole", "bisoprolol"]
    facts = {
        "stop": "Lisinopril was stopped because of a persistent dry cough.",
        "allergy": "Allergies: a rash after amoxicillin was recorded in childhood.",
        "dose": f"Ramipril was started at {dose[0]:g} mg once daily and later raised to {dose[1]:g} mg.",
        "stay": f"Admitted on 3 June {year} and discharged on {3 + days} June {year} after hip surgery.",
        "ct": f"A CT of the chest on 14 September {year} showed a nodule of 8 mm in the left upper lobe.",
        "weight": f"Body weight was {weight[0]} kg in January and {weight[1]} kg in December {year}.",
    }
    labs = "\n".join(
        f"{name} {r.randint(20, 160)} {r.randint(20, 160)} {r.randint(20, 160)}"
        for name in ["Sodium", "Potassium (x10)", "ALT", "AST", "TSH (x10)"]
    )
    creatinine = [r.randint(70, 180) for _ in range(3)]
    labs += "\nCreatinine " + " ".join(map(str, creatinine))
    parts = [
        f"Patient: {who[0]}\nDate of birth: {born}\nTelephone: {who[2]}\nE-mail: {who[1]}\nFile No.: 2019",
        "Allergies and intolerances\n\n" + facts["allergy"] + " " + facts["stop"],
        "Surgical ward\n\n" + facts["stay"],
        "Radiology\n\n" + facts["ct"],
        f"Laboratory\n(µmol/L and U/L)\nParameter March June September\n{labs}",
        "Cardiology clinic\n\n" + facts["dose"],
        "Nutrition\n\n" + facts["weight"],
        "Discharge medication\n\nThe patient was discharged with the following drugs:\n"
        + "\n".join(f"- {drug}" for drug in drugs),
    ]  # fmt: skip

    def visits() -> Iterator[str]:
        left = pages * PAGE
        while left > 0:
            day = f"Visit of {r.randint(1, 28)}.{r.randint(1, 12)}.{r.randint(2010, 2022)}"
            said = ". ".join(r.sample(_VISITS.split("|"), r.randint(4, 9)))
            said += f". Blood pressure {r.randint(110, 165)}/{r.randint(65, 98)} mmHg."
            block = f"{day}\n\n{said} {_filler(r, 2)}"
            left -= len(block)
            yield block

    text = _paged(_spread(parts, visits(), r), "Medical record")
    name = f"en-medical-{seed}"
    lost = weight[0] - weight[1]
    asked = [
        ("fact", "Why was lisinopril discontinued?", [["lisinopril", "stopped", "because", "cough"]], [facts["stop"]], "Because of a dry cough.", ["dry cough"], ""),
        ("fact", "Is there an allergy to an antibiotic?", [["allergy", "rash", "amoxicillin", "penicillin"]], [facts["allergy"][-50:]], "Yes, a rash after amoxicillin.", ["amoxicillin"], ""),
        ("fact", "What is the current dose of ramipril?", [["ramipril", "mg", "dose"]], [facts["dose"][-40:]], f"{dose[1]} mg.", [f"{dose[1]} mg"], f"{dose[1] + 45} mg."),
        ("comparison", "How long was the hospital stay for hip surgery?", [["admitted", "discharged", "hip surgery"]], [facts["stay"][:50]], f"{days} days.", [f"{days} days"], f"{days + 20} days."),
        ("date", "When was the chest CT?", [["CT", "chest", "nodule"]], [facts["ct"][:40]], f"On 14 September {year}.", ["14 September"], ""),
        ("fact", "How large is the lung nodule?", [["nodule", "lung", "mm"]], [facts["ct"][-50:]], "0.8 cm.", ["0.8 cm"], "3.1 cm."),
        ("cell", "What was the creatinine in June?", [["creatinine", "laboratory", "June"]], [flat("Creatinine " + " ".join(map(str, creatinine)))], f"{creatinine[1]} µmol/L.", [str(creatinine[1])], f"{creatinine[1] + 77} µmol/L."),
        ("comparison", "How much weight did the patient lose over the year?", [["body weight", "kg", "lost"]], [facts["weight"][:50]], f"{lost} kg.", [f"{lost} kg"], f"{lost + 17} kg."),
        ("list", "Which drugs were prescribed at discharge?", [["discharged with", "drugs", "medication"]], drugs, ", ".join(drugs), drugs, ""),
        ("count", "How many drugs were prescribed at discharge?", [["discharged with", "drugs", "medication"]], drugs, "Four drugs.", ["Four"], "Twelve drugs."),
        ("absent", "What is the patient's blood group?", [["blood group", "blood type", "rhesus"]], [], "", [], ""),
        ("absent", "When was the last colonoscopy?", [["colonoscopy", "endoscopy", "bowel"]], [], "", [], ""),
        ("summary", "Summarise the file.", [["diagnosis", "course", "therapy"]], [facts["stay"][:40]], "The patient had hip surgery.", ["hip surgery"], ""),
    ]  # fmt: skip
    planted = [*who, born]
    return LongDocument(
        name=name, language="en", text=text, questions=_questions(name, asked), planted=planted
    )


# Korean.

_KO_SUBJECTS = "당사는|연결회사는|경영진은|이사회는|주요 고객은|경쟁사는|감독당국은|협력업체는|해당 사업부문은|종속회사는".split("|")  # fmt: skip
_KO_OBJECTS = "원재료 가격의 변동을|환율 위험을|품질 관리 체계를|납품 일정을|설비 투자 계획을|노사 협약을|정보보호 규정을|재고 수준을|신용 한도를|환경 규제를|지식재산권을|물류 비용을|연구 인력을|해외 판매망을".split("|")  # fmt: skip
_KO_VERBS = "정기적으로 검토하고 있다.|점차 확대하였다.|엄격하게 관리하고 있다.|면밀히 살펴보고 있다.|내부 규정에 따라 조정한다.|지속적으로 개선하고 있다.|중장기적으로 줄여 나갈 계획이다.|외부 전문가와 함께 평가하였다.".split("|")  # fmt: skip
_KO_HEADS = "산업의 특성|경쟁 요소|원재료 조달|연구개발 활동|위험 관리|환경 경영|내부 통제|인력 운영|해외 사업|법규 준수|정보 보호|품질 관리|재무 위험|파생상품|리스|퇴직급여|우발 부채|특수관계자 거래|법인세|수익 인식".split("|")  # fmt: skip


def _ko_filler(r: random.Random, sentences: int) -> str:
    said = []
    for _ in range(sentences):
        about = f"{r.randint(2015, 2021)}년부터 " if r.random() < 0.2 else ""
        said.append(
            f"{r.choice(_KO_SUBJECTS)} {about}{r.choice(_KO_OBJECTS)} {r.choice(_KO_VERBS)}"
        )
    return " ".join(said)


def _ko_section(r: random.Random, characters: int) -> Iterator[str]:
    while characters > 0:
        block = f"{r.choice(_KO_HEADS)}\n\n" + "\n\n".join(
            _ko_filler(r, r.randint(4, 10)) for _ in range(r.randint(1, 4))
        )
        characters -= len(block)
        yield block


def _ko_person(r: random.Random) -> tuple[str, str]:
    name = r.choice("김이박최정강조윤장임") + r.choice(
        ["서준", "하윤", "도현", "지우", "민재", "수아"]
    )
    return name, f"010-{r.randint(2000, 9999)}-{r.randint(1000, 9999)}"


_KO_LINES = "현금및현금성자산|매출채권|재고자산|유형자산|무형자산|자산총계|매입채무|단기차입금|장기차입금|부채총계|이익잉여금|자본총계".split("|")  # fmt: skip
_KO_INCOME = "매출액|매출원가|매출총이익|판매비와관리비|영업이익|이자비용|법인세비용|당기순이익".split("|")  # fmt: skip
_KO_ASKED = {
    "현금및현금성자산": ("{y}년 말 현금은 얼마인가요?", ["현금", "현금및현금성자산", "재무상태표"]),
    "재고자산": ("{y}년 말 재고는 얼마나 되나요?", ["재고자산", "재고"]),
    "매출액": ("{y}년 매출은 얼마였습니까?", ["매출액", "손익계산서"]),
    "영업이익": ("{y}년에 영업으로 번 이익은 얼마인가?", ["영업이익", "영업 이익"]),
    "당기순이익": ("{y}년 순이익이 얼마인지 알려줘", ["당기순이익", "순이익"]),
    "장기차입금": ("{y}년 말 장기차입금 잔액은?", ["장기차입금", "차입금"]),
    "자산총계": ("{y}년 말 총자산은 얼마입니까?", ["자산총계", "총자산"]),
}


def korean_report(seed: int, pages: int, style: Style) -> LongDocument:
    """Make a Korean business report, figures in millions of won."""
    r = random.Random(seed)
    base = r.randint(2018, 2023)
    years = [base, base - 1, base - 2]
    people = [_ko_person(r) for _ in range(3)]
    unit = "(단위: 백만원)"

    def values(low: int, high: int) -> list[int]:
        return [r.randint(low, high) for _ in years]

    balance = Table("재무상태표", unit, years, {k: values(12_000, 980_000) for k in _KO_LINES})
    income = Table("손익계산서", unit, years, {k: values(9_000, 950_000) for k in _KO_INCOME})
    segments = ["조선기자재", "산업설비", "수처리", "서비스"]
    sales = Table("사업부문별 매출", unit, years, {k: values(20_000, 300_000) for k in segments})
    staff, share = r.randint(1_100, 9_800), r.randint(11, 29)
    plants = r.sample(["창원공장", "거제공장", "울산공장", "군산공장", "목포공장", "여수공장"], 3)
    fine = r.randint(2, 9) * 100 + r.randint(1, 99)
    deal = f"{base}년 {r.randint(2, 11)}월 {r.randint(2, 27)}일"
    facts = {
        "staff": f"{base}년 말 현재 임직원은 모두 {staff:,}명이며 이 가운데 연구 인력은 {staff // 7:,}명이다.",
        "share": f"최대 고객 한 곳이 {base}년 연결 매출의 {share}%를 차지하였다.",
        "deal": f"당사는 {deal} 노르빅밸브의 지분 전부를 취득하였다.",
        "fine": f"폐수 배출과 관련하여 과징금 {fine}억원이 부과되었고 4분기에 납부하였다.",
        "agm": "정기주주총회는 매년 3월 넷째 주 금요일에 본점에서 연다.",
    }
    parts = [
        f"사업보고서\n\n{base}년도\n\n사원번호: 2022\n담당자: {people[0][0]}, 전화 {people[0][1]}",
        "제1장 회사의 개요\n\n" + facts["agm"],
        "제2장 사업의 내용\n\n" + facts["share"] + " " + _ko_filler(r, 3),
        "부문별 실적\n\n" + sales.render(style),
        "인력 현황\n\n" + facts["staff"],
        "제3장 재무에 관한 사항\n\n" + balance.render(style),
        income.render(style),
        "사업 결합\n\n" + facts["deal"],
        "소송 및 제재\n\n" + facts["fine"],
        "구조조정\n\n회사는 다음 공장의 가동을 멈추기로 하였다:\n" + "\n".join(f"- {p}" for p in plants),
        "작성 책임자\n\n"
        + "\n".join(f"성명: {name}, 전화: {phone}" for name, phone in people[1:]),
    ]  # fmt: skip
    text = _paged(
        _spread(parts, _ko_section(r, pages * PAGE // 2), r), f"사업보고서 {base} (주)바른기계"
    )
    name = f"ko-report-{seed}-{style}"
    asked: list[tuple] = []  # type: ignore[type-arg]
    for label in r.sample(sorted(_KO_ASKED), 4):
        question, terms = _KO_ASKED[label]
        table = balance if label in balance.rows else income
        column = r.randrange(2)
        value = (table.rows[label] or [])[column]
        said = f"{value / 100:,.0f}억원" if r.random() < 0.6 else f"{value:,}백만원"
        wrong = f"{value / 100 * 1.21 + 9:,.0f}억원"
        asked.append(("cell", question.format(y=years[column]), [[*terms, f"{years[column]}년"]], [table.row(label, style), str(years[column])], f"{said}입니다.", [said], f"{wrong}입니다."))  # fmt: skip
    one, two = (income.rows["매출액"] or [])[:2]
    change = f"{abs(100 * (one - two) / two):.1f}%"
    a, b = ((sales.rows[s] or [])[0] for s in segments[:2])
    asked += [
        ("comparison", f"{base}년 매출은 전년보다 몇 퍼센트 변했나?", [["매출액", "손익계산서"]], [income.row("매출액", style)], f"{change} 변했습니다.", [change], "61.7% 변했습니다."),
        ("sum", f"{segments[0]}와 {segments[1]} 부문의 {base}년 매출을 더하면?", [[segments[0], "부문별 매출"], [segments[1], "부문별 매출"]], [sales.row(segments[0], style), sales.row(segments[1], style)], f"합계는 {a + b:,}백만원입니다.", [f"{a + b:,}"], f"합계는 {a + b + 4321:,}백만원입니다."),
        ("fact", "직원은 몇 명인가요?", [["임직원", "직원", "인력"]], [facts["staff"][:24]], f"모두 {staff:,}명입니다.", [f"{staff:,}"], f"모두 {staff + 2100:,}명입니다."),
        ("fact", "가장 큰 고객의 비중은?", [["최대 고객", "매출", "차지"]], [facts["share"]], f"매출의 {share}%입니다.", [f"{share}%"], f"매출의 {share + 33}%입니다."),
        ("fact", "폐수 문제로 낸 과징금은 얼마인가?", [["과징금", "폐수", "제재"]], [facts["fine"][:20]], f"{fine * 10000:,}만원입니다.", [f"{fine * 10000:,}"], f"{fine + 77}억원입니다."),
        ("date", "노르빅밸브를 언제 인수했나?", [["노르빅밸브", "취득", "인수"]], [facts["deal"]], f"{deal}입니다.", [deal], ""),
        ("fact", "정기주주총회는 언제 열리나요?", [["정기주주총회", "매년"]], [facts["agm"]], "매년 3월 넷째 주 금요일입니다.", ["금요일"], ""),
        ("list", "가동을 멈추는 공장은 어디인가?", [["공장", "가동", "멈추기로"]], plants, ", ".join(plants) + "입니다.", plants, ""),
        ("count", "가동을 멈추는 공장은 몇 곳인가?", [["공장", "가동", "멈추기로"]], plants, "3곳입니다.", ["3곳"], "8곳입니다."),
        ("absent", "회사가 보유한 선박은 몇 척인가?", [["선박", "보유", "척"]], [], "", [], ""),
        ("absent", "기부금은 얼마나 냈나요?", [["기부금", "기부"]], [], "", [], ""),
    ]  # fmt: skip
    planted = [value for person in people for value in person]
    return LongDocument(
        name=name, language="ko", text=text, questions=_questions(name, asked), planted=planted
    )


def korean_lease(seed: int, pages: int) -> LongDocument:
    """Make a Korean lease with many articles."""
    r = random.Random(seed)
    owner, tenant = _ko_person(r), _ko_person(r)
    deposit, rent = r.randint(2, 9), r.randint(11, 48) * 10
    start, years = r.randint(2019, 2023), r.choice([2, 3, 5])
    facts = {
        "deposit": f"임차인은 보증금 {deposit}억 5천만원을 계약일에 지급한다.",
        "rent": f"월 차임은 {rent}만원으로 하고 매월 말일에 지급한다.",
        "term": f"임대차 기간은 {start}년 4월 1일부터 {start + years}년 3월 31일까지로 한다.",
        "cure": "차임을 2회 이상 연체하면 임대인은 계약을 해지할 수 있다.",
        "pets": "임차인은 임대인의 동의 없이 반려동물을 기를 수 없다.",
    }
    parts = [
        f"상가건물 임대차계약서\n\n임대인: {owner[0]}, 전화 {owner[1]}\n임차인: {tenant[0]}, 전화 {tenant[1]}",
        "제2조 (기간)\n\n" + facts["term"],
        "제3조 (보증금)\n\n" + facts["deposit"],
        "제4조 (차임)\n\n" + facts["rent"],
        "제9조 (금지 행위)\n\n" + facts["pets"],
        "제14조 (해지)\n\n" + facts["cure"],
    ]  # fmt: skip
    text = _paged(_spread(parts, _ko_section(r, pages * PAGE // 2), r), "임대차계약서")
    name = f"ko-lease-{seed}"
    asked = [
        ("fact", "월세는 얼마인가요?", [["차임", "월세", "매월"]], [facts["rent"]], f"월 {rent}만원입니다.", [f"{rent}만원"], f"월 {rent + 55}만원입니다."),
        ("sum", "일 년 치 월세는 모두 얼마인가?", [["차임", "월세", "매월"]], [facts["rent"]], f"{12 * rent:,}만원입니다.", [f"{12 * rent:,}만원"], f"{12 * rent + 130:,}만원입니다."),
        ("fact", "보증금은 얼마입니까?", [["보증금", "지급"]], [facts["deposit"]], f"{deposit * 10000 + 5000:,}만원입니다.", [f"{deposit * 10000 + 5000:,}만원"], f"{deposit * 10000 + 7700:,}만원입니다."),
        ("date", "계약은 언제 끝나나요?", [["기간", "까지", "임대차"]], [facts["term"]], f"{start + years}년 3월 31일입니다.", ["3월 31일"], ""),
        ("comparison", "임대차 기간은 몇 년인가?", [["임대차 기간", "부터"]], [facts["term"]], f"{years}년입니다.", [f"{years}년"], f"{years + 6}년입니다."),
        ("fact", "반려동물을 키워도 되나요?", [["반려동물", "동의"]], [facts["pets"]], "임대인의 동의가 있어야 합니다.", ["동의"], ""),
        ("fact", "월세가 몇 번 밀리면 해지되나?", [["연체", "해지", "차임"]], [facts["cure"]], "2회입니다.", ["2회"], "9회입니다."),
        ("absent", "주차는 몇 대까지 되나요?", [["주차", "대수"]], [], "", [], ""),
        ("absent", "중개사는 누구인가?", [["중개사", "중개"]], [], "", [], ""),
    ]  # fmt: skip
    planted = [*owner, *tenant]
    return LongDocument(
        name=name, language="ko", text=text, questions=_questions(name, asked), planted=planted
    )
