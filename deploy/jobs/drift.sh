#!/bin/sh
# Has anything changed that nobody announced? Ends with 1 when it has, so that whoever watches jobs hears of it; "not known" (3) is no alarm.
set -eu
config=${UNDERSTUDY_CONFIG:-/etc/understudy/understudy.toml}
code=0
understudy drift --config "$config" --since 1d --against 14d || code=$?
[ "$code" -ne 3 ] || exit 0
exit "$code"
