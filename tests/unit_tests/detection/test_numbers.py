"""Numbers of many countries, of payment and of bookings; beside them what machines make."""

# ruff: noqa: E501 - tables read better whole

import pytest

from langchain_privacy.detection import default_detectors, detect_all

RULES = default_detectors(presidio=False)

FOUND = [
    ('PHONE', '07836628771 called twice.', '07836628771'),
    ('PHONE', 'Ring Ingrid on 0131 496 0821 today', '0131 496 0821'),
    ('PHONE', 'ask on 07700 900123 please', '07700 900123'),
    ('PHONE', '06 12 34 56 78 le soir', '06 12 34 56 78'),
    ('PHONE', 'my number 0412 345 678', '0412 345 678'),
    ('PHONE', '98765 43210 is mine', '98765 43210'),
    ('PHONE', '(11) 91234-5678', '(11) 91234-5678'),
    ('PHONE', 'Bürozeiten: 0151 14567890', '0151 14567890'),
    ('TAX_ID', 'Steuer-ID: 86095742719', '86095742719'),
    ('ID', 'Numéro de sécurité sociale : 2 84 05 75 116 001 42', '2 84 05 75 116 001 42'),
    ('ID', 'SIN 046 454 286', '046 454 286'),
    ('TAX_ID', 'TFN 123 456 782', '123 456 782'),
    ('CVV', 'CVV 739', '739'),
    ('CVV', '"cvv": "0739"', '0739'),
    ('BIC', 'SWIFT DEUTDEFF500', 'DEUTDEFF500'),
    ('BIC', 'BIC: COBADEFFXXX', 'COBADEFFXXX'),
    ('CRYPTO', 'to 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 now', '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2'),
    ('CRYPTO', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'),
    ('CRYPTO', '0x52908400098527886E0F7030069857D2E4169EE7', '0x52908400098527886E0F7030069857D2E4169EE7'),
    ('US_SSN', '912-71-1234', '912-71-1234'),
    ('US_SSN', 'SSN: 666-45-6789', '666-45-6789'),
    ('IBAN', 'IBAN: XX82 1234 5678 9012 3456 78', 'XX82 1234 5678 9012 3456 78'),
    ('IBAN', 'IBAN: DE89 3704 0044 0532 0130', 'DE89 3704 0044 0532 0130'),
    ('IBAN', 'IBAN DE88 3704 0044 0532 0130 00 for rent', 'DE88 3704 0044 0532 0130 00'),
    ('CREDIT_CARD', 'Card number: 1234 5678 9012 3456', '1234 5678 9012 3456'),
    ('ID', 'filed 123.456.789-09', '123.456.789-09'),
    ('ID', 'DNI 12345678Z', '12345678Z'),
    ('ID', 'RSSMRA85T10A562S', 'RSSMRA85T10A562S'),
    ('ID', 'S1234567D', 'S1234567D'),
    ('ID', '756.1234.5678.97', '756.1234.5678.97'),
    ('ID', '811228-9874', '811228-9874'),
    ('ID', 'booking X7KQ2M', 'X7KQ2M'),
    ('ID', 'Your PNR is X7KQ2M.', 'X7KQ2M'),
    ('ID', 'Confirmation code: QWERTZ', 'QWERTZ'),
    ('ID', 'Kundennummer: 4471923', '4471923'),
    ('BANK_ACCOUNT', 'Kontonummer 532013000', '532013000'),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "value"), FOUND, ids=[v for _, _, v in FOUND])
def test_is_found(kind: str, text: str, value: str) -> None:
    found = [(f.entity_type, text[f.start : f.end]) for f in detect_all(text, RULES)]
    assert (kind, value) in found


# Identifiers, codes of things, and prose with the same words.
CLEAR = [
    '4d90f551-8568-4935-821b-8cb9fa50ecd7',
    'trace ebba3c73-0c1d-4a5e-9f0e-1b2c3d4e5f60 ended',
    'UPC 012345678905',
    '7120044\n7120981\n7120999',
    'sha256:4111111111111111a0b1c2d3e4f5',
    'commit 64d2c15 by ci',
    'etag W/"5d41402abc4b2a76b9719d911017c592"',
    'eth0: up, ifidx 2',
    'The security code changed in 2024.',
    'A swift response',
    'the sin of pride, 12 times',
    'booking is open',
    'confirmation email',
    'Reservation REQUIRED',
    'the itinerary CHANGES daily',
    '4111111111111111a',
    'x-4111111111111111',
    '0471958697',
    '12.345.678-9',
    'pages 811228-9875',
    '2024-11-29T10:00:00Z INFO 0123 rows',
    'dGhpc0lzQTRiQ2hhTXBsZVN0cjFuZzEyMzQ1Ng==',
]  # fmt: skip


@pytest.mark.parametrize("text", CLEAR)
def test_is_left_alone(text: str) -> None:
    assert [(f.entity_type, text[f.start : f.end]) for f in detect_all(text, RULES)] == []
