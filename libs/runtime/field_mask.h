// Partial updates (AIP-134): which fields of a resource an update names.
#pragma once

#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/message.h>

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace mo {

// The fields to change: those of the mask, or with an empty mask those set in `resource` that are
// updatable. A mask path that is not updatable: INVALID_ARGUMENT about update_mask.
absl::StatusOr<std::set<std::string>> FieldsToUpdate(const google::protobuf::Message& resource,
                                                     const google::protobuf::FieldMask& mask,
                                                     const std::vector<std::string>& updatable);

// Copies the named fields from one message to another of the same type, absent ones included.
void CopyFields(const google::protobuf::Message& from, const std::set<std::string>& fields,
                google::protobuf::Message& to);

// ETAG_MISMATCH (FAILED_PRECONDITION, 412 in REST) when an etag is given and is not the current
// one.
absl::Status CheckEtag(const std::string& given, const std::string& current);

}  // namespace mo
