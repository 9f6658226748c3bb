"""A demonstration: two clouds of domains on this machine exchange messages over TLS, each domain proven."""

from muxs2s.demo.plan import Plan
from muxs2s.demo.report import Report
from muxs2s.demo.run import DemoFailed, demonstrate

__all__ = ["DemoFailed", "Plan", "Report", "demonstrate"]
