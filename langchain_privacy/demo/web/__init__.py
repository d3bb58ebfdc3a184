"""The glass box: a page on this machine that shows what stays, what passes the door, what crossed.

`langchain-privacy demo --web` serves it. Every scenario (`scenarios/`) is a real run of the
package's own parts on a `stage`; a run (`runs`) tells its events in order; `server` sends them to
the page, which draws them and computes nothing.
"""
