#include "libs/runtime/secret_fields.h"

#include <google/protobuf/descriptor.h>

#include <set>
#include <vector>

#include "messageorganizer/common/v1/options.pb.h"

namespace mo {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

bool IsSecret(const FieldDescriptor& field) {
  return field.options().GetExtension(messageorganizer::common::v1::rule).secret();
}

bool Search(const Descriptor& type, std::set<const Descriptor*>& seen) {
  if (!seen.insert(&type).second) return false;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (IsSecret(field)) return true;
    if (field.message_type() != nullptr && Search(*field.message_type(), seen)) return true;
  }
  return false;
}

}  // namespace

bool HasSecrets(const Descriptor& type) {
  std::set<const Descriptor*> seen;
  return Search(type, seen);
}

void VisitSecrets(Message& message,
                  const std::function<void(Message&, const FieldDescriptor&)>& visit) {
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (IsSecret(*field)) {
      visit(message, *field);
    } else if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      continue;
    } else if (field->is_repeated()) {
      for (int i = 0; i < reflection->FieldSize(message, field); ++i)
        VisitSecrets(*reflection->MutableRepeatedMessage(&message, field, i), visit);
    } else {
      VisitSecrets(*reflection->MutableMessage(&message, field), visit);
    }
  }
}

void ClearSecrets(Message& message) {
  VisitSecrets(message, [](Message& inner, const FieldDescriptor& field) {
    inner.GetReflection()->ClearField(&inner, &field);
  });
}

}  // namespace mo
