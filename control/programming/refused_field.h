// Which field of which object a refusal is about, with its value or the one who holds it, in
// the operator's words: the channel says offsets and numbers.
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "control/programming/object_key.h"
#include "proto/channel/records.h"

namespace sluice::programming {

// The name of the object with this number; empty when it is not one of ours (any more).
using NameOfNumber = absl::FunctionRef<std::string(ObjectKind, uint32_t)>;

// "VLAN, held by tenant contoso: connection paris", "MTU 500", "MTU, 1500 at most"; empty when
// there is nothing to add. `kind` is that of the refused object, `tunnel` says whether an interface
// is one; not for limits.
std::string FieldText(ObjectKind kind, bool tunnel, const channel::Refusal& refusal, NameOfNumber name_of);
// The same of a refused route.
std::string RouteFieldText(const channel::Refusal& refusal, NameOfNumber name_of);

}  // namespace sluice::programming
