"""Proxy health: what the proxy itself adds, whether facts reach the store, and what runs here."""

from grafana.board import Board, Row
from grafana.boards.overview import NEW_MODEL
from grafana.panels import BYTES, COUNT, PER_S, TIME, figure, lines, rows
from grafana.queries import ROUTE, TARGET, Query, latest, per_s, quantile, series, summed

NO_CALLS = "No calls in this time"
DEAD = "No recorder is scraped: figures are gone, calls go on"
LAG = ((None, "green"), (30, "orange"), (120, "red"))


def _gauge(name: str, by: str, legend: str) -> Query:
    return Query(latest(name, by), legend)


_GLANCE = Row("At a glance", [
    figure("Recorders", "How many recorders answer Prometheus. One for each replica.", COUNT, Query(f"count({series('build_info')})", "recorders"),
           empty=DEAD, decimals=0),
    figure("Overhead, p50", "What the proxy itself added to half of the calls at most.", TIME, Query(quantile(0.5, "overhead_seconds", ""), "p50"),
           empty=NO_CALLS, steps=((None, "green"), (0.005, "orange"), (0.025, "red"))),
    figure("Overhead, p99", "What the proxy itself added to 99 of 100 calls at most.", TIME, Query(quantile(0.99, "overhead_seconds", ""), "p99"),
           empty=NO_CALLS, steps=((None, "green"), (0.01, "orange"), (0.1, "red"))),
    figure("Journal behind", "Age of the oldest sealed facts that are not in the store yet.", TIME,
           Query(f"max({series('journal_lag_seconds')})", "lag"), empty=DEAD, steps=LAG, decimals=1),
    figure("Journal on disk", "Bytes of all segments. At the cap new bodies and calls are dropped, and counted.", BYTES,
           Query(f"max({series('journal_bytes')})", "bytes"), empty=DEAD),
    figure("Facts lost", "Events or bodies that the journal lost since the recorder started. Clients notice nothing; figures miss them.", COUNT,
           Query(f"{summed(series('journal_dropped_total'))} or 0 * sum({series('build_info')})", "lost"), empty=DEAD, decimals=0,
           steps=((None, "green"), (1, "red"))),
])  # fmt: skip

_PATH = Row("On the clients' path", [
    lines("Overhead", "What the proxy itself added to calls: between the request's and the upstream's bytes, and back.", TIME,
          [Query(quantile(q, "overhead_seconds", ""), f"p{q * 100:g}") for q in (0.5, 0.95, 0.99)], empty=NO_CALLS, size=(8, 8)),
    lines("Loop lag", "The longest delay of each worker's loop between two beats: whatever blocks it delays every call.", TIME,
          [_gauge("loop_lag_seconds", "process, instance", "{{process}} at {{instance}}")], empty="No worker has beaten yet", size=(8, 8)),
    lines("In flight", "Calls under way in each process.", COUNT, [_gauge("in_flight", "process, instance", "{{process}} at {{instance}}")],
          empty="No process has beaten yet", size=(8, 8)),
    lines("Recognised calls", "Calls each second by route that were recognised, and so recorded.", PER_S,
          [Query(per_s(series("calls_total", ROUTE, 'seen="true"'), "route"), "{{route}}")], empty=NO_CALLS),
    lines("Passed through", "Requests each second that passed without being recognised as calls: not recorded, not compared.", PER_S,
          [Query(per_s(series("passthrough_total", ROUTE), "route"), "{{route}}")], empty="Every request was a call that we know"),
])  # fmt: skip

_RECORDER = Row("From the journal to the store", [
    lines("Journal behind", "Age of the oldest sealed facts that are not in the store yet.", TIME,
          [_gauge("journal_lag_seconds", "instance", "{{instance}}")], empty=DEAD, size=(6, 8)),
    lines("Journal on disk", "Bytes of all segments: what is written and not in the store yet, or not passed by the shadow.", BYTES,
          [_gauge("journal_bytes", "instance", "{{instance}}")], empty=DEAD, size=(6, 8)),
    lines("Room for the journal", "Bytes it may still grow by: to its cap or to the end of its disk. At 0 new bodies and calls are dropped, and counted.", BYTES,
          [_gauge("journal_room_bytes", "instance", "{{instance}}")], empty=DEAD, size=(6, 8)),
    lines("Facts lost", "Events or bodies that the journal lost, by process and reason, since the recorder started.", COUNT,
          [Query(summed(series("journal_dropped_total"), "process, reason"), "{{process}}: {{reason}}")],
          empty="Nothing was lost since the recorder started", size=(6, 8)),
    lines("Commit", "Time of one commit to the store, waiting for its lock included. Metrics and the guard do not wait for it.", TIME,
          [Query(quantile(q, "store_commit_seconds", ""), f"p{q * 100:g}") for q in (0.5, 0.95)], empty="Nothing was committed in this time"),
    lines("Commits", "Commits each second.", "ops", [Query(per_s(series("store_commit_seconds_count")), "commits")],
          empty="Nothing was committed in this time"),
])  # fmt: skip

_RUNS = Row("What runs here", [
    rows("Served models", "What each target lately said it was. A name that is new without a change of yours is a silent change of model.",
         ("target", "model"), Query(f"count by (target, model) ({series('served_model_info', TARGET)})", instant=True, table=True),
         empty="No answer named its model"),
    rows("Builds", "Version and configuration of each recorder. Two configurations for long: a reload that did not reach everybody.",
         ("instance", "version", "config"), Query(latest("build_info", "instance, version, config"), instant=True, table=True), empty=DEAD),
])  # fmt: skip

BOARD = Board(
    "proxy-health", "Proxy health", "What the proxy itself adds, whether facts reach the store, and what runs here.", ("route", "target"),
    (_GLANCE, _PATH, _RECORDER, _RUNS), (NEW_MODEL,),
)  # fmt: skip
