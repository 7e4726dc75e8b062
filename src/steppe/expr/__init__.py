"""The languages written inside string fields of the Amazon States Language.

Every language has a `compile_*` function that parses a text once and gives an object whose `evaluate(value, scope)` is
called per item; nothing is parsed while an execution runs. Failures are `ExpressionError`s (`errors.py`), which
`errors.to_fault` words as the service does.
"""
