# The rig of the demo and the system tests: namespaces, a top-of-rack switch, hosts, and the two daemons.
