"""Who may include whom: the table of docs/architecture.md, checked by the include lines."""

import re

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.M)
OWN_ROOTS = ("proto/", "dataplane/", "control/", "tools/", "tests/")

NET = ("proto/net/",)
PROTO = ("proto/",)
DATAPLANE = ("dataplane/",)
CONTROL = ("control/",)

# Longest folder wins. A folder may always include itself; a test beside the code, tests/lib.
OWN = {
    "proto/net/": (),
    "proto/channel/": NET,
    "proto/json/": ("proto/sluice/",),
    "proto/": PROTO,
    "dataplane/tables/": PROTO,
    "dataplane/packet/": PROTO + ("dataplane/tables/",),
    "dataplane/nodes/": PROTO + ("dataplane/tables/", "dataplane/packet/", "dataplane/graph/"),
    "dataplane/graph/": PROTO + ("dataplane/tables/", "dataplane/packet/", "dataplane/nodes/"),
    "dataplane/bfd/": NET,
    "dataplane/": PROTO + DATAPLANE,
    "control/bgp/": NET,
    "control/ike/": NET,
    "control/rib/": NET,
    # The values it compiles to are programming's; of programming's work it knows nothing.
    "control/tenant/": PROTO + ("control/rib/", "control/bgp/", "control/ike/", "control/programming/objects.h"),
    "control/store/": PROTO + ("control/tenant/",),
    "control/programming/": PROTO + ("control/tenant/", "control/rib/", "control/bgp/", "control/ike/"),
    "control/": PROTO + CONTROL,
    "tools/": PROTO,
    "tests/lib/": PROTO + ("dataplane/tables/",),
    "tests/": PROTO + DATAPLANE + CONTROL,
}

# Of DPDK, the tables take only hash, RCU and memory headers: they must run without a port.
RTE_OF_TABLES = re.compile(
    r"rte_(config|common|compat|errno|hash|hash_crc|jhash|thash|rcu_qsbr|mem\w*|malloc|memzone|prefetch|"
    r"branch_prediction|vect|atomic|pause|byteorder|cycles|lcore|log|os|stdatomic)\.h$")
RTE = re.compile(r"rte_\w+\.h$")
IPSEC_MB = re.compile(r"(intel-)?ipsec-mb\.h$")
SOCKETS = re.compile(r"(sys/socket|sys/un|sys/epoll|unistd|poll|asio.*|grpc.*)(\.h|\.hpp)?$")
THREADS = re.compile(r"(thread|mutex|shared_mutex|condition_variable|future|pthread\.h)$")
GENERATED = re.compile(r"\.pb\.h$")

SANS_IO = ("control/bgp/", "control/ike/", "control/rib/", "dataplane/bfd/")
PURE = SANS_IO + ("control/tenant/", "control/programming/", "proto/net/")
WITHOUT_DPDK = ("proto/", "control/", "tools/", "dataplane/bfd/")


def longest(path, folders):
    found = [folder for folder in folders if path.startswith(folder)]
    return max(found, key=len) if found else None


def own_fault(path, target):
    folder = longest(path, OWN)
    if folder is None or target.startswith(folder):
        return None
    if target.startswith("tests/lib/") and path.endswith("_test.cc"):
        return None
    allowed = OWN[folder]
    if target.startswith(allowed):
        return None
    return f"{folder} must not include {target} (allowed: {', '.join(allowed) or 'nothing of ours'})"


def foreign_fault(path, target):
    is_test = path.endswith("_test.cc")
    if RTE.match(target) and path.startswith(WITHOUT_DPDK):
        return f"{target}: DPDK belongs to dataplane/"
    if path.startswith("dataplane/tables/"):
        if RTE.match(target) and not RTE_OF_TABLES.match(target):
            return f"{target}: tables take only hash, RCU and memory headers of DPDK"
        if IPSEC_MB.match(target) and not path.startswith("dataplane/tables/sa/"):
            return f"{target}: IPsec-MB belongs to dataplane/tables/sa, packet, nodes and graph"
    if path.startswith(PURE) and not is_test:
        if SOCKETS.match(target) or THREADS.match(target):
            return f"{target}: {longest(path, PURE)} has no socket, thread or lock"
    if path.startswith(SANS_IO) and GENERATED.search(target):
        return f"{target}: {longest(path, SANS_IO)} knows no wire form of the API"
    return None


def faults(path, text):
    """[(line, message)] of one C++ file; `path` is relative to the root."""
    found = []
    for match in INCLUDE.finditer(text):
        own, foreign = match.groups()
        target = own or foreign
        if own and own.startswith("sluice/"):  # generated: protoc's root is proto/
            target = "proto/" + own
        message = foreign_fault(path, target)
        if target.startswith(OWN_ROOTS):
            message = message or own_fault(path, target)
        if message:
            found.append((text.count("\n", 0, match.start(1 if own else 2)) + 1, message))
    return found
