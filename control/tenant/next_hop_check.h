// Decides whether a next hop can be reached over the connections of a tenant.
// Made for a million questions with few different answers.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "control/tenant/model.h"
#include "proto/net/address.h"
#include "proto/net/prefix.h"

namespace sluice::tenant {

class NextHopCheck {
 public:
  // What the links belong to and what one is called, for complaints.
  struct Words {
    std::string owner = "the tenant";
    std::string link = "connection";
  };

  // Borrows `connections`, which must outlive it unchanged.
  explicit NextHopCheck(const std::vector<Connection>& connections) : NextHopCheck(connections, Words{}) {}
  NextHopCheck(const std::vector<Connection>& connections, Words words);

  // Why `hop` cannot be used, and what could; empty when it can. A hop must be in
  // a subnet or be a peer address of a connection: of the named one, or of any.
  const std::string& Complaint(const NextHop& hop);
  // The same for a route to `prefix`. One of our own addresses is no next hop, with one exception:
  // of a host route it says "on this connection's link", as for a BGP peer outside the subnet.
  const std::string& Complaint(const NextHop& hop, const net::Prefix& prefix);
  // Why there can be no route to `prefix`: it is our own address, which is answered and not
  // forwarded. Empty when there can.
  std::string ComplaintAbout(const net::Prefix& prefix) const;

  // The connection that reaches `address`, or nullptr.
  static const Connection* Carrier(const std::vector<Connection>& connections, const net::Address& address);

 private:
  struct Answer {
    std::string always;
    std::string unless_host_route;
  };
  const Answer& AnswerTo(const NextHop& hop);
  std::string Examine(const NextHop& hop) const;
  std::string ExamineOwn(const net::Address& address) const;
  std::string ExamineHost(const NextHop& hop, const Connection& carrier) const;
  std::string Subnets(net::Family family) const;

  const std::vector<Connection>& connections_;
  const Words words_;
  std::vector<net::Address> own_;  // sorted
  absl::flat_hash_map<std::string, Answer> answers_;
};

// True when the connection has `address` in a subnet, or as a peer.
bool Reaches(const Connection& connection, const net::Address& address);
// Why no neighbour on the connection's link can have `address`: it is ours, or its subnet's number
// or broadcast. Empty when one can.
std::string NeighborComplaint(const Connection& connection, const net::Address& address);

}  // namespace sluice::tenant
