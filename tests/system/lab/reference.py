"""The Linux kernel in the gateway's place, one routing namespace per tenant on access ports (this
kernel may lack VLANs). It tells a mistake in the rig from a mistake of ours: the checks that do not
speak of our API pass here as well."""


def start_reference(topology):
    tor = topology.space("tor")
    for tenant in topology.tenants:
        router = topology.space(f"router-{tenant.name}")
        for knob in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
            router.sysctl(f"net.{knob}", 1)
        for leg in tenant.legs:
            device, access = leg.connection, f"router{leg.vlan}"
            router.connect(device, tor, access, leg.mtu)
            topology.switch.add_access_port(access, leg.vlan)
            for address in (leg.gateway4, leg.gateway6):
                router.run("ip", "addr", "add", address, "dev", device)
            for prefix in leg.routes:
                router.run("ip", "route", "add", prefix, "via", leg.peer6 if ":" in prefix else leg.peer4)
