# Sourced by the scripts beside it: a network namespace of the test's own, programs that are stopped at the end, checks.
set -u
programs=${NETKIT_BUILD_DIR:?the build folder, as CTest says it}/examples
work=$(mktemp -d)
started=()
failures=0
clock=$SECONDS

clean_up() {
    for process in "${started[@]}"; do
        kill -KILL "$process"
        wait "$process"
    done 2>/dev/null
    rm -rf "$work"
}
trap clean_up EXIT

skip() { echo "SKIPPED: $*"; exit 77; }
have() { command -v "$1" >/dev/null; }
need_programs() {
    for program in "$@"; do
        [ -x "$programs/$program" ] || { echo "FAILED: $programs/$program is not built"; exit 1; }
    done
}
need_commands() {
    for command in "$@"; do have "$command" || skip "$command is not installed"; done
}

# enter_network_namespace SECONDS: the script starts again, with only a loopback of its own, and at most so long.
enter_network_namespace() {
    [ -n "${NETKIT_NAMESPACE_OF_OUR_OWN:-}" ] && return
    [ "$(id -u)" -eq 0 ] || skip "not root: making TAP devices and network namespaces needs CAP_NET_ADMIN (sudo ctest --test-dir $NETKIT_BUILD_DIR -L system)"
    local why
    why=$(unshare --net true 2>&1) || skip "no network namespace of our own: $why (in a container: --cap-add SYS_ADMIN --cap-add NET_ADMIN)"
    [ -c /dev/net/tun ] || skip "no TAP devices: /dev/net/tun is missing (as root: modprobe tun; in a container: --device /dev/net/tun)"
    rm -rf "$work"
    NETKIT_NAMESPACE_OF_OUR_OWN=1 exec timeout --kill-after=5 "$1" unshare --net bash "$0"
}

# start NAME PROGRAM ARGUMENT...: in the background, its output in $work/NAME; $process is its id.
start() {
    local name=$1
    shift
    "$@" >"$work/$name" 2>&1 &
    process=$!
    started+=("$process")
}
# within TENTHS COMMAND...: until the command succeeds, at most so many tenths of a second.
within() {
    local tries=$1
    shift
    while ! "$@" >/dev/null 2>&1; do
        [ $((tries -= 1)) -gt 0 ] || return 1
        sleep 0.1
    done
}
# stop PROCESS SIGNAL: its exit status; 137 where it had to be killed.
stop() {
    kill "-$2" "$1"
    within 100 not_running "$1" || kill -KILL "$1"
    wait "$1"
}
not_running() { ! kill -0 "$1"; }

# check WHAT COMMAND...: the command must succeed.
check() {
    local what=$1
    shift
    # In this shell, which alone may wait for what it started.
    if "$@" >"$work/said" 2>&1; then
        echo "ok      $what ($((SECONDS - clock)) s)"
    else
        echo "FAILED  $what ($((SECONDS - clock)) s): $(cat "$work/said")"
        failures=$((failures + 1))
    fi
}
# same EXPECTED GOT
same() { [ "$1" = "$2" ] || { echo "expected '$1', got '$2'"; false; }; }
# says TEXT COMMAND...: what it prints has the text in it.
says() {
    local text=$1 said
    shift
    said=$("$@" 2>&1)
    grep -qF -- "$text" <<<"$said" || { echo "no '$text' in: $said"; false; }
}
finish() {
    if [ $failures -ne 0 ]; then
        for log in "$work"/*.log; do [ -s "$log" ] && { echo "-- $(basename "$log")"; tail -n 40 "$log"; }; done
        exit 1
    fi
    exit 0
}
