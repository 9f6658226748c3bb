"""Whether a server does as the protocol says: what ``muxs2s conformance`` plays against it."""

from muxs2s.conformance.deviation import Deviation
from muxs2s.conformance.own import OwnDomains
from muxs2s.conformance.report import Report
from muxs2s.conformance.run import conformance
from muxs2s.conformance.setting import Setting

__all__ = ["Deviation", "OwnDomains", "Report", "Setting", "conformance"]
