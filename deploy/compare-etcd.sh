#!/usr/bin/env bash
# Compares GrainDb with etcd: three processes each on this host, the same client, in turn, several rounds; medians and ratios.
#
#   deploy/compare-etcd.sh               all cases
#   deploy/compare-etcd.sh put-c64 ...   some
#
# Cases: put-c1 put-c64 put-c256 get-c64 conditional-c64 conditional-one-key-c64 cas-c64 cas-one-key-c64 scan100-c64.
# "us/op" is CPU time of all servers of a side, user and system, per operation: it moves little with what else the machine does.
# Both sides are asked at the node that leads. GrainDb is driven over its HTTP API, etcd over its JSON gateway, which pays for JSON,
# base64 and a gRPC call inside: etcd's own gRPC is faster (about 1.4 times for puts). "conditional" is a write whose condition holds:
# If-Match: * against a comparison of the value. "cas" is If-Match with the exact version, driven by loadtool, which remembers versions
# and costs the client more than wrk; etcd's side of it is the same as in "conditional". On one key all but one of the writers of an
# exact version lose: answers per second.
#
# ROUNDS (5), SECS (6, of each run), KEYS (100000), BASE_PORT (28000). Needs etcd, wrk and curl; as root on Debian they are installed.
# Ends itself after BOUND (1800) seconds. Cleans up after itself. Exit codes: 0 done, 1 failed, 2 wrong use, 77 cannot be done here.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
rounds=${ROUNDS:-5}
seconds=${SECS:-6}
bound=${BOUND:-1800}
base=${BASE_PORT:-28000}
export KEYS=${KEYS:-100000} LUA=$repository/deploy/compare
loadtool=$repository/test/LoadTool/bin/Release/net10.0/loadtool
warm_seconds=3
all_cases="put-c1 put-c64 put-c256 get-c64 conditional-c64 conditional-one-key-c64 cas-c64 cas-one-key-c64 scan100-c64"
cases=${*:-$all_cases}

say() { printf '%s\n' "$*"; }
fail() { printf 'compare-etcd: %s\n' "$*" >&2; exit 1; }
for one in $cases; do
    [[ " $all_cases " == *" $one "* ]] || { printf 'compare-etcd: %s: no such case; there are %s\n' "$one" "$all_cases" >&2; exit 2; }
done

install() { # command package
    command -v "$1" >/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        # No package may start a service of its own: etcd's would.
        local policy=/usr/sbin/policy-rc.d made=
        if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made=1; fi
        { apt-get -o DPkg::Lock::Timeout=60 update -qq && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=60 install -y -qq --no-install-recommends "$2"; } >/dev/null 2>&1 || true
        [ -z "$made" ] || rm -f $policy
    fi
    command -v "$1" >/dev/null || { say "compare-etcd: no $1, and it cannot be installed (package $2)"; exit 77; }
}
install etcd etcd-server
install wrk wrk
install curl curl

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

etcd_leader() {
    local i status
    for i in 1 2 3; do
        status=$(curl -sf -m 2 -X POST "$(etcd_client $i)/v3/maintenance/status" -d '{}')
        [ "$(sed -n 's/.*"member_id":"\([0-9]*\)".*/\1/p' <<<"$status")" != "$(sed -n 's/.*"leader":"\([0-9]*\)".*/\1/p' <<<"$status")" ] || { etcd_client $i; return; }
    done
    fail "etcd has no leader"
}

graindb_url() { printf 'http://127.0.0.1:%d' $((base + $1)); }

graindb_leader() { # the node that leads the keyspace's first range
    local name
    name=$(curl -sf -m 5 "$(graindb_url 1)/v1/ranges?keyspace=default" | grep -o '"leader":"node[0-9]*"' | head -n 1 | grep -o '[0-9]*' || true)
    [ -n "$name" ] || fail "nobody leads the default keyspace"
    graindb_url "$name"
}

say "building"
dotnet build "$repository/test/LoadTool" -c Release --nologo -v quiet >"$scratch/build" 2>&1 || { cat "$scratch/build"; fail "the build failed"; }
"$repository/deploy/local-cluster.sh" up 3 >"$scratch/up" 2>&1 || { cat "$scratch/up"; fail "GrainDb did not start"; }
start_etcd
mapfile -t graindb_pids < <(for i in 1 2 3; do cut -d ' ' -f 1 "$GRAINDB_DATA/run/node$i.pid"; done)

say "filling $KEYS keys on either side"
"$loadtool" fill --endpoints "$(graindb_url 1)" --keys "$KEYS" >"$scratch/fill" 2>&1 || { cat "$scratch/fill"; fail "GrainDb was not filled"; }
held=0
for ((i = 0; i < 60; i++)); do
    WORK=fill FROM=$((held > 1000 ? held - 1000 : 0)) wrk -t1 -c4 -d3s -s "$LUA/etcd.lua" "$(etcd_leader)" >/dev/null
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

drive_loadtool() { # url clients seconds keys
    local json=$scratch/load.json
    "$loadtool" run --workload cas --endpoints "$1" --clients "$2" --duration "$3s" --warmup 0s --keys "$4" --json "$json" >/dev/null || fail "loadtool failed"
    tr -d ' \n' <"$json" | awk '{
        match($0, /"operationsPerSecond":[0-9.]*/); rate = substr($0, RSTART + 22, RLENGTH - 22)
        cas = substr($0, index($0, "\"cas\":"))
        match(cas, /"p50":[0-9.]*/); p50 = substr(cas, RSTART + 6, RLENGTH - 6)
        match(cas, /"p99":[0-9.]*/); p99 = substr(cas, RSTART + 6, RLENGTH - 6)
        match(cas, /"failed":[0-9]*/); failed = substr(cas, RSTART + 9, RLENGTH - 9)
        printf "rate=%.0f p50=%.3f p99=%.3f errors=%d\n", rate, p50, p99, failed }'
}

run() { # side case seconds
    [ "$SECONDS" -lt "$bound" ] || fail "not done after $bound s"
    local side=$1 work=${2%%-*} clients=${2##*-c} url
    url=$("${side}_leader")
    work=${work%100}
    if [[ $2 == *one-key* ]]; then local -x KEYS=0; fi
    if [ "$side" = graindb ] && [ "$work" = cas ]; then
        drive_loadtool "$url" "$clients" "$3" "$([ "$KEYS" = 0 ] && echo 1 || echo "$KEYS")"
    else
        [ "$work" != cas ] || work=conditional
        WORK=$work drive_wrk "$side" "$url" "$clients" "$3"
    fi
}

measure() { # side case: a line in the results
    local -n pids=$1_pids
    local before after line
    before=$(ticks "${pids[@]}")
    line=$(run "$1" "$2" "$seconds")
    after=$(ticks "${pids[@]}")
    say "$2 $1 $line $(awk -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" -v line="$line" -v seconds="$seconds" \
        'BEGIN { split(line, part, /[ =]/); printf "us=%.1f", (part[2] > 0 ? ticks / hz * 1e6 / (part[2] * seconds) : 0) }')" | tee -a "$scratch/results"
}

say "warming up, and looking into every answer"
for one in $cases; do
    for side in graindb etcd; do
        line=$(CHECK=1 run "$side" "$one" "$warm_seconds")
        [[ $line == *' errors=0' ]] || fail "$side $one: wrong answers: $line"
    done
done
for ((round = 1; round <= rounds; round++)); do
    say "round $round of $rounds"
    for one in $cases; do
        measure graindb "$one"
        measure etcd "$one"
    done
done

# ---- medians and ratios

median() { # case side field
    awk -v name="$1" -v side="$2" -v field="$3" '$1 == name && $2 == side { for (i = 3; i <= NF; i++) { split($i, part, "="); if (part[1] == field) print part[2] } }' "$scratch/results" |
        sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

say
say "$(etcd --version | head -n 1); GrainDb $(git -C "$repository" rev-parse --short HEAD 2>/dev/null || echo unknown); $(nproc) cores; medians of $rounds rounds of $seconds s, $KEYS keys, 256 B"
printf '%-26s %10s %10s %7s | %9s %9s | %17s %17s | %s\n' case graindb/s etcd/s ratio 'g us/op' 'e us/op' 'g p50/p99 ms' 'e p50/p99 ms' errors
for one in $cases; do
    g=$(median "$one" graindb rate) e=$(median "$one" etcd rate)
    printf '%-26s %10.0f %10.0f %6sx | %9s %9s | %17s %17s | %s\n' "$one" "$g" "$e" "$(awk -v g="$g" -v e="$e" 'BEGIN { printf "%.2f", (e > 0 ? g / e : 0) }')" \
        "$(median "$one" graindb us)" "$(median "$one" etcd us)" "$(median "$one" graindb p50)/$(median "$one" graindb p99)" \
        "$(median "$one" etcd p50)/$(median "$one" etcd p99)" "$(median "$one" graindb errors) $(median "$one" etcd errors)"
done
