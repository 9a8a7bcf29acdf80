#!/bin/sh
# The council's report of the week as a page and as JSON; next week's says what changed since.
set -eu
config=${UNDERSTUDY_CONFIG:-/etc/understudy/understudy.toml}
state=${UNDERSTUDY_STATE:-/var/lib/understudy}
mkdir -p "$state/reports"
today=$state/reports/council-$(date -u +%F)
last=$(find "$state/reports" -name 'council-*.json' ! -path "$today.json" | sort | tail -n 1)
understudy score --config "$config" --quiet
for kind in html json; do
    understudy report --council --config "$config" --since 7d ${last:+--last "$last"} --out "$today.$kind"
done
