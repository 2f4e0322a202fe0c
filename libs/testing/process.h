// Child processes of tests, ended with them.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace mo::testing {

// A child process; killed (SIGKILL) when the object goes, and by the kernel when the test process
// dies.
class Process {
 public:
  // Starts a program (absolute path or in PATH) with its output in `log_path`.
  Process(const std::vector<std::string>& command, const std::string& log_path, unsigned uid = 0);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int number) const;
  // Waits for the end and returns the exit status as waitpid gives it.
  int Wait();

 private:
  pid_t pid_ = -1;
};

// A folder below TMPDIR that is deleted with the object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace mo::testing
