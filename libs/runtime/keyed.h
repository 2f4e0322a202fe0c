// Work on many things at once that keeps the order of what belongs together.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "libs/runtime/executor.h"

namespace mo {

// A piece of work; those of one key run one after the other.
struct KeyedTask {
  std::string key;
  std::function<void()> run;
};

// Runs the tasks, those of one key in their order, different keys side by side on the executor and
// on the calling thread; returns when all have run.
void RunByKey(Executor& executor, std::vector<KeyedTask> tasks);

}  // namespace mo
