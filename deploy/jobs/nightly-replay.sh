#!/bin/sh
# Yesterday's calls to tomorrow's model, anonymized, with a limit in dollars; ends with the gate's exit code (0, 1, 3, 4).
# A second start on the same day goes on where the first one stopped. Archives are kept for two weeks.
set -eu
config=${UNDERSTUDY_CONFIG:-/etc/understudy/understudy.toml}
state=${UNDERSTUDY_STATE:-/var/lib/understudy}
night=$(date -u +%F)
mkdir -p "$state/archives" "$state/reports"
find "$state/archives" -name 'night-*.jsonl.zst' -mtime +14 -exec rm {} +
archive=$state/archives/night-$night.jsonl.zst
resume=--resume
if ! [ -e "$archive" ]; then
    understudy archive export --config "$config" --since 24h --sample "${NIGHTLY_CALLS:-500}" --out "$archive"
    resume=
fi
# shellcheck disable=SC2086 (no word when there is nothing to resume)
exec understudy replay "$archive" --config "$config" --to "${NIGHTLY_TO:-small}" --pace "${NIGHTLY_PACE:-1/s}" \
    --limit-usd "${NIGHTLY_LIMIT_USD:-5}" --run "night-$night" $resume --gate --report "$state/reports/night-$night.html"
