"""
The cases, one module each.

A case is a function that is given the options, measures, and returns rows.
"""
