"""The four nodes of a private SQL graph, sync and async: link, plan, query, answer.

`graph.py` puts them together; `state.py` holds what they hand on. Bodies that touch real values
raise only errors of this package, without cause: an exception of a node is recorded by LangChain's
tracers and by checkpoints.
"""
