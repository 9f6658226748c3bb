"""
Servers of others, as child processes with directories of their own.

One module a server: how Debian's is configured, and who speaks there. What they have in common is
:class:`Peer`: started more than once, stopped, killed, paused. None of it knows what is tested.
"""

from tests.interop.servers.ejabberd import Ejabberd
from tests.interop.servers.jabberd2 import Jabberd2
from tests.interop.servers.peer import ACCOUNT, HostedDomain, Peer, Voice
from tests.interop.servers.prosody import Prosody
from tests.interop.servers.requirements import require

__all__ = ["ACCOUNT", "Ejabberd", "HostedDomain", "Jabberd2", "Peer", "Prosody", "Voice", "require"]
