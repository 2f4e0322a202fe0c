// For TSan builds only: tells TSan about Debian's absl::Mutex and CondVar, which were built without
// it. Defined in the executable, these functions come before libabsl's own, for all callers, and
// call those in turn.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

namespace absl {
ABSL_NAMESPACE_BEGIN
namespace {

constexpr unsigned kWrite = __tsan_mutex_linker_init;
constexpr unsigned kRead = __tsan_mutex_linker_init | __tsan_mutex_read_lock;

template <typename Function>
Function Real(const char* symbol) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, symbol));
}

// libabsl's functions call each other, and come back here: only the outermost call is told.
thread_local int depth = 0;

struct Call {
  Call() : outermost(depth++ == 0) {}
  ~Call() { --depth; }
  const bool outermost;
};

struct Locking : Call {
  Locking(Mutex* m, unsigned f) : mutex(m), flags(f) {
    if (outermost) __tsan_mutex_pre_lock(mutex, flags);
  }
  ~Locking() {
    if (outermost) __tsan_mutex_post_lock(mutex, flags, 0);
  }
  Mutex* const mutex;
  const unsigned flags;
};

struct Unlocking : Call {
  Unlocking(Mutex* m, unsigned f) : mutex(m), flags(f) {
    if (outermost) __tsan_mutex_pre_unlock(mutex, flags);
  }
  ~Unlocking() {
    if (outermost) __tsan_mutex_post_unlock(mutex, flags);
  }
  Mutex* const mutex;
  const unsigned flags;
};

// A wait gives the mutex up and takes it again; the rest of it, conditions included, is absl's own
// business.
struct Waiting {
  explicit Waiting(Mutex* m) : unlocked(m), locking(m, kWrite) {}
  struct Unlocked {
    explicit Unlocked(Mutex* m) { Unlocking unlocking(m, kWrite); }
  } unlocked;
  Locking locking;
};

}  // namespace

#define REAL(name, type) static const auto real = Real<type>("_ZN4absl7debian3" name)
#define REAL_CONST(name, type) static const auto real = Real<type>("_ZNK4absl7debian3" name)

Mutex::~Mutex() {
  REAL("5MutexD1Ev", void (*)(Mutex*));
  __tsan_mutex_destroy(this, kWrite);
  real(this);
}
void Mutex::Lock() {
  REAL("5Mutex4LockEv", void (*)(Mutex*));
  Locking locking(this, kWrite);
  real(this);
}
void Mutex::Unlock() {
  REAL("5Mutex6UnlockEv", void (*)(Mutex*));
  Unlocking unlocking(this, kWrite);
  real(this);
}
bool Mutex::TryLock() {
  REAL("5Mutex7TryLockEv", bool (*)(Mutex*));
  const Call call;
  if (!call.outermost) return real(this);
  __tsan_mutex_pre_lock(this, kWrite | __tsan_mutex_try_lock);
  const bool taken = real(this);
  __tsan_mutex_post_lock(
      this, kWrite | (taken ? __tsan_mutex_try_lock : __tsan_mutex_try_lock_failed), 0);
  return taken;
}
void Mutex::ReaderLock() {
  REAL("5Mutex10ReaderLockEv", void (*)(Mutex*));
  Locking locking(this, kRead);
  real(this);
}
void Mutex::ReaderUnlock() {
  REAL("5Mutex12ReaderUnlockEv", void (*)(Mutex*));
  Unlocking unlocking(this, kRead);
  real(this);
}
void Mutex::LockWhen(const Condition& condition) {
  REAL("5Mutex8LockWhenERKNS0_9ConditionE", void (*)(Mutex*, const Condition&));
  Locking locking(this, kWrite);
  real(this, condition);
}
bool Mutex::LockWhenWithTimeout(const Condition& condition, Duration timeout) {
  REAL("5Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE",
       bool (*)(Mutex*, const Condition&, Duration));
  Locking locking(this, kWrite);
  return real(this, condition, timeout);
}
bool Mutex::LockWhenWithDeadline(const Condition& condition, Time deadline) {
  REAL("5Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE",
       bool (*)(Mutex*, const Condition&, Time));
  Locking locking(this, kWrite);
  return real(this, condition, deadline);
}
void Mutex::Await(const Condition& condition) {
  REAL("5Mutex5AwaitERKNS0_9ConditionE", void (*)(Mutex*, const Condition&));
  Waiting waiting(this);
  real(this, condition);
}
bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  REAL("5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE",
       bool (*)(Mutex*, const Condition&, Duration));
  Waiting waiting(this);
  return real(this, condition, timeout);
}
bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  REAL("5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE",
       bool (*)(Mutex*, const Condition&, Time));
  Waiting waiting(this);
  return real(this, condition, deadline);
}
void CondVar::Wait(Mutex* mutex) {
  REAL("7CondVar4WaitEPNS0_5MutexE", void (*)(CondVar*, Mutex*));
  Waiting waiting(mutex);
  real(this, mutex);
}
bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  REAL("7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE",
       bool (*)(CondVar*, Mutex*, Duration));
  Waiting waiting(mutex);
  return real(this, mutex, timeout);
}
bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  REAL("7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE", bool (*)(CondVar*, Mutex*, Time));
  Waiting waiting(mutex);
  return real(this, mutex, deadline);
}
void Notification::Notify() {
  REAL("12Notification6NotifyEv", void (*)(Notification*));
  // HasBeenNotified is inline and reads the flag behind the mutex.
  __tsan_release(reinterpret_cast<char*>(this) + sizeof(Mutex));
  __tsan_release(this);
  real(this);
}
void Notification::WaitForNotification() const {
  REAL_CONST("12Notification19WaitForNotificationEv", void (*)(const Notification*));
  real(this);
  __tsan_acquire(const_cast<Notification*>(this));
}
bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  REAL_CONST("12Notification30WaitForNotificationWithTimeoutENS0_8DurationE",
             bool (*)(const Notification*, Duration));
  const bool notified = real(this, timeout);
  __tsan_acquire(const_cast<Notification*>(this));
  return notified;
}
bool BlockingCounter::DecrementCount() {
  REAL("15BlockingCounter14DecrementCountEv", bool (*)(BlockingCounter*));
  __tsan_release(this);
  return real(this);
}
void BlockingCounter::Wait() {
  REAL("15BlockingCounter4WaitEv", void (*)(BlockingCounter*));
  real(this);
  __tsan_acquire(this);
}

ABSL_NAMESPACE_END
}  // namespace absl
