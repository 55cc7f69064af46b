#!/usr/bin/env bash
# How long nodes that were killed at once take until they serve again, with a million keys. Three processes on this host,
# three replicas, a keyspace cut into RANGES ranges.
#
#   deploy/measure-restart.sh            fill, then ROUNDS times: kill -9 the nodes of KILL ("1 2 3": all), start them at once, wait, check
#
# Prints per round, in seconds from the moment when the processes are started:
#   ready     the last of these nodes says that it is ready
#   read      every range has answered a linearizable read, through every one of them
#   write     every range has made a write durable at a quorum, through the last one of them
#   caught up every replica has everything that its leader has (read from /v1/ranges)
# and then checks that all keys are there. ROUNDS (5), KEYS (1000000), RANGES (4), BASE_PORT (28200).
# Before each kill keys are overwritten at random for WRITE_SECONDS (3), so that every range has log to replay.
# DATA names a directory that is kept, and used again without filling it when it holds a cluster. BINARY: see local-cluster.sh.
# Exit codes: 0 done, 1 a node did not come back or a key is missing, 2 wrong use.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
rounds=${ROUNDS:-5}
keys=${KEYS:-1000000}
ranges=${RANGES:-4}
write_seconds=${WRITE_SECONDS:-3}
read -ra killed <<<"${KILL:-1 2 3}"
base=${BASE_PORT:-28200}
patience=60
keyspace=restart
loadtool=$repository/test/LoadTool/bin/Release/net10.0/loadtool

[ $# = 0 ] || { sed -n '2,/^set -euo/{/^set -euo/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2; exit 2; }
say() { printf '%s\n' "$*"; }
fail() { printf 'measure-restart: %s\n' "$*" >&2; exit 1; }

scratch=$(mktemp -d)
export GRAINDB_DATA=${DATA:-$scratch/graindb} GRAINDB_HTTP_BASE=$base GRAINDB_SILO_BASE=$((base + 10)) GRAINDB_GATEWAY_BASE=$((base + 20))

clean_up() {
    trap - EXIT INT TERM
    [ ! -f "$GRAINDB_DATA/run/nodes" ] || "$repository/deploy/local-cluster.sh" down >/dev/null 2>&1 || true
    rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

url() { printf 'http://127.0.0.1:%d' $((base + $1)); }
cluster() { "$repository/deploy/local-cluster.sh" "$@" >"$scratch/out" 2>&1 || fail "$* failed: $(tail -n 5 "$scratch/out")"; }
elapsed() { awk -v from="$began" -v to="$1" 'BEGIN { printf "%.2f", to - from }'; }
key_of_range() { printf 'k%08d' $(($1 * (keys / ranges))); } # the first key of the range, which exists

await() { # what, command: until it succeeds
    local what=$1 deadline=$((SECONDS + patience))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || fail "not $what within $patience s"
        sleep 0.1
    done
}

# Asking must cost little beside three processes that start on the same cores: no curl before there is somebody to answer it.
listens() { { exec 3<>"/dev/tcp/127.0.0.1/$((base + $1))"; } 2>/dev/null && exec 3>&-; }
is_ready() { listens "$1" && curl -sf -o /dev/null -m 2 "$(url "$1")/health/ready"; }
reads() { listens "$1" && curl -sf -o /dev/null -m 10 "$(url "$1")/v1/kv/$keyspace/$(key_of_range "$2")"; }
writes_once() { listens "$1" && curl -sf -o /dev/null -m 10 -X PUT --data-binary "restart" "$(url "$1")/v1/kv/$keyspace/$(key_of_range "$2")-written"; }
report() { curl -sf -m 10 "$(url 1)/v1/ranges?keyspace=$keyspace" | tr -d ' \n'; }
is_caught_up() { # every range has a leader, and every replica what its leader has
    local now
    now=$(report)
    [ "$(grep -o '"leader":"node' <<<"$now" | wc -l)" = "$ranges" ] && [ "$(grep -o '"lag":0' <<<"$now" | wc -l)" = $((3 * ranges)) ]
}

first_answer() { # node range file: when that range had been read through that node
    await "readable" reads "$1" "$2"
    printf '%s\n' "$EPOCHREALTIME" >"$3"
}

first_write() { # range file
    await "writable" writes_once "${killed[-1]}" "$1"
    printf '%s\n' "$EPOCHREALTIME" >"$2"
}

first_ready() { # node file
    await "ready" is_ready "$1"
    printf '%s\n' "$EPOCHREALTIME" >"$2"
}

last() { cat "$@" | sort -g | tail -n 1; }

filled=
[ ! -f "$GRAINDB_DATA/run/nodes" ] || filled=yes
runtime=linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
export GRAINDB_BINARY=${BINARY:-$repository/src/Silo/bin/Release/net10.0/$runtime/publish/graindb}
say "building"
build() { dotnet "$@" --nologo -v quiet >"$scratch/build" 2>&1 || { cat "$scratch/build"; fail "the build failed"; }; }
build build "$repository/test/LoadTool" -c Release
if [ -z "${BINARY:-}" ]; then # as it is deployed: with native code, or most of the time goes to compiling it. The lock files are those of the portable build.
    build publish "$repository/src/Silo" -c Release -r "$runtime" --self-contained -p:NuGetLockFilePath=obj/native.lock.json
fi
cluster up 3

if [ -z "$filled" ]; then
    split_keys=
    for ((i = 1; i < ranges; i++)); do split_keys+="${split_keys:+,}\"$(key_of_range "$i")\""; done
    curl -sf -o /dev/null -X PUT -H 'Content-Type: application/json' -d "{\"partitions\":$ranges,\"splitKeys\":[$split_keys],\"replicationFactor\":3}" \
        "$(url 1)/v1/keyspaces/$keyspace" || fail "the keyspace was not created"
    say "filling $keys keys into $ranges ranges"
    "$loadtool" fill --endpoints "$(url 1)" --keyspace "$keyspace" --keys "$keys" --batch 200 --clients 8 >"$scratch/fill" 2>&1 || { cat "$scratch/fill"; fail "not filled"; }
fi
printf '%5s %8s %8s %8s %10s\n' round ready read write "caught up"
for ((round = 1; round <= rounds; round++)); do
    "$loadtool" run --workload put --endpoints "$(url 2)" --keyspace "$keyspace" --keys "$keys" --duration "${write_seconds}s" --warmup 0s >"$scratch/load" 2>&1 || fail "not written"
    for i in "${killed[@]}"; do cluster kill "node$i"; done
    rm -f "$scratch"/at-*
    began=$EPOCHREALTIME
    waiters=()
    for i in "${killed[@]}"; do
        first_ready "$i" "$scratch/at-ready$i" & waiters+=($!)
        for ((range = 0; range < ranges; range++)); do first_answer "$i" "$range" "$scratch/at-read$i-$range" & waiters+=($!); done
    done
    for ((range = 0; range < ranges; range++)); do first_write "$range" "$scratch/at-write$range" & waiters+=($!); done
    cluster up 3
    for waiter in "${waiters[@]}"; do wait "$waiter" || fail "the cluster did not come back"; done
    await "caught up" is_caught_up
    end=$EPOCHREALTIME
    printf '%5d %8s %8s %8s %10s\n' "$round" "$(elapsed "$(last "$scratch"/at-ready*)")" "$(elapsed "$(last "$scratch"/at-read*)")" "$(elapsed "$(last "$scratch"/at-write*)")" "$(elapsed "$end")"
done

found=$(report | grep -o '"keys":[0-9]*' | cut -d: -f2 | paste -sd+ | awk '{ n = split($0, part, "+"); for (i = 1; i <= n; i++) sum += part[i]; print sum }')
[ "$found" = $((keys + ranges)) ] || fail "$found keys, of $((keys + ranges))"
say "all $found keys are there"
