"""Parsers under input that a fuzzer makes up: ``make fuzz``."""
