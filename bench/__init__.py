"""The benchmark: muxs2s beside other servers, in one run, with one driver. Not part of what is installed."""
