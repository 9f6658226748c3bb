"""Whether everything is as a server needs it: what ``muxs2s check`` looks at, and what it says of it."""

from muxs2s.check.finding import Area, Finding, Grade
from muxs2s.check.report import Report
from muxs2s.check.run import check

__all__ = ["Area", "Finding", "Grade", "Report", "check"]
