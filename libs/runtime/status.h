// The two macros that Abseil 20220623 lacks.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define MO_STATUS_CONCAT_(a, b) a##b
#define MO_STATUS_CONCAT(a, b) MO_STATUS_CONCAT_(a, b)
#define MO_RETURN_IF_ERROR_(tmp, expr)                    \
  do {                                                    \
    if (absl::Status tmp = (expr); !tmp.ok()) return tmp; \
  } while (false)
#define MO_ASSIGN_OR_RETURN_(tmp, lhs, expr) \
  auto tmp = (expr);                         \
  if (!tmp.ok()) return tmp.status();        \
  lhs = *std::move(tmp)

// Returns from the function when the expression's status is not OK. The expression may be a lambda
// that uses it too.
#define MO_RETURN_IF_ERROR(expr) \
  MO_RETURN_IF_ERROR_(MO_STATUS_CONCAT(mo_status_, __COUNTER__), expr)

// Assigns the value of a StatusOr, or returns its status.
#define MO_ASSIGN_OR_RETURN(lhs, expr) \
  MO_ASSIGN_OR_RETURN_(MO_STATUS_CONCAT(mo_value_, __COUNTER__), lhs, expr)
