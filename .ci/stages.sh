# What .ci/run and .ci/nightly have in common: a budget of time, a tally, and a machine that has all that the tests use.
# The caller sets `budget_s`, and works in the folder of the repository.

readonly grace_s=10
passed=0
failed=0
# Of this run alone; gone when it ends, with whatever a killed server left in it.
scratch=''
trap '[ -z "$scratch" ] || rm -rf "$scratch"' EXIT

header() { printf '\n── %s ──\n' "$1"; }

# Runs a command without input for as long as time is left, but for no longer than $1 seconds.
within() {
  local seconds=$((budget_s - SECONDS))
  (($1 < seconds)) && seconds=$1
  shift
  if ((seconds < 1)); then
    echo "no time was left for: $*"
    return 124
  fi
  timeout --kill-after="$grace_s" "$seconds" "$@" </dev/null
}

count() { if (($1 == 0)); then passed=$((passed + 1)); else failed=$((failed + 1)); fi; }

stage() {
  header "$1"
  shift
  within "$budget_s" "$@"
  count $?
}

finish() {
  header 'all'
  echo "$passed passed, $failed failed"
  ((failed == 0))
  exit
}

install_packages() {
  [ -e node_modules/.package-lock.json ] && ! [ package-lock.json -nt node_modules/.package-lock.json ] && return
  header 'packages'
  if ! within 300 npm ci --no-audit --no-fund; then
    failed=$((failed + 1))
    finish
  fi
}

has_faketime() { compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null; }

# What is missing of what the tests use, by the names of Debian's packages.
list_missing() {
  local program
  for program in redis-server pgbouncer; do
    PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null || echo "$program"
  done
  # A library that gives a process a clock of its own.
  has_faketime || echo libfaketime
  # promtool is in the same package.
  command -v promtool >/dev/null && command -v prometheus >/dev/null || echo prometheus
}

# Unpacked, not installed: the package would start a server, and wants a hundred others.
unpack_prometheus() {
  local folder="${XDG_CACHE_HOME:-$HOME/.cache}/taskfold-ci/prometheus"
  if ! [ -x "$folder/usr/bin/promtool" ]; then
    mkdir -p "$folder" && (cd "$folder" && within 60 apt-get download -qq -o APT::Sandbox::User=root prometheus && dpkg-deb -x prometheus_*.deb . && rm -f prometheus_*.deb)
  fi
  PATH="$folder/usr/bin:$PATH"
}

# With `CI` tests fail that find nothing to work with, instead of being passed over. Where something cannot be had, that is
# one failure, said once, and the tests that can run do.
install_servers() {
  local missing wanted
  missing=$(list_missing)
  if [ -n "$missing" ] && command -v apt-get >/dev/null; then
    header "$(echo $missing)"
    wanted=$(grep -v '^prometheus$' <<<"$missing")
    if [ "$(id -u)" -eq 0 ]; then
      export DEBIAN_FRONTEND=noninteractive
      [ -x "${XDG_CACHE_HOME:-$HOME/.cache}/taskfold-ci/prometheus/usr/bin/promtool" ] && [ -z "$wanted" ] || within 60 apt-get update -qq
      [ -z "$wanted" ] || within 60 apt-get install -qq --yes --no-install-recommends $wanted
    fi
    grep -q '^prometheus$' <<<"$missing" && unpack_prometheus
    missing=$(list_missing)
  fi
  if [ -z "$missing" ]; then
    export CI=true
    return
  fi
  header 'missing'
  echo "NOT HERE, and could not be installed: $(echo $missing). What needs it is passed over."
  failed=$((failed + 1))
}

# The kilobytes that this process may still fill: of the machine, or of its container.
memory_left_kb() {
  local machine group
  machine=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo 2>/dev/null)
  group=$(cat /sys/fs/cgroup/memory.max 2>/dev/null)
  if [[ $group =~ ^[0-9]+$ ]] && ((group / 1024 < ${machine:-0})); then machine=$((group / 1024)); fi
  echo "${machine:-0}"
}

# Servers of tests flush to disk all the time: one starts in two seconds in memory and in eight on a slow disk. They need less
# than 2 GB at a time; 6 GB must be there.
use_memory() {
  local wanted_kb=$((6 * 1024 * 1024)) free_kb
  free_kb=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)
  ((${free_kb:-0} >= wanted_kb && $(memory_left_kb) >= wanted_kb)) || return 0
  scratch=$(mktemp -d /dev/shm/ci.XXXXXX) || return 0
  # Programs are copied there where the account of a server may not read the repository.
  if ! cp /bin/true "$scratch/probe" || ! "$scratch/probe"; then return 0; fi
  chmod 1777 "$scratch"
  export TMPDIR=$scratch
}
