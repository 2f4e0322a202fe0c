#include "libs/runtime/keyed.h"

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace mo {
namespace {

// What the threads of one RunByKey share; lives until the last of them has let go of it.
struct Round {
  std::vector<std::vector<std::function<void()>>> groups;
  std::mutex mutex;
  std::condition_variable done;
  size_t next = 0;
  size_t finished = 0;

  // Takes groups until none is left.
  void Work() {
    for (;;) {
      size_t mine;
      {
        std::lock_guard lock(mutex);
        if (next == groups.size()) return;
        mine = next++;
      }
      for (const auto& run : groups[mine]) run();
      std::lock_guard lock(mutex);
      if (++finished == groups.size()) done.notify_all();
    }
  }
};

}  // namespace

void RunByKey(Executor& executor, std::vector<KeyedTask> tasks) {
  auto round = std::make_shared<Round>();
  std::map<std::string, size_t> group_of;
  for (KeyedTask& task : tasks) {
    const auto [it, added] = group_of.try_emplace(task.key, round->groups.size());
    if (added) round->groups.emplace_back();
    round->groups[it->second].push_back(std::move(task.run));
  }
  // The calling thread works too: it does all where the executor has no room.
  for (size_t i = 1; i < round->groups.size(); ++i) {
    if (!executor.Post([round] { round->Work(); })) break;
  }
  round->Work();
  std::unique_lock lock(round->mutex);
  round->done.wait(lock, [&] { return round->finished == round->groups.size(); });
}

}  // namespace mo
