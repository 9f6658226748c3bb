"""A whole server as an operator configures it: a file in, federation and a component listener out."""

from muxs2s.server.config import (
    Configuration,
    ConfigurationProblem,
    ConfigurationRefused,
    make_configuration,
    read_configuration,
)
from muxs2s.server.federation import FederationServer

__all__ = [
    "Configuration",
    "ConfigurationProblem",
    "ConfigurationRefused",
    "FederationServer",
    "make_configuration",
    "read_configuration",
]
