#include "services/statistics/table.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "libs/runtime/clock.h"
#include "services/statistics/ages.h"
#include "services/statistics/errors.h"

namespace mo::statistics {
namespace {

constexpr int kMaxLines = 50000;  // some megabytes

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

int64_t SumOf(const std::map<std::pair<Metric, int32_t>, int64_t>& cell,
              const std::vector<Metric>& metrics, int32_t kind) {
  int64_t sum = 0;
  for (const auto& [key, value] : cell) {
    const bool wanted = std::find(metrics.begin(), metrics.end(), key.first) != metrics.end();
    if (wanted && (kind < 0 || key.second == kind)) sum += value;
  }
  return sum;
}

bool IsEmpty(const Message& line) {
  std::vector<const FieldDescriptor*> fields;
  line.GetReflection()->ListFields(line, &fields);
  for (const FieldDescriptor* field : fields)
    if (field->name() != "group" && field->name() != "start_time") return false;
  return true;
}

void SetStart(Message& line, absl::Time start) {
  const FieldDescriptor* field = line.GetDescriptor()->FindFieldByName("start_time");
  line.GetReflection()->MutableMessage(&line, field)->CopyFrom(ToProto(start));
}

std::string CsvValue(const Message& line, const FieldDescriptor* field, absl::TimeZone zone) {
  const auto* reflection = line.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(reflection->GetInt64(line, field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return absl::StrCat(reflection->GetDouble(line, field));
    case FieldDescriptor::CPPTYPE_ENUM:
      return std::string(reflection->GetEnum(line, field)->name());
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const auto& time =
          static_cast<const google::protobuf::Timestamp&>(reflection->GetMessage(line, field));
      return absl::FormatTime(
          zone == absl::UTCTimeZone() ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%dT%H:%M:%S%Ez",
          FromProto(time), zone);
    }
    default:
      return reflection->GetString(line, field);  // ids and our own words: nothing to quote
  }
}

}  // namespace

void Table::Add(const std::vector<Sum>& sums, const std::vector<Sum>& before) {
  for (const Sum& sum : before) {
    before_[sum.group][{sum.metric, sum.kind}] += sum.value;
    groups_.try_emplace(sum.group, sum.metric);
  }
  for (const Sum& sum : sums) {
    cells_[{sum.interval, sum.group}][{sum.metric, sum.kind}] += sum.value;
    groups_.try_emplace(sum.group, sum.metric);
  }
}

double Table::ValueOf(const Field& field, const Cell& sums, const Cell& levels) const {
  switch (field.measure) {
    case Measure::kSum:
      return static_cast<double>(SumOf(sums, field.metrics, field.kind));
    case Measure::kLevel:
      return static_cast<double>(SumOf(levels, field.metrics, -1) - SumOf(levels, field.less, -1));
    case Measure::kRatio: {
      const int64_t of = SumOf(sums, field.less, -1);
      if (of <= 0) return 0;
      return static_cast<double>(SumOf(sums, field.metrics, -1)) / static_cast<double>(of);
    }
    case Measure::kQuantile:
      break;
  }
  std::map<int32_t, int64_t> counts;
  for (const auto& [key, value] : sums)
    if (key.first == field.metrics[0]) counts[key.second] += value;
  return AgeQuantile(counts, field.share);
}

void Table::FillLine(const Cell& sums, const Cell& levels, Message& line) const {
  const auto* reflection = line.GetReflection();
  for (const Field& field : report_.fields) {
    const double value = ValueOf(field, sums, levels);
    if (value == 0) continue;
    const FieldDescriptor* descriptor = line.GetDescriptor()->FindFieldByName(field.name);
    if (descriptor->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
      reflection->SetDouble(&line, descriptor, value);
    } else {
      reflection->SetInt64(&line, descriptor,
                           reflection->GetInt64(line, descriptor) + static_cast<int64_t>(value));
    }
  }
}

void Table::AddLine(size_t interval, int64_t group, Metric metric, const Cell& sums,
                    const Cell& levels, Message& response, const FieldDescriptor* lines) const {
  const auto* reflection = response.GetReflection();
  Message* line = reflection->AddMessage(&response, lines);
  FillLine(sums, levels, *line);
  if (IsEmpty(*line)) {
    reflection->RemoveLast(&response, lines);
    return;
  }
  SetStart(*line, period_.bounds[interval]);
  const std::string name = GroupName(group_by_, group, metric);
  if (name.empty()) return;
  line->GetReflection()->SetString(line, line->GetDescriptor()->FindFieldByName("group"), name);
}

absl::Status Table::Fill(Message& response, const char* intervals) const {
  const FieldDescriptor* lines = response.GetDescriptor()->FindFieldByName(intervals);
  const bool has_levels =
      std::any_of(report_.fields.begin(), report_.fields.end(),
                  [](const Field& field) { return field.measure == Measure::kLevel; });
  std::map<int64_t, Cell> levels = before_;
  static const Cell& nothing = *new Cell;
  auto cell = cells_.begin();
  for (size_t i = 0; i + 1 < period_.bounds.size(); ++i) {
    // A level stays where nothing has happened; sums are 0 there.
    if (has_levels) {
      for (const auto& [group, metric] : groups_) {
        const auto found = cells_.find({i, group});
        const Cell& sums = found == cells_.end() ? nothing : found->second;
        Cell& level = levels[group];
        for (const auto& [key, value] : sums) level[key] += value;
        AddLine(i, group, metric, sums, level, response, lines);
      }
    } else {
      for (; cell != cells_.end() && cell->first.first == i; ++cell) {
        const int64_t group = cell->first.second;
        AddLine(i, group, groups_.at(group), cell->second, nothing, response, lines);
      }
    }
    if (response.GetReflection()->FieldSize(response, lines) > kMaxLines) return TooManyGroups();
  }
  return absl::OkStatus();
}

void Table::FillTotal(Message& total) const {
  Cell sums, levels;
  for (const auto& [group, cell] : before_)
    for (const auto& [key, value] : cell) levels[key] += value;
  for (const auto& [place, cell] : cells_) {
    for (const auto& [key, value] : cell) {
      sums[key] += value;
      levels[key] += value;
    }
  }
  FillLine(sums, levels, total);
  SetStart(total, period_.from());
}

std::string CsvOf(const Message& response, absl::TimeZone zone) {
  const auto* descriptor = response.GetDescriptor();
  const FieldDescriptor* lines = descriptor->FindFieldByName("intervals");
  std::vector<const FieldDescriptor*> fields;
  std::vector<std::string> values;
  for (int i = 0; i < lines->message_type()->field_count(); ++i) {
    fields.push_back(lines->message_type()->field(i));
    values.push_back(fields.back()->name());
  }
  std::string csv = absl::StrCat(absl::StrJoin(values, ","), "\r\n");
  for (const FieldDescriptor* part : {descriptor->FindFieldByName("previous_intervals"), lines}) {
    for (int n = 0; n < response.GetReflection()->FieldSize(response, part); ++n) {
      const Message& line = response.GetReflection()->GetRepeatedMessage(response, part, n);
      values.clear();
      for (const FieldDescriptor* field : fields) values.push_back(CsvValue(line, field, zone));
      absl::StrAppend(&csv, absl::StrJoin(values, ","), "\r\n");
    }
  }
  return csv;
}

}  // namespace mo::statistics
