// Options of outer headers. The messages share no type, because their fields have other numbers.
#include "control/tenant/outer_header.h"

#include "absl/strings/str_cat.h"

namespace sluice::tenant {
namespace {

namespace v1 = ::sluice::gateway::v1;

constexpr uint32_t kTtlDefault = 64;  // as IANA recommends for IPv4
constexpr uint32_t kTtlMax = 255;
constexpr uint32_t kDscpMax = 63;  // RFC 2474 section 3

// 0: the inner packet's.
template <typename Message>
uint8_t TakeTtl(const Message& wanted, const Place& place, Findings& findings) {
  const bool uniform = wanted.ttl_model() == v1::TUNNEL_MODEL_UNIFORM;
  if (uniform && wanted.has_ttl())
    findings.Invalid(place.Field("ttl"),
                     "ttl_model is UNIFORM, so the inner packet's is used; leave ttl out");
  if (uniform) return 0;
  const uint32_t ttl = wanted.has_ttl() ? wanted.ttl() : kTtlDefault;
  if (ttl == 0 || ttl > kTtlMax)
    findings.Invalid(place.Field("ttl"), absl::StrCat("ttl ", ttl, "; accepted: 1 to ", kTtlMax));
  return static_cast<uint8_t>(ttl);
}

template <typename Message>
std::optional<uint8_t> TakeDscp(const Message& wanted, const Place& place, Findings& findings) {
  if (wanted.dscp_model() != v1::TUNNEL_MODEL_PIPE) {
    if (wanted.has_dscp())
      findings.Invalid(place.Field("dscp"),
                       "dscp_model is not PIPE, so the inner packet's is used; leave dscp out, or say PIPE");
    return std::nullopt;
  }
  if (wanted.dscp() > kDscpMax)
    findings.Invalid(place.Field("dscp"),
                     absl::StrCat("dscp ", wanted.dscp(), "; accepted: 0 to ", kDscpMax));
  return static_cast<uint8_t>(wanted.dscp());
}

OuterHeader::Df TakeDf(v1::OuterDf df, bool ipv4, const Place& place, Findings& findings) {
  const bool set = df == v1::OUTER_DF_UNSPECIFIED || df == v1::OUTER_DF_SET;
  if (!set && !ipv4) findings.Invalid(place.Field("outer_df"), "IPv6 has no such bit; leave outer_df out");
  if (df == v1::OUTER_DF_COPY) return OuterHeader::Df::kCopy;
  if (df == v1::OUTER_DF_CLEAR) return OuterHeader::Df::kClear;
  return OuterHeader::Df::kSet;
}

// A value that this program does not know is refused, not taken for the default.
template <typename Message>
void CheckEnumerators(const Message& wanted, const Place& place, Findings& findings) {
  const auto unknown = [&](const char* field, int value) {
    findings.Unimplemented(place.Field(field), absl::StrCat(field, " ", value));
  };
  if (!v1::OuterDf_IsValid(wanted.outer_df())) unknown("outer_df", wanted.outer_df());
  if (!v1::TunnelModel_IsValid(wanted.ttl_model())) unknown("ttl_model", wanted.ttl_model());
  if (!v1::TunnelModel_IsValid(wanted.dscp_model())) unknown("dscp_model", wanted.dscp_model());
}

template <typename Message>
OuterHeader Take(const Message& wanted, bool ipv4, const Place& place, Findings& findings) {
  OuterHeader outer;
  outer.ttl = TakeTtl(wanted, place, findings);
  outer.dscp = TakeDscp(wanted, place, findings);
  // Only when said: a far end that copies nothing would erase the tenant's marking.
  outer.dscp_inward = wanted.dscp_model() == v1::TUNNEL_MODEL_UNIFORM;
  outer.df = TakeDf(wanted.outer_df(), ipv4, place, findings);
  CheckEnumerators(wanted, place, findings);
  return outer;
}

}  // namespace

OuterHeader TakeOuterHeader(const v1::GreConnection& wanted, bool ipv4, const Place& place,
                            Findings& findings) {
  return Take(wanted, ipv4, place, findings);
}

OuterHeader TakeOuterHeader(const v1::VirtualNetwork& wanted, bool ipv4, const Place& place,
                            Findings& findings) {
  return Take(wanted, ipv4, place, findings);
}

}  // namespace sluice::tenant
