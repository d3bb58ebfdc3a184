"""The main job on bundled documents, with everything that crosses shown.

`run` does it with the `models` that are there, or with a `standin` for the remote one, and `show`
prints it.
"""
