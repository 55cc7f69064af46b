#!/usr/bin/env bash
# Loads a real public data set into the keyspace `iso` over HTTP: the ISO codes for languages, countries, their
# subdivisions, currencies and scripts, from Debian's package `iso-codes`; about 13 600 records.
#
#   deploy/load-sample.sh [ENDPOINT]     http://localhost:8080 by default
#
# Takes the files from /usr/share/iso-codes when the package is installed; else installs it (as root), or downloads and
# unpacks it below artifacts/. ISO_CODES_DIR names a directory that holds them already. Running it again changes nothing but
# versions. Exit codes: 0 loaded and counted again by scans; 1 not; 2 wrong use; 3 the data set cannot be had here.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
endpoint=${1:-http://localhost:8080}
endpoint=${endpoint%/}
keyspace=iso
min_records=5000

say() { printf '%s\n' "$*"; }
fail() { printf 'load-sample: %s\n' "$2" >&2; exit "$1"; }

[ $# -le 1 ] || fail 2 "usage: $0 [ENDPOINT]"
command -v curl >/dev/null || fail 2 "needs curl"
command -v dotnet >/dev/null || fail 2 "needs the .NET SDK"

# ---- the data set

installed=/usr/share/iso-codes/json
unpacked=$repository/artifacts/iso-codes

has_files() { [ -s "$1/iso_639-3.json" ] && [ -s "$1/iso_3166-2.json" ]; }

install_package() {
    [ "$(id -u)" = 0 ] || return 1
    say "installing the package iso-codes"
    apt-get -o DPkg::Lock::Timeout=60 install -y -qq --no-install-recommends iso-codes >/dev/null 2>&1 && return
    apt-get -o DPkg::Lock::Timeout=60 update -qq >/dev/null 2>&1 &&
        apt-get -o DPkg::Lock::Timeout=60 install -y -qq --no-install-recommends iso-codes >/dev/null 2>&1
}

unpack_package() {
    command -v dpkg-deb >/dev/null || return 1
    say "downloading the package iso-codes into artifacts/iso-codes"
    mkdir -p "$unpacked"
    (cd "$unpacked" && apt-get download -qq iso-codes >/dev/null 2>&1 && dpkg-deb -x iso-codes_*.deb .)
}

find_files() {
    local candidates=("${ISO_CODES_DIR:-$installed}" "$unpacked$installed") candidate
    for candidate in "${candidates[@]}"; do
        if has_files "$candidate"; then
            files=$candidate
            return 0
        fi
    done
    return 1
}

if ! find_files; then
    [ -z "${ISO_CODES_DIR:-}" ] || fail 3 "ISO_CODES_DIR=$ISO_CODES_DIR holds no iso_639-3.json and iso_3166-2.json"
    command -v apt-get >/dev/null || fail 3 "the ISO codes come as Debian's package iso-codes, and there is no apt-get here; unpack it and set ISO_CODES_DIR"
    install_package || unpack_package || fail 3 "Debian's package iso-codes could neither be installed nor downloaded; unpack it and set ISO_CODES_DIR"
    find_files || fail 3 "the package iso-codes does not hold the files that are expected"
fi
say "data set: $files"

# ---- the keyspace: in key order, cut where the data has about equal parts

body=$(mktemp)
trap 'rm -f "$body"' EXIT
status=$(curl -sS -o "$body" -w '%{http_code}' -X PUT "$endpoint/v1/keyspaces/$keyspace" -H 'Content-Type: application/json' \
    -d '{"family":"strong","partitioning":"range","splitKeys":["languages/i","languages/q","subdivisions/"]}') || fail 1 "no answer from $endpoint"
case $status in
    201) say "keyspace $keyspace created" ;;
    200) say "keyspace $keyspace exists" ;;
    *) fail 1 "keyspace $keyspace: status $status: $(cat "$body")" ;;
esac

# ---- the records

tool=$repository/test/LoadTool/bin/Release/net10.0/loadtool.dll
if [ ! -f "$tool" ]; then
    dotnet build -c Release "$repository/test/LoadTool" --nologo -v quiet || fail 1 "test/LoadTool does not build"
fi

total=0
import() { # file array field prefix
    local output
    output=$(dotnet "$tool" import --endpoints "$endpoint" --keyspace "$keyspace" \
        --file "$files/$1" --array-path "$2" --key-from "$3" --prefix "$4") || fail 1 "import of $1 failed"
    say "$output"
    [[ $output =~ imported\ ([0-9]+)\ records ]] || fail 1 "import of $1 did not say how much it imported"
    total=$((total + BASH_REMATCH[1]))
}

import iso_639-3.json 639-3 alpha_3 languages/
import iso_3166-1.json 3166-1 alpha_2 countries/
import iso_3166-2.json 3166-2 code subdivisions/
import iso_4217.json 4217 alpha_3 currencies/
import iso_15924.json 15924 alpha_4 scripts/

[ "$total" -ge "$min_records" ] || fail 1 "only $total records, expected at least $min_records"
say "loaded $total records into $keyspace, all found again by scans"
