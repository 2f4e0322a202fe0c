// The credentials in messages: fields whose rule says `secret` (common.v1.rule).
#pragma once

#include <google/protobuf/message.h>

#include <functional>

namespace mo {

// Whether messages of this type can have one, at any depth.
bool HasSecrets(const google::protobuf::Descriptor& type);

// Calls `visit` for each one that is set, at any depth; `field` is of the innermost `message`.
void VisitSecrets(google::protobuf::Message& message,
                  const std::function<void(google::protobuf::Message& message,
                                           const google::protobuf::FieldDescriptor& field)>& visit);

// Clears them all: before a message is answered with or kept in the clear.
void ClearSecrets(google::protobuf::Message& message);

}  // namespace mo
