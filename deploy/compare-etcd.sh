#!/usr/bin/env bash
# Compares GrainDb with etcd: three processes each on this host, the same client, in turn, several rounds; medians and ratios.
#
#   deploy/compare-etcd.sh               all cases
#   deploy/compare-etcd.sh put-c64 ...   some
#
# Cases: put-c1 put-c64 put-c256 get-c64 get-hop-c64 conditional-c64 conditional-one-key-c64 cas-c64 cas-one-key-c64 scan100-c64
# transfer-c64 transfer-ranges-c64 tail-put-c64 tail-get-c64.
# "us/op" is CPU time of all servers of a side, user and system, per operation: it moves little with what else the machine does.
# All are asked at the node that leads; in "hop" at another, which has to ask the leader. Three sides: GrainDb over its HTTP API; "etcd" over its
# JSON gateway, with the same client (wrk), which pays for JSON, base64 and a gRPC call inside; "grpc", the same etcd over gRPC with its own Go client
# (deploy/compare/client), which has neither. "conditional" is a write whose condition holds: If-Match: * against a comparison of the value.
# "cas" is If-Match with the exact version, driven by loadtool, which remembers versions and costs the client more than wrk; etcd's side
# of it is the same as in "conditional". On one key all but one of the writers of an exact version lose: answers per second.
# "transfer" moves an amount between two of 1000 accounts: one POST /v1/transact with a check and two increments, both accounts in one of two ranges or one in each, asked at the node that leads the first range; in
# etcd, which has one range, a read of both and a conditional write of both, tried again until nobody came between. Operations are those that answered, lost races included.
# "tail" is an open loop at half of what the side's own closed loop reached, in turn: its p50 and p99 count from when a request was due. wrk has no open loop, so
# the Go client drives all three sides.
#
# ROUNDS (5), SECS (6, of each run), WARM (10, seconds of warming up for each case and side: until then servers compile), KEYS (100000),
# BASE_PORT (28000). BINARY: of GrainDb; without it, one is published for this machine, as docs/operations.md says. Needs etcd, wrk, curl, go and etcd's Go client; as root on Debian they are installed (etcd-server wrk curl golang-go
# golang-etcd-server-dev). Without the client there is no side "grpc", and no tails. Ends itself after BOUND (1800) seconds. Cleans up after itself.
# Exit codes: 0 done, 1 failed, 2 wrong use, 77 cannot be done here.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
rounds=${ROUNDS:-5}
seconds=${SECS:-6}
bound=${BOUND:-1800}
base=${BASE_PORT:-28000}
export KEYS=${KEYS:-100000} LUA=$repository/deploy/compare
loadtool=$repository/test/LoadTool/bin/Release/net10.0/loadtool
warm_seconds=${WARM:-10}
all_cases="put-c1 put-c64 put-c256 get-c64 get-hop-c64 conditional-c64 conditional-one-key-c64 cas-c64 cas-one-key-c64 scan100-c64 transfer-c64 transfer-ranges-c64 tail-put-c64 tail-get-c64"
cases=${*:-$all_cases}

say() { printf '%s\n' "$*"; }
fail() { printf 'compare-etcd: %s\n' "$*" >&2; exit 1; }
for one in $cases; do
    [[ " $all_cases " == *" $one "* ]] || { printf 'compare-etcd: %s: no such case; there are %s\n' "$one" "$all_cases" >&2; exit 2; }
done

install() { # command package
    ! command -v "$1" >/dev/null && [ ! -e "$1" ] || return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        # No package may start a service of its own: etcd's would.
        local policy=/usr/sbin/policy-rc.d made=
        if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made=1; fi
        { apt-get -o DPkg::Lock::Timeout=60 update -qq && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=60 install -y -qq --no-install-recommends "$2"; } >/dev/null 2>&1 || true
        [ -z "$made" ] || rm -f $policy
    fi
    command -v "$1" >/dev/null || [ -e "$1" ] || { say "compare-etcd: no $1, and it cannot be installed (package $2)"; return 1; }
}
go_client=/usr/share/gocode/src/go.etcd.io/etcd/clientv3
install etcd etcd-server || exit 77
install wrk wrk || exit 77
install curl curl || exit 77

scratch=$(mktemp -d)
etcd_pids=()
export GRAINDB_DATA=$scratch/graindb GRAINDB_HTTP_BASE=$base GRAINDB_SILO_BASE=$((base + 10)) GRAINDB_GATEWAY_BASE=$((base + 20))

clean_up() {
    trap - EXIT INT TERM
    [ ! -f "$GRAINDB_DATA/run/nodes" ] || "$repository/deploy/local-cluster.sh" down >/dev/null 2>&1 || true
    local pid
    for pid in "${etcd_pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${etcd_pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

# ---- the two clusters

etcd_client() { printf 'http://127.0.0.1:%d' $((base + 100 + $1)); }
etcd_peer() { printf 'http://127.0.0.1:%d' $((base + 110 + $1)); }

start_etcd() {
    local i cluster
    cluster="e1=$(etcd_peer 1),e2=$(etcd_peer 2),e3=$(etcd_peer 3)"
    for i in 1 2 3; do
        etcd --name "e$i" --data-dir "$scratch/etcd$i" --listen-client-urls "$(etcd_client $i)" --advertise-client-urls "$(etcd_client $i)" \
            --listen-peer-urls "$(etcd_peer $i)" --initial-advertise-peer-urls "$(etcd_peer $i)" --initial-cluster "$cluster" \
            --quota-backend-bytes 8589934592 --logger zap --log-level warn >"$scratch/etcd$i.log" 2>&1 </dev/null &
        etcd_pids+=($!)
    done
    for ((i = 0; i < 300; i++)); do
        ! curl -sf -m 1 "$(etcd_client 1)/health" 2>/dev/null | grep -q true || return 0
        sleep 0.1
    done
    fail "etcd did not start: $(tail -n 3 "$scratch/etcd1.log")"
}

etcd_node() { # leader or other
    local i status role
    for i in 1 2 3; do
        status=$(curl -sf -m 2 -X POST "$(etcd_client $i)/v3/maintenance/status" -d '{}')
        role=other
        [ "$(sed -n 's/.*"member_id":"\([0-9]*\)".*/\1/p' <<<"$status")" != "$(sed -n 's/.*"leader":"\([0-9]*\)".*/\1/p' <<<"$status")" ] || role=leader
        [ $role != "$1" ] || { etcd_client $i; return; }
    done
    fail "etcd has no $1"
}
grpc_node() { etcd_node "$1"; }

graindb_url() { printf 'http://127.0.0.1:%d' $((base + $1)); }

graindb_node() { # leader, the node that leads the first range of the keyspace (default), or other
    local name
    name=$(curl -sf -m 5 "$(graindb_url 1)/v1/ranges?keyspace=${2:-default}" | grep -o '"leader":"node[0-9]*"' | head -n 1 | grep -o '[0-9]*' || true)
    [ -n "$name" ] || fail "nobody leads keyspace ${2:-default}"
    [ "$1" = leader ] || name=$((name % 3 + 1))
    graindb_url "$name"
}

say "building"
go_driver=
if install go golang-go && install $go_client golang-etcd-server-dev &&
    (cd "$repository/deploy/compare/client" && GO111MODULE=off GOPATH=/usr/share/gocode go build -o "$scratch/client"); then
    go_driver=$scratch/client
fi
for one in $cases; do
    [ -n "$go_driver" ] || [[ $one != tail-* ]] || { say "compare-etcd: $one needs the Go client"; exit 77; }
done
runtime=linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
build() { dotnet "$@" --nologo -v quiet >"$scratch/build" 2>&1 || { cat "$scratch/build"; fail "the build failed"; }; }
build build "$repository/test/LoadTool" -c Release
if [ -z "${BINARY:-}" ]; then # as it is deployed. The lock files are those of the portable build.
    build publish "$repository/src/Silo" -c Release -r "$runtime" --self-contained -p:NuGetLockFilePath=obj/native.lock.json
fi
version="GrainDb ${BINARY:-$(git -C "$repository" describe --always --dirty 2>/dev/null || echo unknown)}"
export GRAINDB_BINARY=${BINARY:-$repository/src/Silo/bin/Release/net10.0/$runtime/publish/graindb}
"$repository/deploy/local-cluster.sh" up 3 >"$scratch/up" 2>&1 || { cat "$scratch/up"; fail "GrainDb did not start"; }
start_etcd
mapfile -t graindb_pids < <(for i in 1 2 3; do cut -d ' ' -f 1 "$GRAINDB_DATA/run/node$i.pid"; done)

say "filling $KEYS keys on either side"
"$loadtool" fill --endpoints "$(graindb_url 1)" --keys "$KEYS" >"$scratch/fill" 2>&1 || { cat "$scratch/fill"; fail "GrainDb was not filled"; }
held=0
for ((i = 0; i < 60; i++)); do
    WORK=fill FROM=$((held > 1000 ? held - 1000 : 0)) wrk -t1 -c4 -d3s -s "$LUA/etcd.lua" "$(etcd_node leader)" >/dev/null
    held=$(curl -sf -m 10 -X POST "$(etcd_client 1)/v3/kv/range" -d '{"key":"aw==","range_end":"bA==","count_only":true}' | sed -n 's/.*"count":"\([0-9]*\)".*/\1/p')
    held=${held:-0}
    [ "$held" -lt "$KEYS" ] || break
done
[ "$held" -ge "$KEYS" ] || fail "etcd was not filled: $held keys"

# ---- measuring

ticks() { # CPU of these processes so far
    local pid sum=0 used
    for pid in "$@"; do
        used=$(awk '{ sub(/^.*\) /, ""); print $12 + $13 }' "/proc/$pid/stat") || fail "process $pid is gone"
        sum=$((sum + used))
    done
    printf '%d' "$sum"
}

drive_wrk() { # lua url clients seconds: rate= p50= p99= errors=
    local threads=2
    [ "$3" -ge 2 ] || threads=1
    wrk -t$threads -c"$3" -d"$4s" -s "$LUA/$1.lua" "$2" | grep '^rate=' || fail "wrk failed"
}

drive_go() { # protocol work url clients seconds [rate]
    "$go_driver" -protocol "$1" -work "$2" -endpoints "$3" -clients "$4" -seconds "$5" -keys "$KEYS" -rate "${6:-0}" | grep '^rate=' || fail "the Go client failed"
}

drive_loadtool() { # work url clients seconds keys
    local json=$scratch/load.json
    "$loadtool" run --workload "$1" --endpoints "$2" --clients "$3" --duration "$4s" --warmup 0s --keys "$5" ${RANGES:+--ranges "$RANGES"} --json "$json" >/dev/null || fail "loadtool failed"
    grep -q '"errors": {}' "$json" || { printf 'loadtool, %s: ' "$1"; tr -d ' \n' <"$json" | grep -o '"errors":{[^}]*}'; } >&2
    tr -d ' \n' <"$json" | awk -v work="$1" '{
        match($0, /"operationsPerSecond":[0-9.]*/); rate = substr($0, RSTART + 22, RLENGTH - 22)
        one = substr($0, index($0, "\"" work "\":"))
        match(one, /"p50":[0-9.]*/); p50 = substr(one, RSTART + 6, RLENGTH - 6)
        match(one, /"p99":[0-9.]*/); p99 = substr(one, RSTART + 6, RLENGTH - 6)
        match(one, /"failed":[0-9]*/); failed = substr(one, RSTART + 9, RLENGTH - 9)
        printf "rate=%.0f p50=%.3f p99=%.3f errors=%d\n", rate, p50, p99, failed }'
}

# An open loop at half of what a closed one reaches just before it.
drive_tail() { # side work url clients seconds
    local protocol=${1/etcd/json} full half
    full=$(drive_go "$protocol" "$2" "$3" "$4" "$5")
    [[ $full == *' errors=0' ]] || fail "$1, tail of $2: the closed loop had errors: $full"
    half=$(awk -F '[ =]' '{ printf "%d", $2 / 2 }' <<<"$full")
    [ "${half:-0}" -gt 0 ] || fail "$1, tail of $2: the closed loop did nothing"
    drive_go "$protocol" "$2" "$3" "$4" "$5" "$half"
}

sides_of() { # case
    case $1 in
        tail-*) printf '%s' "${go_driver:+graindb etcd grpc}" ;;
        cas-*) printf 'graindb etcd' ;;
        transfer-*) printf 'graindb %s' "${go_driver:+grpc}" ;;
        *) printf 'graindb etcd %s' "${go_driver:+grpc}" ;;
    esac
}

run() { # side case seconds
    [ "$SECONDS" -lt "$bound" ] || fail "not done after $bound s"
    local side=$1 name=$2 seconds=$3 clients=${2##*-c} work url role=leader keyspace=default
    [[ $name != transfer-* ]] || keyspace=transfer
    [[ $name != *-hop-* ]] || role=other
    url=$("${side}_node" $role "$keyspace")
    if [[ $name == tail-* ]]; then
        work=${name#tail-}
        drive_tail "$side" "${work%%-*}" "$url" "$clients" "$seconds"
        return
    fi
    work=${name%%-*}
    work=${work%100}
    if [[ $name == *one-key* ]]; then local -x KEYS=0; fi
    if [ "$side" = graindb ] && [ "$work" = cas ]; then
        drive_loadtool cas "$url" "$clients" "$seconds" "$([ "$KEYS" = 0 ] && echo 1 || echo "$KEYS")"
        return
    fi
    if [ "$work" = transfer ]; then
        if [ "$side" = grpc ]; then
            KEYS=1000 drive_go grpc transfer "$url" "$clients" "$seconds"
        else
            RANGES=$([[ $name == *-ranges-* ]] && echo 2 || echo 1) drive_loadtool transfer "$url" "$clients" "$seconds" "$KEYS"
        fi
        return
    fi
    [ "$work" != cas ] || work=conditional
    if [ "$side" = grpc ]; then drive_go grpc "$work" "$url" "$clients" "$seconds"; else WORK=$work drive_wrk "$side" "$url" "$clients" "$seconds"; fi
}

measure() { # side case: a line in the results
    local -n pids=${1/grpc/etcd}_pids
    local before after line
    before=$(ticks "${pids[@]}")
    line=$(run "$1" "$2" "$seconds")
    after=$(ticks "${pids[@]}")
    say "$2 $1 $line $(awk -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" -v line="$line" -v seconds="$seconds" \
        'BEGIN { split(line, part, /[ =]/); printf "us=%.1f", (part[2] > 0 ? ticks / hz * 1e6 / (part[2] * seconds) : 0) }')" | tee -a "$scratch/results"
}

if [[ $cases == *transfer-* ]]; then # makes the accounts' keyspace, so that one of its leaders can be asked
    "$loadtool" run --workload transfer --endpoints "$(graindb_url 1)" --clients 1 --duration 1s --warmup 0s --keys "$KEYS" >"$scratch/accounts" 2>&1 || { cat "$scratch/accounts"; fail "no accounts"; }
fi
say "warming up, and looking into every answer"
for one in $cases; do
    for side in $(sides_of "$one"); do
        line=$(CHECK=1 run "$side" "$one" "$warm_seconds")
        [[ $line == *' errors=0' ]] || fail "$side $one: wrong answers: $line"
    done
done
for ((round = 1; round <= rounds; round++)); do
    say "round $round of $rounds"
    for one in $cases; do
        for side in $(sides_of "$one"); do measure "$side" "$one"; done
    done
done

# ---- medians and ratios

median() { # case side field
    awk -v name="$1" -v side="$2" -v field="$3" '$1 == name && $2 == side { for (i = 3; i <= NF; i++) { split($i, part, "="); if (part[1] == field) print part[2] } }' "$scratch/results" |
        sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

say
say "$(etcd --version | head -n 1); $version; $(nproc) cores; medians of $rounds rounds of $seconds s, $KEYS keys, 256 B"
printf '%-26s %-8s %10s %9s %9s %10s %10s %7s\n' case side ops/s ratio us/op 'p50 ms' 'p99 ms' errors
for one in $cases; do
    ours=$(median "$one" graindb rate)
    for side in $(sides_of "$one"); do
        rate=$(median "$one" "$side" rate) us=$(median "$one" "$side" us)
        ratio=$(awk -v ours="$ours" -v rate="$rate" 'BEGIN { printf "%.2fx", (rate > 0 ? ours / rate : 0) }')
        [ "$side" != graindb ] || ratio=
        [[ $one != tail-* ]] || us= # of two runs at different rates
        printf '%-26s %-8s %10.0f %9s %9s %10s %10s %7s\n' "$one" "$side" "$rate" "$ratio" "$us" "$(median "$one" "$side" p50)" "$(median "$one" "$side" p99)" "$(median "$one" "$side" errors)"
    done
done
