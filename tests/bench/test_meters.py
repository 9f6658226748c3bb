"""What Linux tells of processes and connections."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from bench.meters import connections_at, cpu_seconds, resident_kib

HEADING = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


class MeterTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.proc = Path(self.mktemp())
        (self.proc / "7").mkdir(parents=True)
        (self.proc / "net").mkdir()

    def test_cpu(self) -> None:
        """Time is that of user and system, whatever the program is called."""
        fields = " ".join(map(str, range(3, 53)))
        (self.proc / "7" / "stat").write_text(f"7 (beam) 1 2 (x) {fields}\n")
        self.assertEqual((14 + 15) / os.sysconf("SC_CLK_TCK"), cpu_seconds(7, self.proc))

    def test_memory(self) -> None:
        """Memory is what is resident now, not its peak."""
        (self.proc / "7" / "status").write_text("Name:\tlua\nVmHWM:\t  900 kB\nVmRSS:\t  800 kB\n")
        self.assertEqual(800, resident_kib(7, self.proc))

    def test_no_memory(self) -> None:
        """A process that has ended is not said to hold nothing."""
        (self.proc / "7" / "status").write_text("Name:\tlua\nState:\tZ (zombie)\n")
        self.assertRaises(LookupError, resident_kib, 7, self.proc)

    def test_connections(self) -> None:
        """A connection counts once, at the end that was called, as long as it stands."""
        here, there = (
            ("0200007F:1495", "0300007F:1495") if sys.byteorder == "little" else ("7F000002:1495", "7F000003:1495")
        )
        lines = [f"{here} 0300007F:9C40 01", f"0300007F:9C40 {here} 01", f"{here} 0300007F:9C41 06"]
        lines += [f"{here} 00000000:0000 0A", f"{there} 0200007F:9C42 01"]
        listed = "".join(f"   {number}: {line} 0 0\n" for number, line in enumerate(lines))
        (self.proc / "net" / "tcp").write_text(HEADING + listed)
        self.assertEqual(1, connections_at([("127.0.0.2", 5269)], self.proc))
        self.assertEqual(2, connections_at([("127.0.0.2", 5269), ("127.0.0.3", 5269)], self.proc))
