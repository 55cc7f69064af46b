#!/usr/bin/env bash
# Runs a GrainDb cluster of separate processes on this host.
#
#   deploy/local-cluster.sh up [N]       start node1..nodeN (3), HTTP on 127.0.0.1:8081..., wait until all are ready
#   deploy/local-cluster.sh status       one line per node
#   deploy/local-cluster.sh kill NODE    SIGKILL, as a crash would
#   deploy/local-cluster.sh start NODE   start a node that is down, wait until it is ready
#   deploy/local-cluster.sh down         SIGTERM to all, wait until they have drained
#
# GRAINDB_DATA (./data) holds the nodes' data, the membership table (cluster), logs and process ids (run).
# GRAINDB_HTTP_BASE (8080), GRAINDB_SILO_BASE (11110), GRAINDB_GATEWAY_BASE (30000): node I uses base + I.
# GRAINDB_READY_SECONDS (60): how long to wait for a node. GRAINDB_BINARY: use this binary instead of building one.
# Exit codes: 0 done, 1 a node did not do as told, 2 wrong use.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
data=${GRAINDB_DATA:-./data}
http_base=${GRAINDB_HTTP_BASE:-8080}
silo_base=${GRAINDB_SILO_BASE:-11110}
gateway_base=${GRAINDB_GATEWAY_BASE:-30000}
ready_seconds=${GRAINDB_READY_SECONDS:-60}
binary=${GRAINDB_BINARY:-$repository/src/Silo/bin/Release/net10.0/graindb}
max_nodes=9
stop_seconds=20

say() { printf '%s\n' "$*"; }
fail() { printf 'local-cluster: %s\n' "$*" >&2; exit 1; }
misuse() { printf 'local-cluster: %s\n' "$*" >&2; exit 2; }
usage() { sed -n '2,/^set -euo/{/^set -euo/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

# The process of a node, if it runs. A number that another program got in the meantime does not count: the name and the start time
# that were noted at the start must still be those of the process.
started_at() { awk '{ sub(/^.*\) /, ""); if ($1 != "Z") print $20 }' "/proc/$1/stat" 2>/dev/null || true; }
running() {
    local file=$data/run/$1.pid pid start
    [ -f "$file" ] || return 1
    read -r pid start <"$file" || return 1
    [ -n "$start" ] && [ "$(started_at "$pid")" = "$start" ] && printf '%s' "$pid"
}

names() { cat "$data/run/nodes"; } # every node of the cluster, with commas

# The nodes that hold the first meta range: an odd number of at most 7.
bootstrap() { names | awk -F, '{ n = NF > 7 ? 7 : NF - 1 + NF % 2; line = $1; for (i = 2; i <= n; i++) line = line "," $i; print line }'; }

require_cluster() { [ -f "$data/run/nodes" ] || fail "no cluster in $data: start one with 'up'"; }

require_node() {
    require_cluster
    [ -n "${1:-}" ] || misuse "needs a node, as in: $0 $command node1"
    names | tr ',' '\n' | grep -qx -- "$1" || misuse "'$1' is not a node of this cluster ($(names))"
}

url() { printf 'http://127.0.0.1:%d' "$((http_base + ${1#node}))"; }

launch() { # node; returns at once
    local node=$1 number=${1#node} pid
    # In a session of its own, so that Ctrl-C in this terminal does not reach it. $! is the node itself: setsid replaces itself.
    : >"$data/run/$node.out"
    setsid "$binary" --node "$node" --http "$(url "$node")" \
        --silo-port "$((silo_base + number))" --gateway-port "$((gateway_base + number))" --advertise 127.0.0.1 \
        --data "$data" --membership "file:$data/cluster" --bootstrap "$(bootstrap)" \
        >"$data/run/$node.out" 2>>"$data/run/$node.log" </dev/null &
    pid=$!
    disown "$pid"
    say "$pid $(started_at "$pid")" >"$data/run/$node.pid"
}

# Waits for the ready line, or for the end of the process. Both end the wait at once: tail ends with the process that it follows.
await_ready() { # node seconds
    local node=$1 pid
    pid=$(running "$node") || { give_reason "$node"; return 1; }
    if grep -q '^graindb ready ' < <(timeout "$2" tail --pid="$pid" -s 0.1 -n +1 -f "$data/run/$node.out" 2>/dev/null); then
        say "$(tail -n 1 "$data/run/$node.out")"
    elif running "$node" >/dev/null; then
        printf 'local-cluster: %s is not ready after %s s; it goes on trying, see %s\n' "$node" "$ready_seconds" "$data/run/$node.log" >&2
        return 1
    else
        give_reason "$node"
        return 1
    fi
}

give_reason() {
    printf 'local-cluster: %s ended: %s\n' "$1" "$(grep -v '^configuration: ' "$data/run/$1.log" | tail -n 1)" >&2
}

await_end() { # node seconds
    local deadline=$((SECONDS + $2))
    while running "$1" >/dev/null; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
    rm -f "$data/run/$1.pid"
}

start_nodes() { # those that do not run yet; waits for all
    local node bad=0 left deadline=$((SECONDS + ready_seconds)) started=()
    for node in "$@"; do
        if running "$node" >/dev/null; then
            say "$node runs already, $(url "$node")"
        else
            launch "$node"
            started+=("$node")
        fi
    done
    for node in "${started[@]}"; do
        left=$((deadline - SECONDS))
        await_ready "$node" $((left > 1 ? left : 1)) || bad=1
    done
    return $bad
}

any_running() {
    local node
    for node in ${1//,/ }; do running "$node" >/dev/null && return 0; done
    return 1
}

up() {
    local count=${1:-3} list
    [[ $count =~ ^[1-9]$ ]] || misuse "up $count: must be a number of nodes from 1 to $max_nodes"
    list=$(seq -s, -f 'node%g' 1 "$count")
    if [ -f "$data/run/nodes" ] && [ "$(cat "$data/run/nodes")" != "$list" ]; then
        misuse "up $count: $data holds a cluster of $(names); give its size, or another GRAINDB_DATA"
    fi
    if [ -z "${GRAINDB_BINARY:-}" ] && ! any_running "$list"; then # never under the feet of a running node
        say "building"
        local output
        output=$(dotnet build "$repository/src/Silo" -c Release --nologo -v quiet 2>&1) || fail "the build failed: $output"
    fi
    [ -x "$binary" ] || fail "$binary is missing"
    mkdir -p "$data/run" || fail "$data is not usable"
    say "$list" >"$data/run/nodes"
    start_nodes ${list//,/ }
}

status() {
    local node pid ready
    for node in $(names | tr ',' ' '); do
        if pid=$(running "$node"); then
            ready=$(curl -s -o /dev/null -m 5 -w '%{http_code}' "$(url "$node")/health/ready" || true)
            case $ready in
                200) ready=ready ;;
                000) ready="does not answer" ;;
                *) ready="not ready ($ready)" ;;
            esac
            say "$node up pid=$pid http=$(url "$node") $ready"
        else
            say "$node down"
        fi
    done
}

kill_node() {
    local pid
    require_node "${1:-}"
    pid=$(running "$1") || { say "$1 is down already"; return; }
    kill -KILL "$pid" 2>/dev/null || true
    await_end "$1" "$stop_seconds" || fail "$1 (pid $pid) is still there after SIGKILL"
    say "$1 killed"
}

down() {
    local node pid bad=0 stopping=()
    for node in $(names | tr ',' ' '); do
        if pid=$(running "$node"); then
            kill -TERM "$pid" 2>/dev/null || true # it may just have ended
            stopping+=("$node")
        fi
    done
    for node in "${stopping[@]}"; do
        if await_end "$node" "$stop_seconds"; then
            say "$node stopped"
        else
            printf 'local-cluster: %s has not stopped after %s s\n' "$node" "$stop_seconds" >&2
            bad=1
        fi
    done
    return $bad
}

command=${1:-}
[ $# -gt 0 ] && shift
[ $# -le 1 ] || misuse "too many arguments; '$0 help' shows the commands"
case $command in
    up) up "$@" ;;
    status) require_cluster; status ;;
    kill) kill_node "$@" ;;
    start) require_node "${1:-}"; [ -x "$binary" ] || fail "$binary is missing: build it with 'up'"; start_nodes "$1" ;;
    down) require_cluster; down ;;
    help | --help | -h) usage ;;
    '') usage >&2; exit 2 ;;
    *) misuse "'$command': unknown command; '$0 help' shows the commands" ;;
esac
