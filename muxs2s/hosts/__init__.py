"""What hangs on federation: a wokkel Router, components in any language, or a host of your own."""

from muxs2s.hosts.components import ComponentFactory
from muxs2s.hosts.componentstream import ComponentLimits
from muxs2s.hosts.seam import Federation, Host
from muxs2s.hosts.wokkel import RouterHost

__all__ = ["ComponentFactory", "ComponentLimits", "Federation", "Host", "RouterHost"]
