"""What `/api/status` shows of the recorder: its counts and figures, put together once a second.

Law: reads and changes nothing; every value is a number, a word of our own or a name of the configuration.
"""

from proxy.committer import Committer
from proxy.health import Figures, Health, Tally, shown
from proxy.intake import Intake
from proxy.others import resident_bytes

Shown = dict[str, object]


def status_of(
    figures: Figures, health: Health, intake: Intake, committer: Committer, *, since_s: float, now_s: float, unread: int
) -> Shown:
    tally = intake.tally
    return {
        "since": since_s, "calls": tally.calls, "pairs": tally.pairs, "exchanges": _exchanges(tally), "decisions": tally.by_target(),
        "coverage": tally.mirrored.told(), "spend": tally.spend(), "orphans": tally.orphans, "workers_died": tally.workers_died,
        "journal": _journal(figures, intake, unread),
        "store": {"holder": committer.trouble or None, "waiting_s": round(figures.store_waiting_s, 1),
                  "waiting_bytes": intake.rounds.waiting, "commits": committer.commits},
        "memory": {"max_bytes": intake.memory.total, "process_bytes": resident_bytes(), "parts": intake.remembered()},
        "processes": {name: shown(beat, now_s) for name, beat in sorted(intake.beats.items())},
        "health": {"ready": health.ready, "reasons": list(health.reasons)},
    }  # fmt: skip


def _exchanges(tally: Tally) -> list[Shown]:
    return [
        {"role": role, "target": target, "outcome": outcome, "count": count}
        for (role, target, outcome), count in tally.exchanges.most_common()
    ]


def _journal(figures: Figures, intake: Intake, unread: int) -> Shown:
    """`lost`: all events and bodies; of these `dropped` as writers tell, and `missed` as nobody does."""
    return {
        "lag_s": round(figures.lag_s, 2), "bytes": figures.journal_bytes, "max_bytes": figures.journal_max_bytes,
        "room_bytes": figures.journal_room_bytes, "segments": len(intake.rounds.segments) + unread, "lost": figures.dropped,
        "missed": intake.missed,
        "dropped": [{"process": process, **each.dropped} for process, each in intake.losses.values() if each.dropped],
    }  # fmt: skip
