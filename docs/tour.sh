#!/usr/bin/env bash
# A tour of GrainDb with curl. Every step prints the request, checks the answer, and stops the tour when it is not what it
# must be. It can be run again and again: it leaves the data as it found them.
#
#   docs/tour.sh [ENDPOINT]     http://localhost:8080 by default
#
# It walks over the keyspace `iso` of deploy/load-sample.sh, or, when that is not loaded, over a few records of its own.
set -euo pipefail
export LC_ALL=C # versions are compared as text

endpoint=${1:-http://localhost:8080}
endpoint=${endpoint%/}
[ $# -le 1 ] || { printf 'usage: %s [ENDPOINT]\n' "$0" >&2; exit 2; }
command -v curl >/dev/null || { printf 'tour: needs curl\n' >&2; exit 2; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
checks=0

title() { printf '\n# %s\n' "$*"; }

# call METHOD PATH [curl options]: sets status, body, compact (body without white space) and headers
call() {
    local method=$1 path=$2
    shift 2
    printf '$ curl -X %s '\''%s%s'\''' "$method" "$endpoint" "$path"
    local option
    for option in "$@"; do
        if [[ $option == -* ]]; then printf ' %s' "$option"; else printf " '%s'" "$option"; fi
    done
    printf '\n'
    : >"$scratch/body"
    status=$(curl -sS -m 30 -g -X "$method" -o "$scratch/body" -D "$scratch/headers" -w '%{http_code}' "$@" "$endpoint$path") ||
        stop "no answer from $endpoint"
    body=$(tr -d '\0' <"$scratch/body")
    compact=${body//[[:space:]]/}
    headers=$(<"$scratch/headers")
    printf '%s %.160s\n' "$status" "$compact"
}

stop() {
    printf '\nNOT AS IT MUST BE: %s\nstatus: %s\n%s\n\n%s\n' "$1" "${status:-}" "${headers:-}" "${body:-}" >&2
    printf 'tour: stopped after %d checks\n' "$checks" >&2
    exit 1
}

expect_status() { # status
    checks=$((checks + 1))
    [ "$status" = "$1" ] || stop "status must be $1"
}

expect() { # description, then a condition as a command
    checks=$((checks + 1))
    local description=$1
    shift
    "$@" || stop "$description"
}

has() { [[ $compact == *"$1"* ]]; }
has_not() { [[ $compact != *"$1"* ]]; }
is() { [ "$1" = "$2" ]; }
newer() { [[ $1 > $2 ]]; }
problem() { has "\"code\":\"$1\"" && has '"outcome":"notApplied"'; }

header() { # name: prints its value
    local line
    while IFS= read -r line; do
        line=${line%$'\r'}
        if [[ ${line,,} == "${1,,}:"* ]]; then
            line=${line#*:}
            printf '%s' "${line# }"
            return
        fi
    done <<<"$headers"
}

version() { # prints the ETag without quotes
    local tag
    tag=$(header ETag)
    [[ $tag =~ ^\"([0-9a-f]{16})\"$ ]] || return 0
    printf '%s' "${BASH_REMATCH[1]}"
}

is_version() { [[ $1 =~ ^[0-9a-f]{16}$ ]]; }

keys() { # prints the keys of a scan, one a line, in the order of the answer
    local rest=$compact
    while [[ $rest =~ \"key\":\"([^\"]*)\"(.*)$ ]]; do
        printf '%s\n' "${BASH_REMATCH[1]}"
        rest=${BASH_REMATCH[2]}
    done
}

member() { # name: prints a text or number of the JSON answer, the first of that name
    [[ $compact =~ \"$1\":\"?([^\",}]*) ]] && printf '%s' "${BASH_REMATCH[1]}"
}

all_begin_with() { # prefix, then words
    local prefix=$1 word
    shift
    [ $# -gt 0 ] || return 1
    for word in "$@"; do [[ $word == "$prefix"* ]] || return 1; done
}

ascending() {
    local previous='' word
    for word in "$@"; do
        [[ $word > $previous ]] || return 1
        previous=$word
    done
}

has_in_order() { # texts that the answer must hold one after the other
    local rest=$compact text
    for text in "$@"; do
        [[ $rest == *"$text"* ]] || return 1
        rest=${rest#*"$text"}
    done
}

contains() { [[ $1 == *"$2"* ]]; }

occurrences() { # pattern: prints how often it occurs in the answer
    local rest=$compact count=0
    while [[ $rest =~ $1(.*)$ ]]; do
        count=$((count + 1))
        rest=${BASH_REMATCH[1]}
    done
    printf '%d' "$count"
}

# ---------------------------------------------------------------------------------------------------------------------

title "Is it there?"
call GET /health/ready
expect_status 200

call GET /v1/keyspaces/iso
if [ "$status" = 404 ]; then
    title "The sample is not loaded (deploy/load-sample.sh): a few records of our own will do"
    call PUT /v1/keyspaces/iso -H 'Content-Type: application/json' \
        -d '{"family":"strong","partitioning":"range","splitKeys":["languages/i","languages/q","subdivisions/"]}'
    expect_status 201
fi
call GET /v1/kv/iso/languages/deu
if [ "$status" = 404 ]; then
    for record in deu:German dan:Danish dec:Dagik ded:Dedua dee:Dewoin def:Dezfuli; do
        call PUT "/v1/kv/iso/languages/${record%:*}" -H 'Content-Type: application/json' \
            -d "{\"alpha_3\":\"${record%:*}\",\"name\":\"${record#*:}\"}"
        is "$status" 200 || expect_status 201
    done
fi

title "Read a key. The ETag is its version: the commit timestamp"
call GET /v1/kv/iso/languages/deu
expect_status 200
expect "the record must be the one for German" has '"name":"German"'
first=$(version)
expect "there must be an ETag" is_version "$first"
original=$body
content_type=$(header Content-Type)
expect "the content type must have been kept" is "${content_type%%;*}" application/json

title "A client that has this version already is told so"
call GET /v1/kv/iso/languages/deu -H "If-None-Match: \"$first\""
expect_status 304

title "Scan by prefix, in key order, page by page; all pages of a cursor are one snapshot"
call GET '/v1/kv/iso?prefix=languages/de&limit=2&keysOnly=true'
expect_status 200
mapfile -t page < <(keys)
expect "a page of two has two rows" is "${#page[@]}" 2
expect "all keys must have the prefix" all_begin_with languages/de "${page[@]}"
expect "the keys must ascend" ascending "${page[@]}"
snapshot=$(member readTimestamp)
cursor=$(member cursor)
expect "there must be a cursor" [ -n "$cursor" ]
call GET "/v1/kv/iso?prefix=languages/de&limit=2&keysOnly=true&cursor=$cursor"
expect_status 200
mapfile -t next < <(keys)
expect "the next page must follow the first without gap in order" ascending "${page[@]}" "${next[@]}"
expect "all keys must have the prefix" all_begin_with languages/de "${next[@]}"
expect "both pages must be of one snapshot" is "$(member readTimestamp)" "$snapshot"
call GET '/v1/kv/iso?prefix=languages/de&limit=1&keysOnly=true&reverse=true'
expect_status 200
expect "the last key must be beyond those of the first pages" ascending "${page[@]}" "${next[0]}" "$(keys)"

title "The same rows by a start key, without an end: to the last key of the keyspace"
call GET '/v1/kv/iso?start=languages/de&limit=2&keysOnly=true'
expect_status 200
expect "the rows must be those of the first page" is "$(keys)" "$(printf '%s\n' "${page[@]}")"

title "Update it, on the condition that nobody else has meanwhile"
call PUT /v1/kv/iso/languages/deu -H 'Content-Type: application/json' -H "If-Match: \"$first\"" \
    -d '{"alpha_3":"deu","name":"German","autonym":"Deutsch"}'
expect_status 200
second=$(version)
expect "the new version must be newer" newer "$second" "$first"

title "Who comes too late learns the current version, and certainly changed nothing"
call PUT /v1/kv/iso/languages/deu -H 'Content-Type: application/json' -H "If-Match: \"$first\"" -d '{"lost":"update"}'
expect_status 412
expect "the problem must be version_mismatch" problem version_mismatch
expect "the current version must be named" has "\"currentVersion\":\"$second\""
call GET /v1/kv/iso/languages/deu
expect_status 200
expect "the first update must be there" has '"autonym":"Deutsch"'
expect "with its version" is "$(version)" "$second"

title "Travel in time: the same key and the same scan as of the first version"
call GET "/v1/kv/iso/languages/deu?asOf=$first"
expect_status 200
expect "the old value must come back byte for byte" is "$body" "$original"
expect "with its version" is "$(version)" "$first"
call GET "/v1/kv/iso?prefix=languages/deu&asOf=$first"
expect_status 200
expect "the scan must show the old version" has "\"version\":\"$first\""
expect "and not the new value" has_not Deutsch
call GET '/v1/kv/iso?prefix=languages/deu'
expect_status 200
expect "the scan of now must show the new value" has Deutsch

title "The history of the key, newest first"
call GET /v1/history/iso/languages/deu
expect_status 200
expect "both versions must be there, the newer first" has_in_order "\"version\":\"$second\"" "\"version\":\"$first\""

title "Delete it. Its past stays readable"
call DELETE /v1/kv/iso/languages/deu -H "If-Match: \"$second\""
expect_status 204
call GET /v1/kv/iso/languages/deu
expect_status 404
expect "the problem must be key_not_found" problem key_not_found
call GET "/v1/kv/iso/languages/deu?asOf=$second"
expect_status 200
expect "as of its last version it must be there" has '"autonym":"Deutsch"'
call DELETE /v1/kv/iso/languages/deu
expect_status 204
call DELETE /v1/kv/iso/languages/deu -H 'If-Match: *'
expect_status 412

title "Put it back, on the condition that it does not exist"
call PUT /v1/kv/iso/languages/deu -H 'Content-Type: application/json' -H 'If-None-Match: *' -d "$original"
expect_status 201
third=$(version)
expect "the version must be newer again" newer "$third" "$second"
call PUT /v1/kv/iso/languages/deu -H 'Content-Type: application/json' -H 'If-None-Match: *' -d '{}'
expect_status 412
call GET /v1/kv/iso/languages/deu
expect "it must be as it was" is "$body" "$original"

title "Keys are any bytes: slashes, percent signs, emoji; and by base64url even NUL and 0xFF"
call PUT '/v1/kv/iso/tour/50%25/%F0%9F%8C%BB/a%2Fb%20c' -H 'Content-Type: text/plain' -d 'sunflower'
is "$status" 200 || expect_status 201
call GET '/v1/kv/iso/tour/50%25/%F0%9F%8C%BB/a%2Fb%20c'
expect_status 200
expect "the value must come back" is "$body" sunflower
call PUT '/v1/kv/iso?key64=dG91ci8A_w' -H 'Content-Type: text/plain' -d 'NUL and 0xFF'
is "$status" 200 || expect_status 201
call GET '/v1/kv/iso?key64=dG91ci8A_w'
expect_status 200
expect "the value must come back" is "$body" 'NUL and 0xFF'
call DELETE '/v1/kv/iso/tour/50%25/%F0%9F%8C%BB/a%2Fb%20c'
expect_status 204
call DELETE '/v1/kv/iso?key64=dG91ci8A_w'
expect_status 204

title "Several operations in one request: each has its own status"
call POST /v1/batch -H 'Content-Type: application/json' \
    -d '{"ops":[{"get":{"keyspace":"iso","key":"languages/deu"}},{"get":{"keyspace":"iso","key":"languages/?"}}]}'
expect_status 200
expect "the first must be found, the second not" has_in_order '"status":200' "\"version\":\"$third\"" '"status":404' '"code":"key_not_found"'

title "Several keys as one transaction, in one request: all checks hold, or nothing is written. The keys are in two ranges"
alice='"keyspace":"iso","key":"account/alice"'
bob='"keyspace":"iso","key":"tour/bob"'
for key in account/alice tour/bob; do
    call DELETE "/v1/kv/iso/$key"
    expect_status 204
done
call POST /v1/transact -H 'Content-Type: application/json' \
    -d "{\"checks\":[{$alice,\"exists\":false}],\"writes\":[{\"put\":{$alice,\"value\":\"100\"}},{\"put\":{$bob,\"value\":\"0\"}}]}"
expect_status 200
opened=$(member commitTimestamp)
expect "both must have the commit's timestamp as their version" has_in_order '"committed":true' "\"results\":[{\"version\":\"$opened\"},{\"version\":\"$opened\"}]"
call GET /v1/kv/iso/tour/bob
expect_status 200
expect "which is the ETag" is "$(version)" "$opened"
call POST /v1/transact -H 'Content-Type: application/json' -d "{\"checks\":[{$alice,\"exists\":false}],\"writes\":[{\"delete\":{$bob}}]}"
expect_status 200
expect "a check that does not hold is an answer" has_in_order '"committed":false' '"failedChecks":[{"index":0,' '"exists":false' '"results":[]'

title "Sent again with its Idempotency-Key, a request happens once and is answered twice"
once="tour-$(date +%s)-$RANDOM$RANDOM"
transfer="{\"reads\":[{$alice}],\"writes\":[{\"increment\":{$alice,\"by\":-30}},{\"increment\":{$bob,\"by\":30}}]}"
call POST /v1/transact -H 'Content-Type: application/json' -H "Idempotency-Key: $once" -d "$transfer"
expect_status 200
expect "reads see the state before, increments tell the state after" has_in_order '"found":true' '"value":"100"' '"value":70' '"value":30'
expect "it is no replay" is "$(header GrainDb-Idempotent-Replay)" ''
answered=$compact
call POST /v1/transact -H 'Content-Type: application/json' -H "Idempotency-Key: $once" -d "$transfer"
expect_status 200
expect "the answer must be the original one" is "$compact" "$answered"
expect "and say that it is" is "$(header GrainDb-Idempotent-Replay)" true
call GET /v1/kv/iso/account/alice
expect "it must have happened once" is "$body" 70
call POST /v1/transact -H 'Content-Type: application/json' -H "Idempotency-Key: $once" -d "${transfer//30/31}"
expect_status 422
expect "another request must be refused" problem idempotency_mismatch

title "An interactive transaction reads one snapshot and its own writes; nobody else sees them before the commit"
call POST /v1/txn -H 'Content-Type: application/json' -d '{"isolation":"serializable"}'
expect_status 201
txn=$(member id)
expect "the answer must say where it is" is "$(header Location)" "/v1/txn/$txn"
call GET "/v1/txn/$txn/kv/iso/account/alice"
expect_status 200
expect "the snapshot must have the newest value" is "$body" 70
call PUT "/v1/txn/$txn/kv/iso/account/alice" -H 'Content-Type: text/plain' -d 60
expect_status 204
call PUT "/v1/txn/$txn/kv/iso/tour/bob" -H 'Content-Type: text/plain' -d 40
expect_status 204
call GET "/v1/txn/$txn/kv/iso?prefix=account/"
expect_status 200
expect "its own write must be in its scan" has '"value":"60"'
call GET /v1/kv/iso/account/alice
expect "and nowhere else" is "$body" 70
call POST "/v1/txn/$txn/commit"
expect_status 200
committed=$(member commitTimestamp)
expect "there must be a commit timestamp" newer "$committed" "$opened"
for key in account/alice tour/bob; do
    call GET "/v1/kv/iso/$key"
    expect_status 200
    expect "every key must have it as its version" is "$(version)" "$committed"
done
call GET "/v1/txn/$txn"
expect_status 200
expect "the transaction must be known as committed" has_in_order '"status":"committed"' "\"commitTimestamp\":\"$committed\""

title "Of two that write the same key the first to commit wins. The other learns where, and begins again"
call POST /v1/txn
expect_status 201
one=$(member id)
call POST /v1/txn
expect_status 201
two=$(member id)
for txn in "$one" "$two"; do
    call PUT "/v1/txn/$txn/kv/iso/account/alice" -H 'Content-Type: text/plain' -d 50
    expect_status 204
done
call POST "/v1/txn/$one/commit"
expect_status 200
call POST "/v1/txn/$two/commit"
expect_status 409
expect "the problem must be txn_conflict" problem txn_conflict
expect "and name the key" has "\"keys\":[{$alice}]"
call POST /v1/txn
expect_status 201
call POST "/v1/txn/$(member id)/rollback"
expect_status 204
for key in account/alice tour/bob; do
    call DELETE "/v1/kv/iso/$key"
    expect_status 204
done

title "Weaker reads may come from the nearest replica. A session sees its own writes wherever it reads"
call PUT /v1/kv/iso/tour/session -H 'GrainDb-Consistency: all' -d 'mine'
is "$status" 200 || expect_status 201
mine=$(version)
session=$(header GrainDb-Session)
expect "there must be a token" [ -n "$session" ]
call GET /v1/kv/iso/tour/session -H 'GrainDb-Consistency: session' -H "GrainDb-Session: $session"
expect_status 200
expect "the session must see its write" is "$(version)" "$mine"
call GET '/v1/kv/iso/tour/session?consistency=bounded;max-staleness-ms=60000'
is "$status" 404 || expect_status 200
staleness=$(header GrainDb-Staleness-Ms)
expect "nothing older than the bound, not '$staleness' ms" [ "$staleness" -le 60000 ]
call GET '/v1/kv/iso/tour/session?consistency=eventual'
is "$status" 404 || expect_status 200
expect "the answer must say who served it" contains "$(header GrainDb-Served-By)" 'role='
call GET /v1/kv/iso/tour/session -H 'GrainDb-Consistency: all'
expect_status 400
expect "the problem must be unsupported_for_family" problem unsupported_for_family

title "How did an answer come about?"
call GET '/v1/kv/iso/tour/session?explain=true'
expect_status 200
expect "a linearizable read is the leader's" has_in_order '"level":"linearizable"' '"found":true' "\"version\":\"$mine\"" '"role":"leader"' '"stalenessMs":0'
expect "every replica must be named" has '"replicas":[{"node":'
call PUT '/v1/kv/iso/tour/session?explain=true' -d 'mine again'
expect_status 200
expect "the write must be explained" has_in_order '"level":"quorum"' '"version":"' '"existed":true'
call DELETE /v1/kv/iso/tour/session
expect_status 204

title "Following changes: where the feed stands, two writes, and what came behind"
call GET '/v1/watch/iso?prefix=tour/&wait=0s'
expect_status 200
expect "nothing can have happened yet" has '"events":[]'
cursor=$(member cursor)
call PUT /v1/kv/iso/tour/watched -d 'one'
expect_status 201
watched=$(version)
call DELETE /v1/kv/iso/tour/watched
expect_status 204
call GET "/v1/watch/iso?prefix=tour/&from=$cursor&wait=10s"
expect_status 200
expect "both must come, in order" has_in_order '"event":"put"' '"key":"tour/watched"' "\"version\":\"$watched\"" '"event":"delete"' "\"prev\":\"$watched\""

title "The same as a stream of events"
printf '$ curl -N '\''%s'\''\n' "$endpoint/v1/watch/iso?prefix=tour/&from=$cursor"
compact=$(curl -sS -N -m 10 "$endpoint/v1/watch/iso?prefix=tour/&from=$cursor" 2>/dev/null |
    while IFS= read -r line; do
        printf '%s ' "$line"
        if [[ $line == *'"prev":'* ]]; then break; fi
    done) || true # curl is cut off in the middle
printf '%.320s\n' "$compact"
expect "both events must come" has_in_order 'event: put' "\"version\":\"$watched\"" 'id: ' 'event: delete' "\"prev\":\"$watched\""
call GET "/v1/watch/iso?from=$cursor&wait=0s"
expect_status 400
expect "a cursor belongs to its prefix" problem invalid_request

title "Where does the key live? Whoever served it must say the same"
call GET /v1/kv/iso/languages/deu
expect_status 200
served_by=$(header GrainDb-Served-By)
call GET '/v1/ring/locate?keyspace=iso&key=languages/deu&replicas=3'
expect_status 200
leader=$(member leader)
range=$(member range)
[[ $compact =~ \"replicas\":\[([^]]*)\] ]] || stop "there must be replicas"
expect "the leader must be among the replicas" contains "${BASH_REMATCH[1]}" "\"$leader\""
expect "the read must have been served by leader $leader of range $range, not by '$served_by'" \
    contains "$served_by" "range=$range, node=$leader, role=leader"

title "An order: stock, payment and shipment together, or none of them"
order="tour-$RANDOM-$RANDOM"
call PUT "/v1/inventory/tour-apple" -H 'Content-Type: application/json' -d '{"available":100,"price":"9.90"}'
[ "$status" = 201 ] || expect_status 200
call PUT "/v1/payments/accounts/tour-ada" -H 'Content-Type: application/json' -d '{"balance":"50.00"}'
[ "$status" = 201 ] || expect_status 200
call POST /v1/orders -H 'Content-Type: application/json' -d "{\"id\":\"$order\",\"customer\":\"Ada\",\"lines\":[{\"sku\":\"tour-apple\",\"quantity\":2}],\"payment\":{\"account\":\"tour-ada\"}}"
expect_status 202
call GET "/v1/orders/$order?wait=30s"
expect_status 200
expect "it must be completed, with its amount" has_in_order "\"id\":\"$order\"" '"status":"completed"' '"amount":"19.80"'
call GET "/v1/shipments/$order"
expect_status 200
expect "it must be shipped" has_in_order '"status":"created"'
call GET /v1/payments/accounts/tour-ada
expect "it must be paid" has_in_order '"balance":"30.20"'
call GET "/v1/sagas/$order"
expect_status 200
expect "its saga must be completed" has_in_order '"definition":"process_order"' '"status":"completed"' '"pastPivot":true'
call GET "/v1/sagas/$order/history"
expect_status 200
expect "the history must tell everything" has_in_order '"sequence":0,"event":"started"' '"event":"stepScheduled"' '"event":"stepCompleted"' '"event":"pivotPassed"' '"event":"ended"' '"complete":true'
call GET "/v1/sagas/$order/events" -H 'Last-Event-ID: 0'
expect_status 200
expect "the stream must begin behind the first and end with the saga" has_in_order 'id:1event:stepScheduled' 'event:ended'
call POST "/v1/sagas/$order/cancel" -H 'Content-Type: application/json' -d '{"reason":"too late"}'
expect_status 409
expect "the problem must be saga_past_pivot" problem saga_past_pivot
call POST /v1/orders -H 'Content-Type: application/json' -d "{\"id\":\"$order-dear\",\"customer\":\"Ada\",\"lines\":[{\"sku\":\"tour-apple\",\"quantity\":20}],\"payment\":{\"account\":\"tour-ada\"}}"
expect_status 202
call GET "/v1/orders/$order-dear?wait=30s"
expect "what cannot be paid must be undone" has_in_order '"status":"compensated"'
call GET /v1/inventory/tour-apple
expect "its articles must be back in stock" has_in_order '"available":98'
call GET "/v1/shipments/$order-dear"
expect_status 404
expect "the problem must be shipment_not_found" problem shipment_not_found

title "Sagas: a definition that cannot be used is told everything that is wrong with it"
call PUT /v1/saga-definitions/tour/1 -H 'Content-Type: application/json' -d '{"steps":[{"name":"a b","service":"nobody","action":"do"},{"name":"two","service":"nobody","action":"do","kind":"pivot","input":"$.steps.three"}]}'
expect_status 400
expect "the problem must be invalid_request" problem invalid_request
expect "all problems must be named" has_in_order 'nocompensation' 'isnostepbefore'
call GET /v1/saga-definitions
expect_status 200
call GET '/v1/sagas?status=stuck&limit=5'
expect_status 200
expect "a list has items" has '"items":['
call GET /v1/sagas/no-such-saga
expect_status 404
expect "the problem must be saga_not_found" problem saga_not_found
call POST /v1/sagas -H 'Content-Type: application/json' -d '{"definition":"no-such-definition"}'
expect_status 404
expect "the problem must be saga_definition_not_found" problem saga_definition_not_found

title "Who leads the range, and may it be led there? Asking for what is so already changes nothing"
call GET "/v1/ranges/$range"
expect_status 200
expect "the range must name leader, epoch and the positions of its replicas" has_in_order "\"leader\":\"$leader\"" '"epoch":' '"replicas":[' '"lsn":' '"applied":' '"lag":'
call POST "/v1/ranges/$range/transfer-leader" -H 'Content-Type: application/json' -d "{\"node\":\"$leader\"}"
expect_status 202
call POST "/v1/ranges/$range/transfer-leader" -H 'Content-Type: application/json' -d '{"node":"no-such-node"}'
expect_status 400
expect "the problem must be invalid_request" problem invalid_request

title "What would a further node change? Nothing moves between the old ones"
call GET /v1/ring
expect_status 200
region=$(member name)
nodes=$(occurrences '"virtualNodes":')
expect "there must be nodes" [ "$nodes" -gt 0 ]
equal=$(occurrences '"weight":1,')
call POST /v1/ring/plan -H 'Content-Type: application/json' -d "{\"add\":[{\"name\":\"tour-node\",\"region\":\"$region\",\"weight\":1}]}"
expect_status 200
flows=$(occurrences '"from":"[^"]*","to":"[^"]*","fraction":')
to_new=$(occurrences '"from":"[^"]*","to":"tour-node","fraction":')
expect "every flow must lead to the new node" is "$flows" "$to_new"
expect "every old node must give something" is "$flows" "$nodes"
if [ "$equal" = "$nodes" ]; then
    [[ $compact =~ \"primaries\":0\.([0-9]+) ]] || stop "there must be a fraction of moved primaries"
    moved=${BASH_REMATCH[1]}0000
    moved=$((10#${moved:0:4}))
    expected=$((10000 / (nodes + 1)))
    expect "about 1/$((nodes + 1)) of the keys must move, not $moved of 10000" [ "$((moved > expected ? moved - expected : expected - moved))" -le 300 ]
fi

title "Eventual keyspaces: two that did not see each other write the same key, and both values stand"
json='Content-Type: application/json'
for keyspace in tour-carts tour-hits; do # of a tour that was stopped
    call DELETE "/v1/keyspaces/$keyspace?confirm=$keyspace"
    is "$status" 404 || expect_status 204
done
call PUT /v1/keyspaces/tour-carts -H "$json" -d '{"family":"eventual","partitions":4}'
expect_status 201
expect "concurrent writes are kept as siblings, unless the keyspace says otherwise" has '"conflict":"siblings"'
call PUT /v1/kv/tour-carts/ada -H 'Content-Type: text/plain' -d milk
expect_status 201
call PUT '/v1/kv/tour-carts/ada?consistency=all' -H 'Content-Type: text/plain' -d eggs
expect_status 200
expect "the answer must say what each replica did" contains "$(header GrainDb-Replicas)" '=ok'
call GET /v1/kv/tour-carts/ada
expect_status 300
expect "both values must stand" has '"value":"milk"'
expect "and the other one" has '"value":"eggs"'
seen=$(header GrainDb-Context)

title "A write with the context of what was read takes the place of what was seen, everywhere"
call PUT /v1/kv/tour-carts/ada -H 'Content-Type: text/plain' -H "GrainDb-Context: $seen" -d 'milk and eggs'
expect_status 200
call GET '/v1/kv/tour-carts/ada?consistency=all'
expect_status 200
expect "there must be one value" is "$body" 'milk and eggs'
call GET '/v1/kv/tour-carts/ada?explain=true'
expect_status 200
expect "each replica's clock must be there" has '"clock":"{'
call GET '/v1/conflicts?keyspace=tour-carts'
expect_status 200
expect "what the writer decided is listed, with what lost" has_in_order '"resolvedBy":"writer"' '"losers":[' '"value":"milk"'
call POST "/v1/conflicts/$(member id)/resolve" -H "$json" -d '{"accept":true}'
expect_status 200
expect "and not any more when somebody has looked at it" has '"dismissed":true'
call DELETE /v1/kv/tour-carts/ada
expect_status 204
call GET /v1/kv/tour-carts/ada
expect_status 404
expect "a deletion can be seen too" [ -n "$(header GrainDb-Context)" ]
call GET /v1/kv/tour-carts/ada -H 'GrainDb-Consistency: session'
expect_status 400
expect "the problem must be unsupported_for_family" problem unsupported_for_family

title "A counter counts once what is sent twice with the same Idempotency-Key"
call PUT /v1/keyspaces/tour-hits -H "$json" -d '{"family":"eventual","conflict":"crdt:counter","partitions":4}'
expect_status 201
for _ in first again; do
    call POST /v1/crdt/tour-hits/home -H "$json" -H 'Idempotency-Key: tour-hit-1' -d '{"increment":2}'
    expect_status 200
done
expect "the second one must be known" is "$(header GrainDb-Idempotent-Replay)" true
call POST /v1/crdt/tour-hits/home -H "$json" -d '{"increment":-1}'
expect_status 200
call GET /v1/crdt/tour-hits/home
expect_status 200
expect "2 - 1 must be 1" has '"type":"counter","value":1,'
for keyspace in tour-carts tour-hits; do
    call DELETE "/v1/keyspaces/$keyspace?confirm=$keyspace"
    expect_status 204
done

title "Errors are problem documents that say what is certain"
call GET /v1/kv/no-such-keyspace/key
expect_status 404
expect "the problem must be keyspace_not_found" problem keyspace_not_found
call GET '/v1/kv/iso?limit=0'
expect_status 400
expect "the problem must be invalid_request" problem invalid_request

printf '\ntour: %d checks passed\n' "$checks"
