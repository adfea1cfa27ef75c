// Text fields of requests as values. Each function reports what is wrong with
// the text and what would be accepted, and leaves the canonical form in place of
// the text, so that equal requests are stored equal.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/tenant/findings.h"
#include "proto/net/address.h"
#include "proto/net/mac_address.h"
#include "proto/net/prefix.h"

namespace sluice::tenant {

// RFC 1123 section 2.1: lower-case letters, digits and hyphens, at most 63, no
// hyphen at either end.
bool IsDnsLabel(std::string_view text);
bool CheckDnsLabel(std::string_view text, const Place& place, Findings& findings);

// A unicast address that a host may have.
std::optional<net::Address> UnicastAddress(std::string& text, const Place& place, Findings& findings);
// "15.0.0.5/24": a host address of its subnet, not the subnet's own number or broadcast.
std::optional<net::InterfaceAddress> HostInSubnet(std::string& text, const Place& place, Findings& findings);
std::optional<net::MacAddress> UnicastMac(std::string& text, const Place& place, Findings& findings);

// Why `text` is not a prefix that a route may have; empty when it is.
std::string PrefixComplaint(std::string_view text);
// Why `address` is none that a host may have; empty when it may.
std::string UnicastComplaint(const net::Address& address);
// Why no single host of the subnet can have this address; empty when one can.
std::string HostComplaint(const net::InterfaceAddress& value);

}  // namespace sluice::tenant
