"""Experiments with dissections, each one call: results and networks in, a result with numbers and a table out.

Built on :func:`nbdissect.dissect`; only methods of results call what is in here.
"""
