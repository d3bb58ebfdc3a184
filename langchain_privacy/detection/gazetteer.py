"""Word lists: public facts such as frequent names and the names of places."""

import re
from functools import cache
from importlib.resources import files

# International nonproprietary names of substances end in a stem of their class (WHO, INN stems);
# names of diseases and procedures in a Greek or Latin one.
_MEDICAL = re.compile(
    r"[^\W\d_]{2,}(?:statin|pril|sartan|olol|azole|mycin|cillin|formin|gliptin|gliflozin|dipine|zepam|zolam|peridone|apine"
    r"|oxetine|triptan|parin|umab|tinib|ciclovir|azine|thiazide|floxacin|cycline|methasone|solone|caine|dronate|profen|tidine"
    r"|setron|lukast|xaban|grel|semide|ectomy|oscopy|ography|ostomy|plasty|algia|opathy|emia|aemia|itis)"
)  # fmt: skip


def is_medical(word: str) -> bool:
    """Say whether a lower-case word is a substance, a disease or a procedure by its ending."""
    return _MEDICAL.fullmatch(word) is not None


@cache
def load(name: str) -> frozenset[str]:
    """Return the words of `gazetteers/<name>.txt`: separated by white space, `#` to the line's end
    is a comment, `_` stands for a space inside a name.
    """  # noqa: D205
    text = (files("langchain_privacy.detection") / "gazetteers" / f"{name}.txt").read_text("utf-8")
    lines = (line.partition("#")[0] for line in text.splitlines())
    return frozenset(word.replace("_", " ") for line in lines for word in line.split())
