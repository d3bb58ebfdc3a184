"""Names that are everyday words, names with an initial: the words right beside them tell."""

import pytest

from langchain_privacy.detection import default_detectors, detect_all

DETECTORS = default_detectors(presidio=False)


def found(text: str) -> list[str]:
    return [text[f.start : f.end] for f in detect_all(text, DETECTORS)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        # announced
        ("Her first name is Summer, please print it on the mug.", ["Summer"]),
        ("Since the wedding my name's Pearl, not Priscilla.", ["Pearl", "Priscilla"]),
        ("I'm Robin from the second floor.", ["Robin"]),
        ("Im River, 24, and I look for a flat.", ["River"]),
        ("a story about a knight named May", ["May"]),
        ("a girl called Hope who paints", ["Hope"]),
        ("Hi, this is Iris from accounts.", ["Iris"]),
        ("hi ivy,\nthe boiler is broken", ["ivy"]),
        # family, with a possessive or without one
        ("nights are bad, husband Miles snores", ["Miles"]),
        ("a card for my mum Heather and baby Moss", ["Heather", "Moss"]),
        ("Our landlord's wife Daisy keeps the key.", ["Daisy"]),
        # what people say, are told and are to do
        ("Amber says that the lift is stuck.", ["Amber"]),
        ("Penny asked for two weeks.", ["Penny"]),
        ("Please remind Violet, and call Ray.", ["Violet", "Ray"]),
        ("- Rusty to order new filters\n- Dean to call the firm", ["Rusty", "Dean"]),
        ("Deb opens the shop at 7. Theo locked it.", ["Deb", "Theo"]),
        # initials
        ("- Rose K.: reads well\n- Art B.: needs glasses", ["Rose K.", "Art B."]),
        ("'Best soup in town' - Siobhan R", ["Siobhan R"]),
        ("Wiśniewolski B., Okwuosah-Lind P., 2019", ["Wiśniewolski B.", "Okwuosah-Lind P."]),
    ],
)
def test_is_found(text: str, names: list[str]) -> None:
    for name in names:
        assert any(name in value for value in found(text)), found(text)


@pytest.mark.parametrize(
    "text",
    [
        "My name is on the invitation, MY NAME IS ON THE LIST.",
        "I'm Vegan, 30 days in. I'm Catholic, and I am British from birth.",
        "Hope to see you soon. Mark to market is a rule. Bill to be paid by noon.",
        "The Bill says that landlords must register. Our Grant to the museum was approved.",
        "Will to live, Grace to endure: a poem about patience.",
        "May I ask? Will you come? Art is long.",
        "hi love,\nhow are you? hey man, dear angel,",
        "Take vitamin C, and plan B. Appendix A, section C and type I.",
        "Group B: room C. Hepatitis B, Team A.",
        "mother tongue, father figure, baby steps, husband material",
        "Jasmine flowers smell sweet, and taste of nothing.",
        "My mum Monday, my dad Tuesday: who drives?",
    ],
)
def test_is_left(text: str) -> None:
    assert found(text) == []
