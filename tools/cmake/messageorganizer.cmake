# The project's own build vocabulary: mo_protos, mo_library, mo_service, mo_program, mo_precompiled, mo_embed.
set(MO_GEN ${CMAKE_BINARY_DIR}/gen)
file(MAKE_DIRECTORY ${MO_GEN})

# mo_embed(<target> <symbol> <file>): the file's bytes as absl::string_view mo::embedded::<symbol>() in <target>.
# Declared by the user: namespace mo::embedded { absl::string_view <symbol>(); }
function(mo_embed target symbol file)
  set(base ${MO_GEN}/embed/${target}_${symbol})
  file(WRITE ${base}.S.new
    ".section .rodata\n.global mo_embed_${symbol}\n.global mo_embed_${symbol}_end\nmo_embed_${symbol}:\n.incbin \"${file}\"\nmo_embed_${symbol}_end:\n.byte 0\n.section .note.GNU-stack,\"\",@progbits\n")
  file(WRITE ${base}.cc.new
    "#include \"absl/strings/string_view.h\"\nextern \"C\" const char mo_embed_${symbol}[], mo_embed_${symbol}_end[];\nnamespace mo::embedded {\nabsl::string_view ${symbol}();\nabsl::string_view ${symbol}() {\n  return absl::string_view(mo_embed_${symbol}, static_cast<size_t>(mo_embed_${symbol}_end - mo_embed_${symbol}));\n}\n}  // namespace mo::embedded\n")
  configure_file(${base}.S.new ${base}.S COPYONLY)
  configure_file(${base}.cc.new ${base}.cc COPYONLY)
  set_source_files_properties(${base}.S PROPERTIES OBJECT_DEPENDS ${file})
  target_sources(${target} PRIVATE ${base}.S ${base}.cc)
endfunction()

# mo_protos(): mo_proto_<folder> for every folder below proto/messageorganizer, mo_proto_google, mo_proto_all, and
# ${MO_GEN}/descriptors.binpb, the descriptor set of all of them with comments.
function(mo_protos)
  set(root ${CMAKE_SOURCE_DIR}/proto)
  file(GLOB google CONFIGURE_DEPENDS RELATIVE ${root} ${root}/google/*/*.proto)
  mo_proto_library(google "" ${google})
  file(GLOB folders CONFIGURE_DEPENDS RELATIVE ${root}/messageorganizer ${root}/messageorganizer/*)
  set(all "")
  set(libs "")
  foreach(folder ${folders})
    file(GLOB protos CONFIGURE_DEPENDS RELATIVE ${root} ${root}/messageorganizer/${folder}/v1/*.proto)
    set(uses mo_proto_google)
    # What is imported must be generated first.
    foreach(proto ${protos})
      file(STRINGS ${root}/${proto} imports REGEX "^import \"messageorganizer/")
      foreach(import ${imports})
        string(REGEX REPLACE "^import \"messageorganizer/([a-z_]+)/.*" "mo_proto_\\1" used ${import})
        list(APPEND uses ${used})
      endforeach()
    endforeach()
    list(REMOVE_DUPLICATES uses)
    list(REMOVE_ITEM uses mo_proto_${folder})
    mo_proto_library(${folder} "${uses}" ${protos})
    list(APPEND all ${protos})
    list(APPEND libs mo_proto_${folder})
  endforeach()
  list(TRANSFORM all PREPEND ${root}/ OUTPUT_VARIABLE files)
  add_custom_command(OUTPUT ${MO_GEN}/descriptors.binpb
    COMMAND protobuf::protoc -I${root} --include_imports --include_source_info
            --descriptor_set_out=${MO_GEN}/descriptors.binpb ${all}
    DEPENDS ${files} WORKING_DIRECTORY ${root} VERBATIM)
  add_library(mo_proto_all STATIC ${MO_GEN}/descriptors.binpb)
  target_link_libraries(mo_proto_all PUBLIC ${libs})
  mo_embed(mo_proto_all descriptors ${MO_GEN}/descriptors.binpb)
endfunction()

function(mo_proto_library name uses)
  set(sources "")
  foreach(proto ${ARGN})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(out ${MO_GEN}/${stem}.pb.cc ${MO_GEN}/${stem}.pb.h)
    set(grpc "")
    # A file without a service has no stubs: an empty grpc.pb.cc would take seconds to compile.
    file(STRINGS ${CMAKE_SOURCE_DIR}/proto/${proto} services REGEX "^service " LIMIT_COUNT 1)
    if(services)
      list(APPEND out ${MO_GEN}/${stem}.grpc.pb.cc ${MO_GEN}/${stem}.grpc.pb.h)
      set(grpc --grpc_out=${MO_GEN} --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN})
    endif()
    add_custom_command(OUTPUT ${out}
      COMMAND protobuf::protoc -I${CMAKE_SOURCE_DIR}/proto --cpp_out=${MO_GEN} ${grpc}
              ${CMAKE_SOURCE_DIR}/proto/${proto}
      DEPENDS ${CMAKE_SOURCE_DIR}/proto/${proto} VERBATIM)
    # A service that is added to the file changes what is generated.
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/proto/${proto})
    list(FILTER out INCLUDE REGEX "\\.cc$")
    list(APPEND sources ${out})
  endforeach()
  add_library(mo_proto_${name} STATIC ${sources})
  target_include_directories(mo_proto_${name} SYSTEM PUBLIC ${MO_GEN})
  # -O1: generated code is a third of the build; what -O2 would add to it is not measurable beside PostgreSQL.
  target_compile_options(mo_proto_${name} PRIVATE -w -O1)
  target_link_libraries(mo_proto_${name} PUBLIC ${uses} protobuf::libprotobuf gRPC::grpc++)
endfunction()

# mo_library(<name> [LINKS ...]): libs/<name>/*.cc as mo_<name>, its *_test.cc as <name>_test, its *.lua and *.sql
# embedded as mo::embedded::<name>_<file stem>().
function(mo_library name)
  cmake_parse_arguments(A "" "" "LINKS" ${ARGN})
  mo_folder(mo_${name} ${CMAKE_SOURCE_DIR}/libs/${name} ${name} "${A_LINKS}")
endfunction()

# mo_service(<name> [LINKS ...] [TEST_LINKS ...]): services/<name> as the library mo_<name>_service with one Install function, main.cc
# as the executable mo-<name>, *_test.cc as <name>_test, migrations/*.sql embedded.
function(mo_service name)
  cmake_parse_arguments(A "" "" "LINKS;TEST_LINKS" ${ARGN})
  set(dir ${CMAKE_SOURCE_DIR}/services/${name})
  if(NOT EXISTS ${dir}/install.cc OR NOT EXISTS ${dir}/main.cc)
    message(STATUS "services/${name} has no install.cc yet: skipped")
    return()
  endif()
  mo_folder(mo_${name}_service ${dir} ${name} "mo_events;mo_proto_all;${A_LINKS}")
  if(TARGET ${name}_test)
    target_link_libraries(${name}_test PRIVATE ${A_TEST_LINKS})
  endif()
  add_executable(mo-${name} ${dir}/main.cc)
  target_precompile_headers(mo-${name} REUSE_FROM mo_pch)
  target_compile_options(mo-${name} PRIVATE ${MO_WARNINGS})
  target_link_libraries(mo-${name} PRIVATE mo_${name}_service)
  set_property(GLOBAL APPEND PROPERTY MO_SERVICES ${name})
endfunction()

# mo_service_all(): services/all/main.cc with every service declared above, as mo-all.
function(mo_service_all)
  get_property(services GLOBAL PROPERTY MO_SERVICES)
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/services/all/main.cc)
    return()
  endif()
  add_executable(mo-all ${CMAKE_SOURCE_DIR}/services/all/main.cc)
  target_precompile_headers(mo-all REUSE_FROM mo_pch)
  target_compile_options(mo-all PRIVATE ${MO_WARNINGS})
  list(TRANSFORM services REPLACE "(.+)" "mo_\\1_service")
  target_link_libraries(mo-all PRIVATE ${services})
endfunction()

# mo_program(<folder> <executable> [IN ...] [LINKS ...]): tools/<folder>/*.cc (IN: below another folder than tools) as an
# executable, its *_test.cc as <folder>_test.
function(mo_program folder executable)
  cmake_parse_arguments(A "" "IN" "LINKS" ${ARGN})
  if(NOT A_IN)
    set(A_IN tools)
  endif()
  set(dir ${CMAKE_SOURCE_DIR}/${A_IN}/${folder})
  if(NOT EXISTS ${dir}/main.cc)
    message(STATUS "${A_IN}/${folder} has no main.cc yet: skipped")
    return()
  endif()
  mo_folder(mo_${folder}_program ${dir} ${folder} "${A_LINKS}")
  add_executable(${executable} ${dir}/main.cc)
  target_precompile_headers(${executable} REUSE_FROM mo_pch)
  target_compile_options(${executable} PRIVATE ${MO_WARNINGS})
  target_link_libraries(${executable} PRIVATE mo_${folder}_program)
endfunction()

# mo_precompiled(): mo_pch for libraries and programs, mo_service_pch for services, mo_test_pch for tests. Parsing headers is most
# of what a source of ours costs. Of our own headers only those that nearly every service or test includes anyway, or a change of
# one would rebuild everything.
function(mo_precompiled)
  set(headers <algorithm> <atomic> <functional> <map> <memory> <mutex> <optional> <set> <string> <thread> <vector>
      <google/protobuf/message.h> <grpcpp/grpcpp.h> <prometheus/counter.h> <prometheus/gauge.h> <prometheus/histogram.h>
      <absl/container/flat_hash_map.h> <absl/status/statusor.h> <absl/strings/match.h> <absl/strings/str_cat.h>
      <absl/strings/str_split.h> <absl/synchronization/mutex.h> <absl/time/clock.h> <absl/types/span.h>)
  set(own libs/runtime/app.h libs/runtime/client.h libs/runtime/ids.h libs/storage/database.h libs/events/events.h)
  list(TRANSFORM own PREPEND ${CMAKE_SOURCE_DIR}/)
  mo_precompiled_target(mo_pch "" ${headers})
  mo_precompiled_target(mo_service_pch mo_events ${headers} ${own})
  mo_precompiled_target(mo_test_pch mo_testing <catch2/catch.hpp> ${headers} ${own}
                        ${CMAKE_SOURCE_DIR}/libs/testing/environment.h)
  target_compile_options(mo_test_pch PRIVATE -O0)
endfunction()

function(mo_precompiled_target name links)
  set(empty ${MO_GEN}/embed/empty.cc)
  file(WRITE ${empty}.new "")
  configure_file(${empty}.new ${empty} COPYONLY)
  add_library(${name} OBJECT ${empty})
  target_precompile_headers(${name} PRIVATE ${ARGN})
  target_link_libraries(${name} PRIVATE gRPC::grpc++ prometheus-cpp::pull absl::flat_hash_map Catch2::Catch2 Threads::Threads
                                        ${links})
endfunction()

# Sources and tests that are compiled alone (regular expressions of paths): the largest of each service, which a unit would make
# slower than an incremental build may be, and those whose helpers have the same names as others'.
set(MO_SOURCES_ALONE "/(install|service)\\.cc$|/drivers/|/doubles/|/limits/|/(channels/(channel_store|expander)|inbox/delivery_state)\\.cc$")
set(MO_TESTS_ALONE "/drivers/|/doubles/|/(channels/(channels|rules_calls|subscriptions|test_send)_test|edge/(callbacks|edge)_test|http/pool_client_test|inbox/messages_test|text/normalize_test)\\.cc$")

# mo_unity(<target> <n> <sources> <alone>): n sources in one compilation share what headers and templates cost, a fifth of the
# whole build's time; those that match `alone` stay by themselves.
function(mo_unity target n sources alone)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${n})
  list(FILTER sources INCLUDE REGEX "${alone}")
  set_source_files_properties(${sources} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# The common part: a static library of a folder's sources (and of its subfolders'), its tests, its embedded files.
function(mo_folder target dir prefix links)
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cc ${dir}/*/*.cc)
  if(NOT dir MATCHES "/libs/")
    list(FILTER sources EXCLUDE REGEX "/main\\.cc$")  # the executable's
  endif()
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  if(NOT sources)
    message(STATUS "${dir} has no sources yet: skipped")
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${links})
    return()
  endif()
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR})
  target_compile_options(${target} PRIVATE ${MO_WARNINGS})
  mo_unity(${target} 3 "${sources}" "${MO_SOURCES_ALONE}")
  if(dir MATCHES "/services/")
    target_precompile_headers(${target} REUSE_FROM mo_service_pch)
  else()
    target_precompile_headers(${target} REUSE_FROM mo_pch)
  endif()
  target_link_libraries(${target} PUBLIC ${links} Threads::Threads)
  file(GLOB embedded CONFIGURE_DEPENDS ${dir}/*.lua ${dir}/*/*.lua ${dir}/*.sql ${dir}/migrations/*.sql ${dir}/assets/*)
  foreach(file ${embedded})
    get_filename_component(name ${file} NAME)
    string(REGEX REPLACE "\\.(sql|lua)$" "" name ${name})
    string(MAKE_C_IDENTIFIER ${name} name)
    string(REGEX REPLACE "^_" "" name ${name})
    mo_embed(${target} ${prefix}_${name} ${file})
  endforeach()
  # The service's migrations in order, as mo::embedded::<prefix>_migrations().
  file(GLOB migrations CONFIGURE_DEPENDS ${dir}/migrations/*.sql)
  if(migrations)
    mo_migrations(${target} ${prefix} "${migrations}")
  endif()
  if(tests)
    add_executable(${prefix}_test ${tests})
    # -O0: a third of the build's time would go into optimising code that runs once.
    target_compile_options(${prefix}_test PRIVATE ${MO_WARNINGS} -Wno-shadow -O0)
    target_precompile_headers(${prefix}_test REUSE_FROM mo_test_pch)
    mo_unity(${prefix}_test 4 "${tests}" "${MO_TESTS_ALONE}")
    target_link_libraries(${prefix}_test PRIVATE ${target} mo_testing Catch2::Catch2WithMain)
    if(MO_SANITIZE MATCHES thread)
      # Debian's Abseil is built without TSan, which then sees races where its mutexes are held.
      target_sources(${prefix}_test PRIVATE ${CMAKE_SOURCE_DIR}/tools/cmake/tsan_absl.cc)
      target_link_libraries(${prefix}_test PRIVATE ${CMAKE_DL_LIBS})
    endif()
    catch_discover_tests(${prefix}_test TEST_PREFIX "${prefix}: " DISCOVERY_MODE PRE_TEST
                         PROPERTIES TIMEOUT 120)
  endif()
endfunction()

# A generated table of a folder's migrations: std::vector<mo::embedded::Migration> <prefix>_migrations().
function(mo_migrations target prefix files)
  list(SORT files)
  set(declarations "")
  set(rows "")
  foreach(file ${files})
    get_filename_component(stem ${file} NAME_WE)
    string(MAKE_C_IDENTIFIER ${stem} name)
    string(REGEX REPLACE "^_" "" name ${name})
    string(APPEND declarations "absl::string_view ${prefix}_${name}();\n")
    string(APPEND rows "      {\"${stem}\", ${prefix}_${name}()},\n")
  endforeach()
  set(out ${MO_GEN}/embed/${target}_migrations.cc)
  file(WRITE ${out}.new "#include \"libs/storage/migration.h\"\nnamespace mo::embedded {\n${declarations}std::vector<storage::Migration> ${prefix}_migrations();\nstd::vector<storage::Migration> ${prefix}_migrations() {\n  return {\n${rows}  };\n}\n}  // namespace mo::embedded\n")
  configure_file(${out}.new ${out} COPYONLY)
  target_sources(${target} PRIVATE ${out})
endfunction()
