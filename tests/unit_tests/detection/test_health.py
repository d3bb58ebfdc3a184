"""Illnesses and medicines: strict mode hides a person's, and leaves those that are a topic."""

import pytest

from langchain_privacy.detection import default_detectors, detect_all
from langchain_privacy.detection.folded import fold
from langchain_privacy.detection.health_terms import health_terms

STRICT = default_detectors(presidio=False, strict=True)


def found(text: str) -> list[str]:
    return [text[f.start : f.end] for f in detect_all(text, STRICT) if f.entity_type == "HEALTH"]


THEIRS = [
    # somebody is named, or meant by a pronoun or a relation
    ("Emily Watson has epilepsy and type 2 diabetes.", ["epilepsy", "type 2 diabetes"]),
    ("John Gross has been dealing with anxiety disorder.", ["anxiety disorder"]),
    ("Hans Oberhuber's breast cancer came back.", ["breast cancer"]),
    ("Hans Oberhuber has Alzheimer's disease.", ["Alzheimer's disease"]),
    ("Last year he died from lung cancer.", ["lung cancer"]),
    ("Tell him that she is pregnant", ["pregnant"]),
    ("my son has asthma and the damp gets worse", ["asthma"]),
    ("My dog has diabetes and takes insulin 4 units", ["diabetes", "insulin 4 units"]),
    ("The doctor gave her metformin 1000 and a cream", ["metformin 1000"]),
    ("She could not attend due to dengue fever.", ["dengue fever"]),
    ("she went there for panic attacks", ["panic attacks"]),
    ("His back. Two slipped discs.", ["Two slipped discs"]),
    ("he has a torn meniscus and kidney stones", ["torn meniscus", "kidney stones"]),
    ("He wrote a book about his cancer.", ["cancer"]),
    # a verb of health says it of what no list has
    ("he has an operation for his tonsils", ["tonsils"]),
    ("he failed a drug test for meth in May", ["meth"]),
    ("She is allergic to pistachio, no nuts", ["pistachio"]),
    ("I was diagnosed with POTS. POTS is hard.", ["POTS", "POTS"]),
    # bodies in everyday words
    ("My mother has a bad hip and a swollen ankle.", ["bad hip", "swollen ankle"]),
    ("Juhani Oksala broke his collarbone on Sunday", ["broke his collarbone"]),
    (
        "she tore a ligament, then twisted her left knee",
        ["tore a ligament", "twisted her left knee"],
    ),
    ("my uncle is off work after a shoulder operation", ["shoulder operation"]),
    ("He had a gastric bypass and lost two toes.", ["gastric bypass", "lost two toes"]),
    ("my sister is on maternity leave, dad uses a wheelchair", ["maternity leave", "wheelchair"]),
    (
        "Her father is hard of hearing and registered blind.",
        ["hard of hearing", "registered blind"],
    ),
    ("my nephew is on the autism spectrum", ["on the autism spectrum"]),
    (
        "he has atrial fibrillation and high blood pressure",
        ["atrial fibrillation", "high blood pressure"],
    ),
    ("She was in a coma after the amputation.", ["in a coma", "amputation"]),
    ("my cousin survived diphtheria as a child", ["diphtheria"]),
    ("아내는 임신 중이고 항암 치료를 받으셨어요", ["임신", "항암"]),
    # the writer, by a verb of having
    ("I have asthma. What helps?", ["asthma"]),
    ("I have also PTSD but should I write it", ["PTSD"]),
    ("i am on sertraline 100 since May", ["sertraline 100"]),
    ("my depression got worse", ["depression"]),
    # records
    (
        "Name: Ada Paik\nDx: community acquired pneumonia, left; iron deficiency anemia",
        ["community acquired pneumonia", "iron deficiency anemia"],
    ),
    ("Patient D.K., 71 M, NSTEMI, on clopidogrel 75 mg", ["NSTEMI", "clopidogrel 75 mg"]),
    # other languages
    ("Mon fils a de l'asthme.", ["asthme"]),
    ("Meine Mutter hat Diabetes.", ["Diabetes"]),
    ("Mi madre tiene artritis y toma metotrexato.", ["artritis"]),
    ("Tenho diabetes e preciso de ajuda com a dieta.", ["diabetes"]),
    ("Mi artritis es peor en invierno, ¿qué puedo hacer?", ["artritis"]),
    ("표수련 님은 당뇨가 있고 우울증 약을 드신다.", ["당뇨", "우울증"]),
    ("우리 강아지가 심장판막증 진단받았는데", ["심장판막증"]),
    ("엄마가 갑상선암 수술을 받으셨어요", ["갑상선암"]),
    ("현재 드시는 약은 아스피린 100mg 하나고요", ["아스피린 100mg"]),
    ("이름: 표수련\n소견: 고혈압 약물 치료 필요", ["고혈압"]),
    # and where the text says it again
    ("My husband is celiac. The celiac mail was lost.", ["celiac", "celiac"]),
]


@pytest.mark.parametrize(("text", "private"), THEIRS)
def test_strict_mode_hides_what_somebody_suffers_from_and_takes(
    text: str, private: list[str]
) -> None:
    assert found(text) == private


def test_the_default_leaves_it() -> None:
    default = default_detectors(presidio=False)
    for text, _ in THEIRS:
        assert "HEALTH" not in {f.entity_type for f in detect_all(text, default)}


@pytest.mark.parametrize(
    "text",
    [
        "What helps against migraine?",
        "Emily Watson asked. Migraine is common.",
        "Write an article about diabetes and asthma.",
        "I give a lecture on migraine next week.",
        "I'm writing a novel about epilepsy",
        "how do I explain ADHD to a colleague",
        "I am a nurse in the dialysis unit. She led the malaria survey.",
        "Can I take ibuprofen with paracetamol? Do I need surgery for a hernia?",
        "Summarise: diabetes is a chronic disease. How does metformin work?",
        "My essay is on geography, photography and nostalgia in a magazine",
        "My company suffers from low morale, and my disk is full after a failure",
        "How long does a broken wrist heal? A hip operation takes two hours.",
        "He broke the news, lost his head and hurt her heart.",
        "The company's maternity leave policy is short; the museum has ramps for a wheelchair.",
        "Frozen shoulder of lamb, chicken legs and a calf liver, please.",
        "The op amp has a problem, and the table lost a leg in transport.",
        "He was admitted to the bar. She was tested for the role. I put him on the list.",
        # other languages: no verb of having, a formal you, "a mother", words that English has, too
        "Kann ich Aspirin zusammen mit Ibuprofen nehmen? Ich weiß es nicht genau.",
        "Können Sie mir bitte sagen, wie eine Diabetes entsteht und ob Insulin hilft?",
        "Je voudrais savoir comment un diabète se développe chez les adultes.",
        "Una madre con diabetes puede dar el pecho, ¿verdad? Explícalo con calma.",
        "Eine Mutter mit Asthma kommt in die Praxis: Was ist zu tun?",
        "The hat, a padre and an aspirin lay on the table.",
        "Suele verse un carcinoma de mama izquierda tras la radioterapia, según el manual.",
        "편두통에 좋은 음식은 무엇인가요?",
        "저는 당뇨에 대한 강의를 준비해요",
        "고혈압 약을 먹을 때 자몽 먹어도 돼?",
        "우울증 환자를 위한 프로그램을 만들어줘",
        "제가 영수증이랑 물병을 챙기고 서버 장애 원인을 찾았어요",
    ],
)
def test_a_topic_is_nobodys(text: str) -> None:
    assert found(text) == []


def test_terms_are_told_by_vocabulary_ending_and_head() -> None:
    text = "POTS, atorvastatin 20 mg, tendinitis, Lyme disease, geography, 2 discs, slipped disc"
    terms = sorted(health_terms(fold(text)))
    assert [text[a:b] for a, b in terms] == [
        "atorvastatin 20 mg",
        "atorvastatin 20 mg",
        "tendinitis",
        "Lyme disease",
        "slipped disc",
    ]
