-- Prosody as a peer of muxs2s. Python fills in what begins with a dollar sign.
-- Modules and policy are those of Debian's own configuration, with two changes: no bandwidth limits,
-- as these are tests of correctness, and no accounts for strangers.
run_as_root = true
daemonize = false
pidfile = "$place/prosody.pid"
data_path = "$place/data"
storage = "internal"
log = { { levels = { min = "debug" }, to = "console", timestamps = false } }

modules_enabled = {
	"roster"; "saslauth"; "tls"; "dialback"; "disco"; "carbons"; "pep"; "private"; "blocklist"; "vcard4";
	"vcard_legacy"; "version"; "uptime"; "time"; "ping"; "smacks"; "bookmarks"; $modules
}
modules_disabled = { $disabled }

interfaces = { "$address" }
use_ipv6 = false
c2s_ports = { $c2s_port }
c2s_direct_tls_ports = { }
s2s_ports = { $s2s_port }
s2s_direct_tls_ports = { $direct_tls_ports }
component_ports = { }
http_ports = { }
https_ports = { }

authentication = "internal_plain"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
s2s_secure_auth = $secure_auth
$options

certificates = "$place/certificates" -- for direct TLS; what is said of a host below counts after STARTTLS
ssl = { cafile = "$authorities"; capath = false }

-- Answers come from the test's own name server alone, and none is kept for long.
unbound = {
	resolvconf = false;
	hoststxt = false;
	forward = { "$dns" };
	options = {
		["do-not-query-localhost:"] = "no";
		["module-config:"] = "iterator";
		["do-ip6:"] = "no";
		["cache-max-negative-ttl:"] = "0";
	};
}

$hosts
