# Sourced by tools/run, tools/test and others: packages, build, private servers. Needs bash and Debian's base.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# Installs the packages listed in a file (one a line, # comments) that are missing. Says what it does; skips what is there.
need_packages() {
  local missing=() package
  while read -r package; do
    [[ -z $package || $package == \#* ]] && continue
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done <"$1"
  [[ ${#missing[@]} -eq 0 ]] && return
  local sudo=()
  if [[ $EUID -ne 0 ]]; then
    command -v sudo >/dev/null || die "these Debian packages are missing and there is neither root nor sudo to install them: ${missing[*]}"
    sudo=(sudo)
  fi
  say "Installing Debian packages: ${missing[*]}"
  # Servers that come with packages must not start: we only ever use private ones.
  local policy=/usr/sbin/policy-rc.d made_policy=
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
    "${sudo[@]}" chmod +x "$policy"
    made_policy=1
  fi
  local status=0
  {
    "${sudo[@]}" apt-get update -qq &&
      if printf '%s\n' "${missing[@]}" | grep -q '^postgresql-15$'; then
        # Without this, Debian would make a cluster of its own when the server is installed.
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql-common &&
          "${sudo[@]}" mkdir -p /etc/postgresql-common/createcluster.d &&
          printf 'create_main_cluster = false\n' |
          "${sudo[@]}" tee /etc/postgresql-common/createcluster.d/messageorganizer.conf >/dev/null
      fi &&
      "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
  } >&2 || status=$?
  [[ -n $made_policy ]] && "${sudo[@]}" rm -f "$policy"
  [[ $status -eq 0 ]] || die "apt-get could not install: ${missing[*]}"
}

# build <preset> <target>…: configures when needed, builds.
build() {
  local preset=$1
  shift
  [[ -f $ROOT/build/$preset/build.ninja ]] ||
    (cd "$ROOT" && cmake --preset "$preset" >"$ROOT/build-$preset.log" 2>&1 && rm -f "$ROOT/build-$preset.log") ||
    { cat "$ROOT/build-$preset.log" >&2; rm -f "$ROOT/build-$preset.log"; die "cmake failed"; }
  ninja -C "$ROOT/build/$preset" "$@" >&2 || die "the build failed"
}

POSTGRES_BIN=/usr/lib/postgresql/15/bin

# PostgreSQL refuses to run as root: there it runs as the package's user.
AS_POSTGRES=()
[[ $EUID -ne 0 ]] || AS_POSTGRES=(setpriv --reuid=postgres --regid=postgres --clear-groups)

# start_postgres <folder> <socket folder> [option]…: a private PostgreSQL on a unix socket; sets POSTGRES_PID.
# Durability settings stay at PostgreSQL's defaults: fsync and synchronous_commit on.
start_postgres() {
  local folder=$1 socket=$2
  shift 2
  mkdir -p "$folder" "$socket"
  [[ $EUID -eq 0 ]] && chown postgres: "$folder" "$socket"
  if [[ ! -f $folder/data/PG_VERSION ]]; then
    "${AS_POSTGRES[@]}" "$POSTGRES_BIN/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 \
      >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; die "initdb failed"; }
  fi
  # A simple command, so that the pid is the server's; without our lock, which must end with us.
  "${AS_POSTGRES[@]}" "$POSTGRES_BIN/postgres" -D "$folder/data" -k "$socket" -c listen_addresses= \
    -c max_connections=400 -c shared_buffers=512MB -c max_wal_size=4GB -c wal_compression=lz4 "$@" \
    >>"$folder/postgres.log" 2>&1 9>&- &
  POSTGRES_PID=$!
  wait_until 60 "PostgreSQL (see $folder/postgres.log)" "$POSTGRES_PID" psql -h "$socket" -U postgres -d postgres -qtAc 'SELECT 1'
}

# start_redis <folder> <socket>: a private Redis on a unix socket; sets REDIS_PID.
start_redis() {
  mkdir -p "$1"
  redis-server --port 0 --unixsocket "$2" --dir "$1" --appendonly yes --save '' --daemonize no >>"$1/redis.log" 2>&1 9>&- &
  REDIS_PID=$!
  wait_until 30 "Redis (see $1/redis.log)" "$REDIS_PID" redis-cli -s "$2" ping
}

# wait_until <seconds> <what> <pid> <command>…: until the command succeeds; fails when the process ends or time is up.
wait_until() {
  local end=$((SECONDS + $1)) what=$2 pid=$3
  shift 3
  until "$@" >/dev/null 2>&1; do
    kill -0 "$pid" 2>/dev/null || die "$what has ended"
    [[ $SECONDS -lt $end ]] || die "$what did not answer in time"
    sleep 0.1
  done
}

# stop_process <pid> [signal]: ends a process of ours and waits for it.
stop_process() {
  [[ -n ${1:-} ]] || return 0
  kill -"${2:-TERM}" "$1" 2>/dev/null || return 0
  wait "$1" 2>/dev/null || true
}

# secret_keys <file>: the file with the keys that credentials are kept under, made when missing. To rotate, put a new line first.
secret_keys() {
  [[ -s $1 ]] || (umask 077 && printf 'k1:%s\n' "$(head -c 32 /dev/urandom | base64)" >"$1")
}

# A folder for sockets: beside the data, or below /tmp where that path would be too long for a socket (108 bytes).
socket_folder() {
  if [[ ${#1} -lt 80 ]]; then printf '%s/run' "$1"; else mktemp -d /tmp/mo-run-XXXXXX; fi
}

# Where tools/run keeps data unless told otherwise. As root, PostgreSQL runs as another user, which cannot enter e.g. /root.
default_data() {
  if reachable "$ROOT"; then printf '%s/var' "$ROOT"; else
    printf '/var/tmp/messageorganizer-%s' "$(printf '%s' "$ROOT" | md5sum | cut -c1-8)"
  fi
}

# Whether the user that PostgreSQL runs as can reach a folder.
reachable() { [[ $EUID -ne 0 ]] || "${AS_POSTGRES[@]}" test -x "$1"; }
