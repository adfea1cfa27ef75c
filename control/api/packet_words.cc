// Words about packets.
#include "control/api/packet_words.h"

#include "absl/strings/str_cat.h"

namespace sluice::api {
namespace {

std::string PlaceOf(const NameTable::Link& link) {
  // The underlay is nobody's.
  const std::string name = link.tenant.empty()
                               ? absl::StrCat("underlay interface ", link.connection)
                               : absl::StrCat("connection ", link.tenant, "/", link.connection);
  return absl::StrCat(name, " (", PlaceText(link), ")");
}

}  // namespace

std::string StepNote(const dataplane::v1::TraceStep& step, LinkOf link_of) {
  const NameTable::Link* link = link_of(step.interface());
  if (step.node() == "port_tx")
    return absl::StrCat(step.text(), link == nullptr ? "" : absl::StrCat(" out by ", PlaceOf(*link)));
  if (step.node() == "classify")
    return absl::StrCat(step.text(), link == nullptr ? "" : absl::StrCat(" in by ", PlaceOf(*link)));
  if (step.prefix().empty()) return step.text();
  std::string note = absl::StrCat("matches ", step.prefix());
  if (!step.next_hop().empty()) absl::StrAppend(&note, ", next hop ", step.next_hop());
  if (const NameTable::Link* over = link_of(step.next_hop_interface()))
    absl::StrAppend(&note, " over ", over->tenant.empty() ? "underlay interface " : "connection ",
                    over->connection);
  return note;
}

uint32_t InterfaceOfFrame(const dataplane::v1::CapturedPacket& packet) {
  return packet.outbound() ? packet.egress_interface() : packet.interface();
}

}  // namespace sluice::api
