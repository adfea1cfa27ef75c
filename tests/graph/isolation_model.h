// A slow model of the gateway's forwarding, written from the specification and
// sharing no code with the dataplane: lists instead of tries, whole checksums,
// packets built anew. It says where each packet comes out, or why not.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proto/net/address.h"
#include "proto/net/mac_address.h"
#include "proto/net/prefix.h"
#include "tests/lib/packet.h"

namespace sluice::testing {

struct ModelTunnel {
  enum Kind { kGre, kVxlan, kNvgre } kind = kGre;
  net::Address local;
  std::set<net::Address> remotes;           // the far end, or an overlay's hosts
  std::optional<uint32_t> key_in, key_out;  // GRE key; VNI or VSID
  uint16_t udp_port = 0;                    // of VXLAN
  net::MacAddress mac;                      // ours, inside an overlay
  uint8_t ttl = 0;                          // 0: the inner packet's, and back out
  std::optional<uint8_t> dscp;              // else the inner packet's
  bool dscp_inward = false;                 // and back out
  enum Df { kSet, kCopy, kClear } df = kSet;
  bool checksum = false;  // of GRE, or of UDP over IPv6, is sent
};

struct ModelInterface {
  uint16_t id = 0, vrf = 0, port = 0, vlan = 0, mtu = 1500;
  bool up = true, strict_urpf = false;
  std::vector<net::InterfaceAddress> addresses;
  std::optional<ModelTunnel> tunnel;  // then it has no port and VLAN
};

struct ModelHop {
  enum Kind { kNeighbor, kGlean, kBlackhole } kind = kNeighbor;
  uint16_t interface = 0;
  net::MacAddress mac;
  enum State { kLive, kUnresolved, kDown } state = kLive;
  net::Address far_end;  // on a tunnel
};

struct ModelRoute {
  uint16_t vrf = 0;
  net::Prefix prefix;
  uint32_t group = 0;
  std::vector<ModelHop> hops;
};

// What may become of one packet.
struct Fate {
  // One of these frames, as fields, comes out of the port; empty: none does.
  struct Frame {
    uint16_t port;
    Fields fields;
    uint16_t fragment_mtu = 0;  // not 0: cut to this MTU; `fields` is the whole
    bool tunnel = false;        // `fields` are those of DissectTunnel
    Bytes bytes = {};           // but for what the gateway may choose
  };
  std::vector<Frame> alternatives;
  // Every drop that is counted, as (VRF, reason's name).
  std::vector<std::pair<uint16_t, std::string>> drops;
  bool punted = false;
  uint16_t punt_vrf = 0;
  uint16_t vrf = 0;
};

class IsolationModel {
 public:
  std::vector<net::MacAddress> port_macs;
  std::map<uint16_t, ModelInterface> interfaces;
  std::vector<ModelRoute> routes;
  std::map<std::pair<uint16_t, net::Address>, net::MacAddress> neighbors;
  std::map<uint16_t, std::vector<net::Address>> router_addresses;  // by VRF
  std::set<net::Address> tunnel_ends;                              // ours in the underlay

  Fate Predict(uint16_t port, const Bytes& frame) const;

  bool IsOurs(uint16_t vrf, const net::Address& address) const;
  const ModelRoute* LongestMatch(uint16_t vrf, const net::Address& address) const;
  // Whose the packets are that reach us like this; null: nobody's.
  const ModelInterface* TunnelOf(ModelTunnel::Kind kind, const net::Address& local,
                                 const net::Address& remote, std::optional<uint32_t> key,
                                 uint16_t udp_port) const;

 private:
  struct Ip;

  const ModelInterface* Receiver(uint16_t port, uint16_t vlan) const;
  std::string Unsound(const Ip& ip) const;
  bool PassesReversePath(const ModelInterface& in, const net::Address& source) const;
  void Admit(const ModelInterface& in, const Ip& ip, Fate& fate) const;
  void Route(const ModelInterface& in, const Ip& ip, bool from_us, Fate& fate) const;
  void SendThrough(const ModelInterface& in, const Ip& ip, bool from_us, const ModelHop& hop,
                   Fate& fate) const;
  void Deliver(const ModelInterface& in, const Ip& ip, Fate& fate) const;
  void Refuse(const ModelInterface& in, const Ip& ip, bool from_us, const std::string& reason, uint8_t type,
              uint8_t code, uint32_t rest, Fate& fate) const;
  // True: a packet of a tunnel, whose fate is known; else the underlay's own traffic.
  bool Decapsulate(const Ip& outer, Fate& fate) const;
  void Encapsulate(const ModelInterface& tunnel, const ModelHop& hop, const Bytes& inner, bool v4,
                   uint16_t fragment_mtu, Fate& fate) const;
  std::optional<net::Address> ErrorSource(const ModelInterface& in, const net::Address& sender) const;
};

}  // namespace sluice::testing
