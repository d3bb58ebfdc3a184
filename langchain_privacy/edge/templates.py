"""Prompt templates of a private chain: what a template says itself is masked as its input is.

A template may quote an address or a name, and its examples, partial variables and defaults may hold
more of them. The edge has masked what the chain was given, not those. So a private chain runs a
copy of the template whose prompt is masked before its run records it. Words that are no secret are
named in `MaskingPolicy(public=[...])`.
"""

import asyncio
from typing import Any, cast

from langchain_core.prompts import BasePromptTemplate
from pydantic import PrivateAttr

from langchain_privacy.edge.run import session_of
from langchain_privacy.masking import Masker
from langchain_privacy.subclassing import recast, subclass_maker


def masking_template(template: BasePromptTemplate[Any], masker: Masker) -> BasePromptTemplate[Any]:
    """Return a copy of a template, of a subclass of its class, whose prompts are masked.

    Args:
        template: Any prompt template.
        masker: Finds private values and holds the vault.
    """
    if isinstance(template, _Masking):
        return template
    copy: Any = template.model_copy()
    recast(copy, _masking(type(template)))
    copy._masker = masker  # noqa: SLF001
    return cast("BasePromptTemplate[Any]", copy)


class _Masking(BasePromptTemplate[Any]):
    """Marks the templates whose prompts are masked."""

    _masker: Any = PrivateAttr(default=None)


@subclass_maker(_Masking)
def _masking(base: Any) -> dict[str, Any]:
    """A template's class that masks its prompts."""

    def format_prompt(self: Any, **kwargs: Any) -> Any:
        return session_of(self._masker).mask(base.format_prompt(self, **kwargs))

    async def aformat_prompt(self: Any, **kwargs: Any) -> Any:
        made = await base.aformat_prompt(self, **kwargs)
        return await asyncio.to_thread(lambda: session_of(self._masker).mask(made))

    # what a tracer is told of the template: its class, and not its words
    told = {"lc": 1, "type": "constructor", "id": base.lc_id(), "name": base.__name__}
    members = {"format_prompt": format_prompt, "aformat_prompt": aformat_prompt}
    return {**members, "_serialized": property(lambda _: told)}
