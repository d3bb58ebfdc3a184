"""Numbers, codes, addresses, relations and firms as German and Romance texts write them.

No dictionary and no model is asked: the base install finds them.
"""

import pytest

from langchain_privacy.detection import RulesDetector, detect_all
from langchain_privacy.detection.defaults import BY_LANGUAGE, ELSEWHERE, STRUCTURED

RULES = [RulesDetector(STRUCTURED, by_language={"en": BY_LANGUAGE["en"]}, elsewhere=ELSEWHERE)]


def found(text: str, language: str | None = None) -> list[str]:
    return [text[f.start : f.end] for f in detect_all(text, RULES, language=language)]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("La clave de la wifi: Gaviota2209", "Gaviota2209"),
        ("La contraseña del portátil es Gaviota2209.", "Gaviota2209"),
        ("Le mot de passe de la box : Mirabelle-4417", "Mirabelle-4417"),
        ("La clé wifi du gîte est Mirabelle-4417.", "Mirabelle-4417"),
        ("A senha do wifi: Gaviota2209", "Gaviota2209"),
        ("Código do wi-fi: Gaviota2209", "Gaviota2209"),
        ("Der WLAN-Schlüssel für die Ferienwohnung lautet: Moewe!2209", "Moewe!2209"),
        ("Passwort fürs WLAN: Moewe2209", "Moewe2209"),
        ("The wifi key is Moewe2209.", "Moewe2209"),
        ("The password for the guest house is Moewe2209.", "Moewe2209"),
        ("Code de la porte : 4471A", "4471A"),
        ("Code d'entrée de l'immeuble : 4471B", "4471B"),
        ("Código del portal: 4471", "4471"),
        ("O código do alarme é 4471.", "4471"),
        ("Code für die Haustür: 4471#", "4471#"),
        ("Türcode 4471", "4471"),
        ("PIN de la tarjeta: 4471", "4471"),
    ],
)
def test_passwords_and_codes_of_things(text: str, secret: str) -> None:
    assert found(text) == [secret]


@pytest.mark.parametrize(
    "text",
    [
        "La clave del éxito: trabajo y constancia",
        "Der Schlüssel zum Erfolg lautet: Geduld",
        "Code de la route : 2 points",
        "Código del producto: 4471",
        "The password for the exam room is case-sensitive.",
        "The token for the request is 100% opaque.",
        "Passwort für das WLAN: siehe Aushang",
    ],
)
def test_what_is_said_of_keys_and_codes_is_none(text: str) -> None:
    assert not found(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Puede llamarme al 612 45 78 90 por la tarde.", "612 45 78 90"),
        ("Pode ligar-me para o 912 345 678 depois das seis.", "912 345 678"),
        ("O celular dele é 81 99447-1902, à noite.", "81 99447-1902"),
        ("Rückruf unter 05931 / 87 42 11 erbeten.", "05931 / 87 42 11"),
        ("Expediente 2023/00871-S: se concede la licencia.", "2023/00871-S"),
        ("Dossier n° RG 22/04187 transmis au greffe.", "RG 22/04187"),
        ("Processo n.º 418/22.3TBPNI da comarca.", "418/22.3TBPNI"),
        ("Az. 12 C 331/21, Amtsgericht", "12 C 331/21"),
        ("Firma la colegiada nº 28/44719.", "28/44719"),
        ("Contribuinte n.º 247192038", "247192038"),
        ("der Wagen mit dem Kennzeichen OL-KM 2207", "OL-KM 2207"),
        ("el coche con matrícula 4170 GVC", "4170 GVC"),
        ("le véhicule immatriculé GA-417-VC", "GA-417-VC"),
        ("a viatura de matrícula 44-XQ-17", "44-XQ-17"),
        ("placa do carro: GVC4A17", "GVC4A17"),
        ("vive en la calle Fray Luis Vives 18, 3º B", "calle Fray Luis Vives 18, 3º B"),
        ("demeurant 3 bis rue du Four, 49300 Cholet", "3 bis rue du Four, 49300 Cholet"),
        ("en Plaza Horno 3, 2º izda., 49600 Toro", "Plaza Horno 3, 2º izda., 49600 Toro"),
        ("Saí da Avenida 25 de Abril, 44, 3.º Esq. ontem", "Avenida 25 de Abril, 44, 3.º Esq."),
    ],
)  # fmt: skip
def test_numbers_plates_and_addresses(text: str, value: str) -> None:
    assert value in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Die Norm DIN EN 1090 und die Regel AB-C 9001 gelten hier.",
        "La population est de 67 000 000 habitants.",
        "la calle Mayor está cortada y la rua estava vazia às 12",
        "El presupuesto asciende a 612 345 678 unidades.",
    ],
)
def test_numbers_that_nothing_names_are_none(text: str) -> None:
    assert not found(text)


@pytest.mark.parametrize(
    ("language", "text", "name"),
    [
        ("es", "Ayer vino mi cuñado Íñigo con los papeles.", "Íñigo"),
        ("es", "Lo firmó su mujer, Itziar, en la oficina.", "Itziar"),
        ("es", "Le escribe la señora Zubizarreta por el recibo.", "Zubizarreta"),
        ("fr", "Elle habite chez son beau-frère Gaëtan depuis mai.", "Gaëtan"),
        ("pt", "A conta está em nome do meu cunhado Iuri.", "Iuri"),
        ("pt", "Falei com a vizinha Leonor sobre as obras.", "Leonor"),
    ],
)
def test_a_name_behind_a_relation_where_nouns_are_in_small_letters(
    language: str, text: str, name: str
) -> None:
    assert found(text, language) == [name]


def test_a_german_noun_behind_a_relation_is_none() -> None:
    assert not found("Weil meine Tochter Fieber und mein Vater Husten hat.", "de")


@pytest.mark.parametrize(
    ("language", "text", "name"),
    [
        ("es", "Fue trasladada al Hospital Virgen de la Salud por la tarde.",
         "Hospital Virgen de la Salud"),
        ("fr", "Elle a été admise à la Clinique des Trois Vallées hier.",
         "Clinique des Trois Vallées"),
        ("pt", "Ele trabalha na Padaria Estrela do Minho há anos.", "Padaria Estrela do Minho"),
        ("pt", "Ela trabalha na Moagens Sotavento, Lda. há anos.", "Moagens Sotavento, Lda"),
        ("es", "Se concede a Talleres Hermanos Lizarraga S.L. la licencia.",
         "Talleres Hermanos Lizarraga S.L"),
        ("fr", "Le permis est refusé à la SCI Les Mouettes par le maire.", "SCI Les Mouettes"),
        ("de", "Die Frischdienst Iller GmbH kündigt den Vertrag.", "Frischdienst Iller GmbH"),
    ],
)  # fmt: skip
def test_firms_and_houses_whose_names_are_ordinary_words(
    language: str, text: str, name: str
) -> None:
    assert found(text, language) == [name]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "En el hospital le dieron el alta y volvió a la escuela."),
        ("de", "Die AG trifft sich dienstags, die GmbH zahlt die Steuern."),
        ("fr", "La SARL est une forme de société."),
    ],
)
def test_a_kind_of_house_or_firm_alone_is_none(language: str, text: str) -> None:
    assert not found(text, language)
