-- Prosody in the benchmark. Python fills in what begins with a dollar sign.
run_as_root = true
daemonize = false
pidfile = "$place/prosody.pid"
data_path = "$place/data"
storage = "memory"
authentication = "internal_plain"
log = { { levels = { min = "warn" }, to = "console" } }

modules_enabled = { "tls"; "saslauth"; "s2s_bidi" }
modules_disabled = { "c2s"; "dialback"; "offline" }
gc = { mode = "generational" }

-- On a busy machine a burst takes longer than it waits by default, and what it gives up would look cheap.
network_settings = { tcp_backlog = 4096; connect_timeout = 300; ssl_handshake_timeout = 300 }
s2s_timeout = 300

interfaces = { "$address" }
local_interfaces = { "$address" }
use_ipv6 = false
s2s_ports = { $s2s_port }
s2s_direct_tls_ports = { }
component_ports = { $component_port }
component_interfaces = { "$address" }
c2s_ports = { }
c2s_direct_tls_ports = { }
http_ports = { }
https_ports = { }

s2s_secure_auth = true
s2s_require_encryption = true
certificates = "$certificates"
ssl = { cafile = "$authority"; capath = false }

unbound = {
	resolvconf = false;
	hoststxt = false;
	forward = { "$dns" };
	options = { ["do-not-query-localhost:"] = "no"; ["module-config:"] = "iterator"; ["do-ip6:"] = "no" };
}

VirtualHost "$host"
$components
