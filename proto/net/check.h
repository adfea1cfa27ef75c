// SLUICE_CHECK: an invariant of ours. On in every build; a broken one ends the
// process at once, because a gateway that carries on with a broken invariant
// may mix tenants. Never use it on bytes from outside.
#pragma once

#include <cstdio>
#include <cstdlib>

#define SLUICE_CHECK(condition)                                                              \
  do {                                                                                       \
    if (__builtin_expect(!(condition), 0)) {                                                 \
      std::fprintf(stderr, "%s:%d: invariant broken: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
