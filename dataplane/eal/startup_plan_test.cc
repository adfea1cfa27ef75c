// Start-up files in, plan or one clear line out.
#include "dataplane/eal/startup_plan.h"

#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "dataplane/eal/config_file.h"

namespace sluice::dataplane {
namespace {

HostFacts Host() {
  HostFacts host;
  host.cores = {0, 1, 2};
  host.free_huge_page_mib = 0;
  host.network_interfaces = {"lo", "eth1", "eth2"};
  host.pci_functions = {"0000:3b:00.0"};
  host.may_open_raw_sockets = host.may_administer_network = host.may_use_pci = true;
  return host;
}

std::string File(const std::string& ports, const std::string& rest = R"("workerCores": [1])") {
  return absl::StrCat(R"({"grpcSocket": "/run/d", "ports": [)", ports, "], ", rest, "}");
}

absl::StatusOr<StartupPlan> Plan(const std::string& json, const HostFacts& host = Host()) {
  const auto config = ParseConfig(json);
  REQUIRE(config.ok());
  return PlanStartup(*config, host);
}

const std::string kNull = R"({"name": "a", "device": "net_null"})";

std::string NullPort(const std::string& rest) {
  return absl::StrCat(R"({"name": "a", "device": "net_null", )", rest, "}");
}
std::string PortOf(const std::string& device, const std::string& rest = "") {
  return absl::StrCat(R"({"name": "a", "device": ")", device, "\"", rest, "}");
}

TEST_CASE("a mistake in the start-up file is refused with the object and what is wrong") {
  struct Row {
    const char* what;
    std::string json;
    const char* error;
  };
  const Row rows[] = {
      {"no socket", R"({"workerCores": [1]})", "grpc_socket is missing"},
      {"relative socket", R"({"grpcSocket": "d"})", "grpc_socket \"d\" is not an absolute path"},
      {"bad instance", R"({"instance": "A_b", "grpcSocket": "/run/d"})",
       "instance \"A_b\" is not a DNS label"},
      {"bad log level", R"({"grpcSocket": "/run/d", "logLevel": "loud"})",
       "log_level \"loud\" is none of trace, debug, info, warning, warn, error"},
      {"no worker", File(kNull, R"("instance": "x")"), "worker_cores is missing: name one core per worker"},
      {"no such core", File(kNull, R"("workerCores": [9])"),
       "worker_cores: core 9 is not available (there are: 0, 1, 2)"},
      {"core twice and busy", File(kNull, R"("workerCores": [1, 1])"),
       "worker_cores: core 1 twice, which needs idle_policy SLEEP"},
      {"no such main core", File(kNull, R"("workerCores": [1], "mainCore": 7)"),
       "main_core: core 7 is not available (there are: 0, 1, 2)"},
      {"no port", File(""), "ports is missing: a dataplane needs one at least"},
      {"nameless port", File(R"({"device": "net_null"})"), "port \"\": the name is not a DNS label"},
      {"name twice", File(kNull + "," + kNull), "port \"a\": the name appears twice"},
      {"no device", File(R"({"name": "a"})"), "port \"a\": device is missing"},
      {"no such driver", File(PortOf("eth1")),
       "port \"a\": device \"eth1\" is neither a PCI address nor a virtual device (net_af_packet, "
       "net_af_xdp, "
       "net_memif, net_tap, net_ring, net_null, net_pcap, ...)"},
      {"numbered driver", File(PortOf("net_ring0")),
       "port \"a\": device \"net_ring0\" carries a number; write the driver's name only"},
      {"no interface", File(PortOf("net_af_packet")), "port \"a\": net_af_packet needs iface=NAME"},
      {"unknown interface", File(PortOf("net_af_packet,iface=eth9")),
       "port \"a\": there is no network interface eth9"},
      {"interface twice",
       File(PortOf("net_af_packet,iface=eth1") + R"(, {"name": "b", "device": "net_af_xdp,iface=eth1"})"),
       "port \"b\": eth1 is another port's already"},
      {"long tap name", File(PortOf("net_tap,iface=abcdefghijklmnop")),
       "port \"a\": interface name abcdefghijklmnop is longer than 15 characters"},
      {"our argument", File(PortOf("net_af_packet,iface=eth1,framesz=2048")),
       "port \"a\": net_af_packet: framesz is derived from queues and mtu; leave it out"},
      {"empty argument", File(PortOf("net_null,,")),
       "port \"a\": device \"net_null,,\" has an empty argument"},
      {"no such function", File(PortOf("3b:00.1")), "port \"a\": there is no PCI function 0000:3b:00.1"},
      {"function twice", File(PortOf("3b:00.0") + R"(, {"name": "b", "device": "0000:3B:00.0"})"),
       "port \"b\": 0000:3b:00.0 is another port's already"},
      {"mtu too small", File(NullPort(R"("mtu": 575)")), "port \"a\": mtu 575 is outside 576..9000"},
      {"mtu too large", File(NullPort(R"("mtu": 9001)")), "port \"a\": mtu 9001 is outside 576..9000"},
      {"mtu beyond af_xdp", File(PortOf("net_af_xdp,iface=eth1", R"(, "mtu": 9000)")),
       "port \"a\": mtu 9000 but net_af_xdp carries at most 3400"},
      {"no queue", File(NullPort(R"("queues": 0)")), "port \"a\": queues 0 is outside 1..128"},
      {"fewer queues than workers",
       File(PortOf("net_af_packet,iface=eth1", R"(, "queues": 1)"), R"("workerCores": [1, 2])"),
       "port \"a\": queues 1 but 2 workers send on one each"},
      {"few descriptors", File(NullPort(R"("rxDescriptors": 8)")),
       "port \"a\": rx_descriptors 8 is outside 32..4096"},
      {"too few buffers", File(kNull, R"("workerCores": [1], "memory": {"mbufs": 1919})"),
       "memory: mbufs 1919 is below the 1920 that descriptors, caches and bursts in flight need"},
      {"a cache beyond the pool's rule", File(kNull, R"("workerCores": [1], "memory": {"mbufCache": 257})"),
       "memory: mbuf_cache 257 is above 256"},
      {"buffers beyond memory", File(kNull, R"("workerCores": [1], "memory": {"mbufs": 1000000})"),
       "memory: 1000000 buffers of 1792 bytes need eal_mib 2065, it is 1024"},
      {"huge pages wanted, none there", File(kNull, R"("workerCores": [1], "memory": {"hugePages": true})"),
       "memory: huge_pages is set but only 0 MiB of huge pages are free, 512 MiB are needed"},
      {"limit out of range", File(kNull, R"("workerCores": [1], "limits": {"vrfs": 70000})"),
       "limits: vrfs 70000 is outside 1..65536"},
      {"slow path out of range", File(kNull, R"("workerCores": [1], "slowPath": {"probesMax": 0})"),
       "slow_path: probes_max 0 is outside 1..20"},
      {"one tenant that may hold more than all",
       File(kNull, R"("workerCores": [1], "slowPath": {"heldPerTenant": 1537})"),
       "slow_path: held_per_tenant 1537 is outside 0..1536"},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.what) {
      const auto plan = Plan(row.json);
      REQUIRE_FALSE(plan.ok());
      CHECK(plan.status().message() == row.error);
    }
  }
}

TEST_CASE("what is not the JSON form of the message is refused in one line") {
  for (const char* text :
       {"", "{", "[]", R"({"workerCore": [1]})", R"({"workerCores": ["x"]})", "{\n\"a\": \n1}"}) {
    DYNAMIC_SECTION(text) {
      const auto config = ParseConfig(text);
      REQUIRE_FALSE(config.ok());
      CHECK(config.status().message().find('\n') == absl::string_view::npos);
    }
  }
}

TEST_CASE("a missing privilege is named") {
  HostFacts host = Host();
  host.may_open_raw_sockets = host.may_administer_network = host.may_use_pci = false;
  struct Row {
    const char* device;
    const char* error;
  };
  const Row rows[] = {
      {"net_af_packet,iface=eth1", "port \"a\": net_af_packet needs CAP_NET_RAW; run as root"},
      {"net_af_xdp,iface=eth1", "port \"a\": net_af_xdp needs CAP_NET_RAW and CAP_NET_ADMIN; run as root"},
      {"net_tap,iface=t0", "port \"a\": net_tap needs CAP_NET_ADMIN; run as root"},
      {"3b:00.0", "port \"a\": a PCI device needs CAP_SYS_ADMIN; run as root"},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.device) {
      const auto plan = Plan(File(PortOf(row.device)), host);
      REQUIRE_FALSE(plan.ok());
      CHECK(plan.status().message() == row.error);
      CHECK(plan.status().code() == absl::StatusCode::kPermissionDenied);
    }
  }
  CHECK(Plan(File(kNull), host).ok());
}

TEST_CASE("device strings become DPDK's device arguments") {
  struct Row {
    const char* device;
    const char* rest;
    const char* devargs;
    const char* kernel_interface;
    unsigned rx_queues;
    unsigned tx_queues;
  };
  // With two workers; the port is the first one.
  const Row rows[] = {
      {"net_af_packet,iface=eth1", "",
       "net_af_packet0,iface=eth1,qpairs=2,blocksz=65536,framesz=2048,framecnt=512", "eth1", 2, 2},
      {"net_af_packet,iface=eth1,framecnt=1024", R"(, "mtu": 9000, "queues": 4)",
       "net_af_packet0,iface=eth1,framecnt=1024,qpairs=4,blocksz=65536,framesz=16384", "eth1", 4, 4},
      {"net_af_packet,iface=eth1", R"(, "mtu": 1947)",
       "net_af_packet0,iface=eth1,qpairs=2,blocksz=65536,framesz=4096,framecnt=512", "eth1", 2, 2},
      {"net_af_xdp,iface=eth1", "", "net_af_xdp0,iface=eth1,start_queue=0,queue_count=2", "eth1", 2, 2},
      {"net_tap,iface=t0", "", "net_tap0,iface=t0", "t0", 2, 2},
      {"net_memif,role=server,socket=/run/x", "", "net_memif0,role=server,socket=/run/x", "", 1, 2},
      {"net_ring", "", "net_ring0", "", 2, 2},
      {"net_null,size=64", R"(, "queues": 1)", "net_null0,size=64", "", 1, 2},
      {"net_pcap,rx_pcap=/a,infinite_rx=1", "", "net_pcap0,rx_pcap=/a,infinite_rx=1", "", 1, 2},
      {"3B:00.0", "", "0000:3b:00.0", "", 2, 2},
      {"0000:3b:00.0,dv_flow_en=1", "", "0000:3b:00.0,dv_flow_en=1", "", 2, 2},
  };
  for (const Row& row : rows) {
    DYNAMIC_SECTION(row.device << row.rest) {
      const auto plan = Plan(File(PortOf(row.device, row.rest), R"("workerCores": [1, 2])"));
      REQUIRE(plan.ok());
      const PortPlan& port = plan->ports[0];
      CHECK(port.devargs == row.devargs);
      CHECK(port.kernel_interface == row.kernel_interface);
      CHECK(port.rx_queues == row.rx_queues);
      CHECK(port.tx_queues == row.tx_queues);
    }
  }
}

TEST_CASE("a warning has two names, in both programs") {
  for (const char* level : {"warning", "warn"}) {
    const auto plan = Plan(File(kNull, absl::StrCat(R"("workerCores": [1], "logLevel": ")", level, "\"")));
    INFO(plan.status());
    REQUIRE(plan.ok());
    CHECK(plan->log_level == level);
  }
}

TEST_CASE("the defaults are those of the documented start-up file") {
  const auto plan = Plan(File(kNull));
  REQUIRE(plan.ok());
  CHECK(plan->instance == "sluice");
  CHECK(plan->channel_socket == "/run/d.channel");
  CHECK(plan->main_core == 0);
  CHECK_FALSE(plan->sleep);
  CHECK_FALSE(plan->huge_pages);
  CHECK(plan->eal_mib == 1024);
  CHECK(plan->log_level == "info");
  CHECK(plan->limits.vrfs() == 4096);
  CHECK(plan->slow_path.retransmit_ms() == 1000);
  CHECK(plan->ports[0].mtu_bytes == 1500);
  CHECK(plan->ports[0].promiscuous);
  // 256 + 256 descriptors, 384 cached, 512 in the graph, 512 punted.
  CHECK(plan->pool.mbufs == 1920);
  CHECK(plan->mbuf_cache == 256);
  REQUIRE(plan->remarks.size() == 1);
  CHECK(plan->remarks[0] == "running without huge pages (0 MiB are free): slower, fine for tests");
}

TEST_CASE("a port without an address of its own gets the same one in every run") {
  const auto mac = Plan(File(kNull))->ports[0].stable_mac;
  CHECK(mac == Plan(File(kNull))->ports[0].stable_mac);
  CHECK(mac.bytes[0] == 2);
  const std::string elsewhere = R"("workerCores": [1], "instance": "other")";
  CHECK(mac != Plan(File(kNull, elsewhere))->ports[0].stable_mac);
}

TEST_CASE("the main core is the first that no worker has, else the first") {
  CHECK(Plan(File(kNull, R"("workerCores": [0])"))->main_core == 1);
  CHECK(Plan(File(kNull, R"("workerCores": [0, 1])"))->main_core == 2);
  CHECK(Plan(File(kNull, R"("workerCores": [0, 1, 2])"))->main_core == 0);
  CHECK(Plan(File(kNull, R"("workerCores": [0, 1, 2])"))->remarks[0] ==
        "core 0 runs a busy worker and all other threads");
  CHECK(Plan(File(kNull, R"("workerCores": [1, 1, 1], "idlePolicy": "SLEEP")"))->worker_cores.size() == 3);
}

TEST_CASE("huge pages are used when enough of them are free, and not when told so") {
  HostFacts host = Host();
  host.free_huge_page_mib = 512;
  CHECK(Plan(File(kNull), host)->huge_pages);
  CHECK(Plan(File(kNull), host)->eal_mib == 512);
  CHECK_FALSE(Plan(File(kNull, R"("workerCores": [1], "memory": {"hugePages": false})"), host)->huge_pages);
  host.free_huge_page_mib = 510;
  CHECK_FALSE(Plan(File(kNull), host)->huge_pages);
}

TEST_CASE("a buffer holds the largest frame of any port, its headroom and an encapsulation") {
  CHECK(Plan(File(kNull))->pool.data_room_bytes == 1792);
  // A slot of 16 KiB less the driver's header, plus headroom.
  CHECK(Plan(File(PortOf("net_af_packet,iface=eth1", R"(, "mtu": 9000)")))->pool.data_room_bytes ==
        16384 - 32 + 128 + 32);
}

}  // namespace
}  // namespace sluice::dataplane
