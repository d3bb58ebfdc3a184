"""What "the same value" means: one normal form of text, one index of a session's values.

Masking, the guard, the trace guard, propagation, named values and SQL linking all ask here, so that
no two of them disagree about whether `MIRA_SOLHEIM.pdf` names Mira Solheim.

- `fold`: how a text is reduced before a value is looked for in it, with the way back to offsets
- `spelling`: the ways in which one value may be written
- `index`: which values stand in a text, where, and in which spelling
- `view`: texts for detectors to read, such as fields beside their names
- `decoding`: what escapes and encoded parts say
- `disguise`: forms that only somebody who hides a value writes; the guard alone looks for them
- `walk`: one walk over everything that carries text

Nothing here knows a masker, a vault or a guard.
"""
