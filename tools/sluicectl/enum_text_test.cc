// Enumerators as people read them.
#include "tools/sluicectl/enum_text.h"

#include <catch2/catch.hpp>

#include "sluice/gateway/v1/routes.pb.h"
#include "sluice/gateway/v1/tenant.pb.h"

namespace sluice::ctl {

namespace api = ::sluice::gateway::v1;

TEST_CASE("an enumerator loses the prefix that repeats its type") {
  CHECK(EnumText(api::CONNECTION_STATE_CONNECTED) == "connected");
  CHECK(EnumText(api::ROUTE_SOURCE_IPSEC_SELECTOR) == "ipsec-selector");
  CHECK(EnumText(api::ADDRESS_FAMILY_IPV4) == "ipv4");
}

TEST_CASE("an unspecified enumerator is empty and an unknown one shows its number") {
  CHECK(EnumText(api::CONNECTION_STATE_UNSPECIFIED).empty());
  CHECK(EnumText(static_cast<api::ConnectionState>(99)) == "unknown (99)");
}

}  // namespace sluice::ctl
