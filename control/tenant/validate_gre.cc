// Ends against the underlay and the tunnels of others, then options.
#include "control/tenant/validate_gre.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/tenant/outer_header.h"
#include "control/tenant/text_fields.h"
#include "control/tenant/tunnel_path.h"
#include "proto/channel/records.h"

namespace sluice::tenant {
namespace {

namespace v1 = ::sluice::gateway::v1;

std::optional<net::Address> TakeLocal(v1::LocalEndpoint& wanted, const Environment& environment,
                                      const Place& place, Findings& findings) {
  if (wanted.has_force_udp_encapsulation())
    findings.Invalid(place.Field("force_udp_encapsulation"), "it is an option of IPsec; leave it out");
  const Place at = place.Field("public_address");
  const auto local = UnicastAddress(*wanted.mutable_public_address(), at, findings);
  if (!local) return std::nullopt;
  if (wanted.has_received_address()) {
    const Place received_at = place.Field("received_address");
    const auto received = UnicastAddress(*wanted.mutable_received_address(), received_at, findings);
    if (!received) return std::nullopt;
    if (*received != *local) {
      findings.Unimplemented(received_at, "GRE connections that arrive at another address than is dialled");
      return std::nullopt;
    }
  }
  if (IsOurs(environment.underlay, *local)) return local;
  findings.Invalid(at, absl::StrCat(local->ToString(), " is no address of the underlay; accepted: ",
                                    OurAddresses(environment.underlay)));
  return std::nullopt;
}

std::optional<net::Address> TakeRemote(std::string& wanted, const net::Address& local,
                                       const Environment& environment, const Place& place,
                                       Findings& findings) {
  const auto remote = UnicastAddress(wanted, place, findings);
  if (!remote) return std::nullopt;
  if (remote->family() != local.family()) {
    findings.Invalid(place, absl::StrCat(remote->ToString(), " is not of the family of ", local.ToString(),
                                         "; accepted: an ", local.is_v4() ? "IPv4" : "IPv6", " address"));
    return std::nullopt;
  }
  // Packets would come back to us and into the tunnel again.
  if (IsOurs(environment.underlay, *remote)) {
    findings.Invalid(
        place, absl::StrCat(remote->ToString(),
                            " is an address of the gateway itself; accepted: ", "that of the other side"));
    return std::nullopt;
  }
  return remote;
}

uint32_t TakeNumber(const char* field, const std::optional<uint32_t>& wanted, uint32_t standard, uint32_t max,
                    const Place& place, Findings& findings) {
  const uint32_t value = wanted.value_or(standard);
  if (value == 0 || value > max)
    findings.Invalid(place.Field(field), absl::StrCat(field, " ", value, "; accepted: 1 to ", max,
                                                      ", or leave it out for ", standard));
  return value;
}

PeerProbe TakeProbe(const v1::PeerProbe& wanted, const Place& place, Findings& findings) {
  constexpr uint32_t kIntervalDefault = 10, kMissesDefault = 3;
  const auto given = [](bool has, uint32_t value) { return has ? std::optional(value) : std::nullopt; };
  if (!v1::PeerProbeKind_IsValid(wanted.kind()))
    findings.Unimplemented(place.Field("kind"), absl::StrCat("kind ", wanted.kind()));
  PeerProbe probe;
  probe.interval_s =
      static_cast<uint16_t>(TakeNumber("interval_s", given(wanted.has_interval_s(), wanted.interval_s()),
                                       kIntervalDefault, channel::kProbeIntervalMax, place, findings));
  probe.misses = static_cast<uint8_t>(TakeNumber("misses", given(wanted.has_misses(), wanted.misses()),
                                                 kMissesDefault, channel::kProbeMissesMax, place, findings));
  return probe;
}

}  // namespace

std::optional<GreTunnel> ValidateGre(v1::GreConnection& wanted, const Environment& environment,
                                     const Place& place, Findings& findings) {
  GreTunnel gre;
  const auto local =
      TakeLocal(*wanted.mutable_local_endpoint(), environment, place.Field("local_endpoint"), findings);
  if (!local) return std::nullopt;
  const auto remote = TakeRemote(*wanted.mutable_remote_address(), *local, environment,
                                 place.Field("remote_address"), findings);
  if (!remote) return std::nullopt;
  gre.local = *local;
  gre.remote = *remote;
  if (wanted.has_key()) gre.key = wanted.key();
  gre.send_key = wanted.has_send_key() ? wanted.send_key() : wanted.key();
  if (wanted.has_send_key() && !wanted.has_key())
    findings.Invalid(place.Field("send_key"),
                     "there is no key that arrives; accepted: with key, or leave send_key out");
  gre.checksum = wanted.checksum();
  gre.outer = TakeOuterHeader(wanted, remote->is_v4(), place, findings);
  if (wanted.has_probe()) gre.probe = TakeProbe(wanted.probe(), place.Field("probe"), findings);
  if (const auto owner = environment.gre_taken.find(EndsOf(gre)); owner != environment.gre_taken.end())
    findings.Invalid(place.Field("key"), absl::StrCat(EndsText(EndsOf(gre)), " belongs to ", owner->second,
                                                      "; accepted: a key that no other tunnel between these "
                                                      "addresses has"));
  return gre;
}

GreEnds EndsOf(const GreTunnel& gre) {
  return {gre.local, gre.remote, gre.key};
}

std::optional<GreEnds> EndsOf(const v1::GreConnection& stored) {
  const auto local = net::Address::Parse(stored.local_endpoint().public_address());
  const auto remote = net::Address::Parse(stored.remote_address());
  if (!local || !remote) return std::nullopt;
  return GreEnds{*local, *remote, stored.has_key() ? std::optional(stored.key()) : std::nullopt};
}

std::string EndsText(const GreEnds& ends) {
  return absl::StrCat("GRE ", ends.key ? absl::StrCat("key ", *ends.key) : "without a key", " from ",
                      ends.remote.ToString(), " to ", ends.local.ToString());
}

}  // namespace sluice::tenant
