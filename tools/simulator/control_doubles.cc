// The control API of the doubles of providers.
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/runtime/status.h"
#include "tools/simulator/control.h"
#include "tools/simulator/shapes.h"

namespace mo::simulator {

absl::StatusOr<std::shared_ptr<Double>> Control::DoubleOf(const Call& call) {
  std::shared_ptr<Double> found;
  if (const std::string name = call.Query("network"); !name.empty()) {
    MO_ASSIGN_OR_RETURN(const common::Network network, ParseNetwork(name));
    found = network_.doubles().Find(network, call.path[0]);
  } else {
    for (const std::shared_ptr<Double>& one : network_.doubles().List()) {
      if (one->address() != call.path[0]) continue;
      if (found != nullptr) {
        return absl::FailedPreconditionError("several networks have this SIM: add ?network=");
      }
      found = one;
    }
  }
  if (found == nullptr) return absl::NotFoundError(absl::StrCat("no double ", call.path[0]));
  return found;
}

Control::Answer Control::AddDouble(const Call& call) {
  DoubleSettings settings;
  MO_ASSIGN_OR_RETURN(DoubleSpec spec, ParseDouble(call.body, &settings));
  const common::Network network = spec.network;
  const std::string address = spec.address;
  MO_RETURN_IF_ERROR(network_.AddDouble(std::move(spec), settings));
  return ToJson(network_.doubles().Find(network, address)->View());
}

Control::Answer Control::ListDoubles(const Call&) {
  json doubles = json::array();
  for (const auto& one : network_.doubles().List()) doubles.push_back(ToJson(one->View()));
  return json{{"doubles", std::move(doubles)}};
}

Control::Answer Control::RemoveDouble(const Call& call) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Double> found, DoubleOf(call));
  network_.doubles().Remove(found->network(), found->address());
  return json::object();
}

Control::Answer Control::ConfigureDouble(const Call& call) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Double> found, DoubleOf(call));
  DoubleSettings settings = found->Settings();
  Fields fields(call.body);
  ReadDoubleSettings(fields, &settings);
  MO_RETURN_IF_ERROR(fields.Finish());
  found->Configure(settings);
  return ToJson(found->View());
}

Control::Answer Control::SwitchDouble(const Call& call) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Double> found, DoubleOf(call));
  if (call.action == "expire-token") {
    found->ReplaceToken("");
  } else {
    found->SetBanned(call.action == "ban");
  }
  return ToJson(found->View());
}

Control::Answer Control::SetDoubleToken(const Call& call) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Double> found, DoubleOf(call));
  Fields fields(call.body);
  std::string token = fields.Need("token");
  MO_RETURN_IF_ERROR(fields.Finish());
  found->ReplaceToken(std::move(token));
  return ToJson(found->View());
}

Control::Answer Control::SetDoubleCallback(const Call& call) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Double> found, DoubleOf(call));
  Fields fields(call.body);
  std::string url = fields.String("url");
  MO_RETURN_IF_ERROR(fields.Finish());
  found->SetCallback(std::move(url));
  return ToJson(found->View());
}

Control::Answer Control::FailDouble(const Call& call) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Double> found, DoubleOf(call));
  Fields fields(call.body);
  ForcedError error;
  error.code = static_cast<int>(fields.Int("code", 0, 0, 10'000'000));
  error.description = fields.String("description");
  error.count = fields.Int("count", 1, 1, 1'000'000);
  MO_RETURN_IF_ERROR(fields.Finish());
  found->FailNext(std::move(error));
  return json::object();
}

Control::Answer Control::SetDoubleWindow(const Call& call) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Double> found, DoubleOf(call));
  Fields fields(call.body);
  const std::string address = fields.Need("phone");
  const double hours = fields.Number("hours_ago", 0, 0, 10000);
  MO_RETURN_IF_ERROR(fields.Finish());
  MO_ASSIGN_OR_RETURN(Phone * phone, network_.world().phones.Find(found->network(), address));
  found->SetLastWritten(*phone, NowMs() - static_cast<int64_t>(hours * 3600 * 1000));
  return json::object();
}

Control::Answer Control::ActOnDouble(const Call& call) {
  MO_ASSIGN_OR_RETURN(const std::shared_ptr<Double> found, DoubleOf(call));
  Phone* phone = nullptr;
  if (call.body.is_object() && call.body.contains("phone") && call.body["phone"].is_string()) {
    MO_ASSIGN_OR_RETURN(phone, network_.world().phones.Find(found->network(),
                                                            call.body["phone"].get<std::string>()));
  }
  MO_RETURN_IF_ERROR(found->Do(call.action, call.body, phone));
  return json::object();
}

}  // namespace mo::simulator
