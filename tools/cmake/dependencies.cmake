# Debian 12's packages and the compiler settings that hold for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(THREADS_PREFER_PTHREAD_FLAG ON)

find_program(CCACHE ccache)
if(CCACHE)
  # What ccache wants for precompiled headers; __TIME__ is used nowhere.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(Catch2 2 CONFIG REQUIRED)
include(Catch)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(Boost 1.74 REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc i18n)
find_package(PNG REQUIRED)
find_package(nlohmann_json 3 REQUIRED)
find_package(PkgConfig REQUIRED)
# The prefix must not be "re2": pkg-config would set re2_FOUND and gRPC's own finder would be skipped (TOOLCHAIN.md).
pkg_check_modules(RE2PKG REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(QRENCODE REQUIRED IMPORTED_TARGET libqrencode)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)

set(MO_SANITIZE "" CACHE STRING "value for -fsanitize, empty for none")
if(MO_SANITIZE)
  add_compile_options(-fsanitize=${MO_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${MO_SANITIZE})
endif()

# libhiredis' pkg-config says it; said to all, so that all can use the same precompiled headers.
add_compile_definitions(_FILE_OFFSET_BITS=64)
# gcc's own garbage collection takes 10 to 15 % of a source's time and frees what the machine has: not below 1 GiB.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  add_compile_options(--param=ggc-min-heapsize=1048576)
endif()

# Warnings are errors in our code; generated code is built without them.
set(MO_WARNINGS -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Werror)
if(MO_SANITIZE MATCHES thread)
  # Debian's protobuf was built without it, and lays maps out in another way when it is defined.
  add_compile_options(-U__SANITIZE_THREAD__)
  # mold 1.10 may let the read-only-after-relocation part begin on a page that is not mapped.
  add_link_options(-Wl,-z,norelro)
  # gcc's TSan does not model std::atomic_thread_fence (used inside Boost.Asio).
  list(APPEND MO_WARNINGS -Wno-error=tsan)
endif()
