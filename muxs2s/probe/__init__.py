"""Why a domain can or cannot be reached: what ``muxs2s probe`` does, and what it says of it."""

from muxs2s.probe.caller import Caller
from muxs2s.probe.report import Report, Way
from muxs2s.probe.run import probe
from muxs2s.probe.verdict import Verdict

__all__ = ["Caller", "Report", "Verdict", "Way", "probe"]
