"""Corpora for `detection.py`: labelled ones from a folder, and Korean numbers made here."""

# ruff: noqa: E501 - tables

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path


@dataclass(frozen=True)
class Labelled:
    text: str
    spans: list[tuple[int, int, str]]
    group: int = 0


@dataclass(frozen=True)
class Case:
    text: str
    language: str
    values: list[str] = field(default_factory=list)


def presidio_research(folder: Path) -> list[Labelled]:
    items = json.loads((folder / "presidio_research_generated_large.json").read_text("utf-8"))
    return [
        Labelled(
            item["full_text"],
            [(s["start_position"], s["end_position"], s["entity_type"]) for s in item["spans"]],
            item["template_id"],
        )
        for item in items
    ]


def klue(folder: Path, kinds: Mapping[str, str] = {"PS": "PERSON"}) -> list[Labelled]:
    """Read character tags; `kinds` names those that are kept: PS persons, LC places, OG others."""
    sentences: list[Labelled] = []
    chars: list[str] = []
    tags: list[str] = []
    path = folder / "klue_ner_dev_first_half.tsv"
    for line in [*path.read_text("utf-8").split("\n"), "## end"]:
        if line.startswith("## "):
            if chars:
                sentences.append(Labelled("".join(chars), _tagged(tags, kinds)))
            chars, tags = [], []
        elif "\t" in line:
            char, tag = line.split("\t")[0] or " ", line.split("\t")[-1]
            chars.append(char)
            tags.append(tag)
    return sentences


def _tagged(tags: list[str], kinds: Mapping[str, str]) -> list[tuple[int, int, str]]:
    spans, start = [], None
    for index, tag in enumerate([*tags, "O"]):
        if start is not None and tag != f"I-{tags[start][2:]}":
            spans.append((start, index, kinds[tags[start][2:]]))
            start = None
        if tag.startswith("B-") and tag[2:] in kinds:
            start = index
    return spans


def minion_cases(folder: Path) -> list[Case]:
    lines = (folder / "minion_cases.jsonl").read_text("utf-8").splitlines()
    items = [json.loads(line) for line in lines]
    return [Case(item["document"], item["lang"], item["pii"]) for item in items]


# Korean numbers ---------------------------------------------------------------------------------


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))


def resident_number(rng: random.Random, *, foreign: bool = False) -> str:
    born = date(1940, 1, 1) + timedelta(days=rng.randrange(365 * 85))
    marker = (7 if foreign else 3) if born.year >= 2000 else (5 if foreign else 1)
    head = f"{born:%y%m%d}{marker + rng.randrange(2)}"
    if born >= date(2020, 10, 5):
        return f"{head[:6]}-{head[6]}{_digits(rng, 6)}"
    digits = head + _digits(rng, 5)
    total = sum(
        int(d) * w for d, w in zip(digits, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), strict=True)
    )
    return f"{digits[:6]}-{digits[6:]}{((13 if foreign else 11) - total % 11) % 10}"


def business_number(rng: random.Random) -> str:
    digits = str(rng.randrange(101, 999)) + _digits(rng, 6)
    total = sum(int(d) * w for d, w in zip(digits, (1, 3, 7, 1, 3, 7, 1, 3, 5), strict=True))
    digits += str((10 - (total + int(digits[8]) * 5 // 10) % 10) % 10)
    return f"{digits[:3]}-{digits[3:5]}-{digits[5:]}"


def corporate_number(rng: random.Random) -> str:
    digits = _digits(rng, 4) + rng.choice(["11", "21", "31", "71"]) + _digits(rng, 6)
    total = sum(int(d) * (1 + i % 2) for i, d in enumerate(digits))
    return f"{digits[:6]}-{digits[6:]}{(10 - total % 10) % 10}"


def korean_number(rng: random.Random, kind: str) -> tuple[str, str]:
    """Return a number of a kind and a sentence frame that names it as a form or a letter does."""
    made = {
        "KR_RRN": (resident_number(rng), ["주민등록번호: {}", "주민번호는 {}입니다", "{} 고객"]),
        "KR_FRN": (resident_number(rng, foreign=True), ["외국인등록번호 {}", "외국인등록번호는 {}이다"]),
        "KR_BRN": (business_number(rng), ["사업자등록번호 {}", "(사업자 {})"]),
        "KR_CRN": (corporate_number(rng), ["법인등록번호: {}", "주식회사 한빛({})"]),
        "KR_DRIVER_LICENSE": (
            f"{rng.choice([*range(11, 27), 28])}-{_digits(rng, 2)}-{_digits(rng, 6)}-{_digits(rng, 2)}",
            ["운전면허번호 {}", "면허번호는 {}이다"],
        ),
        "KR_PASSPORT": (
            rng.choice([f"M{_digits(rng, 8)}", f"M{_digits(rng, 3)}{rng.choice('ABCDEFG')}{_digits(rng, 4)}"]),
            ["여권번호 {}", "여권: {}"],
        ),
        "PHONE": (
            rng.choice([f"010-{rng.randrange(2000, 9999)}-{_digits(rng, 4)}", f"02-{rng.randrange(200, 999)}-{_digits(rng, 4)}",
                        f"+82 10-{rng.randrange(2000, 9999)}-{_digits(rng, 4)}", f"031-{rng.randrange(200, 999)}-{_digits(rng, 4)}"]),
            ["연락처 {}", "{}로 전화 주세요", "{}"],
        ),
        "BANK_ACCOUNT": (
            f"{_digits(rng, 3)}-{_digits(rng, 4)}-{_digits(rng, 4)}-{_digits(rng, 2)}",
            ["계좌번호: {}", "국민은행 {}로 입금"],
        ),
        "KR_HEALTH_INSURANCE": (f"{rng.randrange(1, 9)}-{_digits(rng, 10)}", ["건강보험증 번호 {}"]),
        "KR_PLATE": (
            f"{rng.randrange(10, 999)}{rng.choice('가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주하허호')} {_digits(rng, 4)}",
            ["차량 {}", "{} 주차"],
        ),
        "KR_CUSTOMS_CODE": (f"P{_digits(rng, 12)}", ["개인통관고유부호 {}"]),
    }  # fmt: skip
    value, frames = made[kind]
    return value, rng.choice(frames)


KOREAN_KINDS = (
    "KR_RRN", "KR_FRN", "KR_BRN", "KR_CRN", "KR_DRIVER_LICENSE", "KR_PASSPORT", "PHONE",
    "BANK_ACCOUNT", "KR_HEALTH_INSURANCE", "KR_PLATE", "KR_CUSTOMS_CODE",
)  # fmt: skip

SHAPES = {
    "NNNNNN-NNNNNNN": (6, 7), "NNNNNNNNNNNNN": (13,), "NNN-NN-NNNNN": (3, 2, 5), "NN-NN-NNNNNN-NN": (2, 2, 6, 2),
    "NNN-NNNN-NNNN": (3, 4, 4), "NN-NNN-NNNN": (2, 3, 4), "NNNNNNNNNN": (10,), "NNN-NNNN-NNNN-NN": (3, 4, 4, 2),
    "N-NNNNNNNNNN": (1, 10), "NNNNNNNNNNNN": (12,),
}  # fmt: skip


def random_number(rng: random.Random, shape: str) -> str:
    return "-".join(_digits(rng, count) for count in SHAPES[shape])


# Prose in other languages, written for this; what is private stands in double brackets. ------------

PROSE = {
    "de": """Das Landratsamt hat den Bauantrag in der vergangenen Woche abgelehnt, weil die Abstandsflächen nicht eingehalten werden.
Frau [[Hildegund Brömmelkamp]] wohnt seit drei Jahren in [[Straubing]] und arbeitet im Krankenhaus.
Die Heizkostenabrechnung wird jeweils im Herbst verschickt; Einwände sind innerhalb eines Monats möglich.
Bitte richten Sie Ihre Kündigung schriftlich an den Vermieter und legen Sie eine Kopie des Vertrags bei.
Gestern rief mich [[Ansgar Wiethölter]] an und fragte nach dem Befund seiner Tochter [[Merle]].
Der Geschäftsführer unterschreibt den Vertrag, sobald die Rechtsabteilung die Anlagen geprüft hat.
Die Patientin klagt über Kopfschmerzen und Schwindel, der Blutdruck war bei der Aufnahme erhöht.
Mein Kollege [[Torvald Petersen]] hat die Unterlagen nach [[Flensburg]] geschickt.
Im Anhang finden Sie die Tagesordnung der nächsten Eigentümerversammlung und das Protokoll der letzten.
Der Eingang der Ware ist unverzüglich zu prüfen, Mängel sind dem Lieferanten sofort anzuzeigen.""",
    "fr": """La préfecture a refusé le permis de construire parce que les distances légales ne sont pas respectées.
Mon mari, [[Yannig Le Bihan]], habite à [[Plougastel]] depuis la fin de ses études.
Le rapport annuel du conseil d'administration sera présenté lors de l'assemblée générale de printemps.
Madame [[Solenn Kervella]] a signé le bail hier et versera le dépôt de garantie demain.
Veuillez nous retourner le formulaire signé avant la fin du mois, avec une copie de votre pièce d'identité.
Le patient se plaint de douleurs thoraciques depuis trois jours et ne prend aucun traitement.
J'ai parlé avec [[Théophane Quéméner]] de la livraison prévue à [[Quimperlé]].
Les charges de copropriété sont payables d'avance au début de chaque trimestre.
La direction des ressources humaines vous répondra dans un délai de deux semaines.
Le Conseil d'État a annulé la décision du tribunal administratif.""",
    "es": """La Dirección General de Tráfico ha publicado las nuevas normas para los conductores profesionales.
Ayer hablé con [[Yaretzi Quispe]] sobre el contrato de alquiler de su piso en [[Huancayo]].
El informe anual se presentará en la próxima junta de accionistas, prevista para el otoño.
La paciente refiere dolor abdominal desde hace dos días y no tiene fiebre ni otros síntomas.
Mi compañero [[Eustaquio Belmonte]] envió la documentación a la oficina de [[Teruel]].
Le rogamos que devuelva el formulario firmado antes de que termine el mes.
El Ministerio de Hacienda ha ampliado el plazo para presentar la declaración.
Los gastos de comunidad se pagan por adelantado al principio de cada trimestre.
Doña [[Visitación Iturralde]] firmó ayer el acta ante el notario.
El departamento de recursos humanos responderá en un plazo de dos semanas.""",
    "pt": """O Ministério Público recorreu da decisão do tribunal, que tinha absolvido a empresa no ano passado.
O meu colega [[Ubirajara Peçanha]] mora em [[Itapecerica]] e trabalha no hospital.
O relatório anual será apresentado na próxima assembleia geral, prevista para o outono.
A paciente queixa-se de dores de cabeça há três dias e não toma qualquer medicamento.
Ontem falei com [[Conceição Vilhena]] sobre o contrato de arrendamento do apartamento.
Pedimos que devolva o formulário assinado antes do fim do mês, com uma cópia do documento.
A Câmara Municipal indeferiu o pedido de licença porque faltavam documentos.
As despesas do condomínio são pagas no início de cada trimestre.
Dona [[Jacira Tupinambá]] assinou ontem a escritura em [[Mogadouro]].
O departamento de recursos humanos responderá no prazo de duas semanas.""",
}  # fmt: skip


def prose(language: str) -> list[Labelled]:
    made = []
    for line in PROSE[language].split("\n"):
        text, spans = "", []
        for index, piece in enumerate(line.replace("]]", "[[").split("[[")):
            if index % 2:
                spans.append((len(text), len(text) + len(piece), "PRIVATE"))
            text += piece
        made.append(Labelled(text, spans))
    return made
