"""Starts, watches and restarts the processes of `serve`; never touches a call.

Law: the sockets are bound here, once, and handed down, so replacing a child refuses nobody. What ends is restarted (0.1 s, doubling to
2 s, forgiven after 10 s of health); until then `stand_in.py` answers for the recorder. SIGTERM drains in the order of the flow: workers,
shadow, recorder. When this process is killed the children go on; the next `serve` takes their sockets over and retires them.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from proxy import handover
from proxy.addresses import host_port
from proxy.config import Config, ConfigError, Fault
from proxy.inheritance import Inherited, Key, hand_down
from proxy.logs import log
from proxy.serve_file import NAME as SERVE_FILE
from proxy.serve_file import Ended, Serving, announce, serving
from proxy.stand_in import BACKLOG, standing_in

ENDED_KEPT = 20
BACKOFF_FIRST_S, BACKOFF_MAX_S, HEALTHY_AFTER_S = 0.1, 2.0, 10.0
# Large bodies are mapped and unmapped by every malloc otherwise: 671 µs a 400 kB call against 419 (glibc reads these at start only).
WORKER_ENVIRONMENT = {
    "MALLOC_MMAP_THRESHOLD_": "67108864",
    "MALLOC_TRIM_THRESHOLD_": "536870912",
    "MALLOC_TOP_PAD_": "16777216",
}


@dataclass(slots=True)
class _Child:
    role: str
    name: str
    process: asyncio.subprocess.Process | None = None
    wanted: bool = True
    backoff_s: float = BACKOFF_FIRST_S
    started_at: float = 0.0
    restarts: int = 0
    task: asyncio.Task[None] | None = None
    settings: Inherited | None = None


@dataclass(slots=True)
class Supervisor:
    """`run` returns the exit code. `reread` loads the configuration again for SIGHUP."""

    config: Config
    config_file: Path
    key: Key
    reread: Callable[[], Config]
    say: Callable[[str], None]
    _children: dict[str, _Child] = field(default_factory=dict[str, _Child])
    _retired: list[_Child] = field(default_factory=list[_Child])
    _sockets: dict[str, socket.socket] = field(default_factory=dict[str, socket.socket])
    _ended: list[Ended] = field(default_factory=list[Ended])
    _lock_fd: int = -1

    async def run(self) -> int:
        former = self._claim()
        self._bind(former)
        loop, stop, reload = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, reload.set)
        for name, role in self._plan(self.config):
            self._start(role, name)
        if former is not None:
            await self._retire_former(former)
        self._announce()
        while not stop.is_set():
            await _first_of(stop, reload)
            if reload.is_set() and not stop.is_set():
                reload.clear()
                await self._reload()
        await self._drain()
        return 0

    # ---- taking the place

    def _claim(self) -> Serving | None:
        """The lock that only one living supervisor holds; returns what a dead one left."""
        folder = self.config.journal_folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_fd = os.open(folder / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = serving(folder)
            found = f"in use by the `understudy serve` with pid {holder.pid}" if holder else "in use by another `understudy serve`"
            raise ConfigError([self._fault("store.journal", found, "a folder of its own")]) from None
        return serving(folder)

    def _fault(self, key: str, found: str, expected: str) -> Fault:
        return Fault(file=str(self.config_file), key=key, found=found, expected=expected)

    def _bind(self, former: Serving | None) -> None:
        faults: list[Fault] = []
        for name in ("listen", "admin"):
            address = getattr(self.config.server, name)
            try:
                self._sockets[name] = _bound(address)
            except OSError as error:
                taken = _taken_over(former, name, address) if error.errno == errno.EADDRINUSE else None
                if taken is None:
                    faults.append(self._fault(f"server.{name}", f"{address} ({error.strerror or error})", "an address that is free"))
                else:
                    self._sockets[name] = taken
        if faults:
            raise ConfigError(faults)

    async def _retire_former(self, former: Serving) -> None:
        """End the children of a supervisor that was killed; the sockets are ours by now, or theirs and shared."""
        alive = [pid for name, pid in former.children.items() if _is_ours(pid, name)]
        if alive:
            log.info("serve.took_over", pids=alive)
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def _announce(self) -> None:
        self._retired = [child for child in self._retired if child.task is not None and not child.task.done()]
        everyone = [*self._retired, *self._children.values()]  # of two with one name the younger is told: the other is leaving
        where = Serving(
            pid=os.getpid(),
            listen=address_of(self._sockets["listen"]),
            admin=address_of(self._sockets["admin"]),
            children={child.name: child.process.pid for child in everyone if child.process is not None},
            ended=self._ended,
        )
        announce(self.config.journal_folder, where)

    # ---- the children

    @staticmethod
    def _plan(config: Config) -> list[tuple[str, str]]:
        workers = [(f"worker-{number}", "worker") for number in range(config.server.workers)]
        return [*workers, ("shadow", "shadow"), ("recorder", "recorder")]

    def _start(self, role: str, name: str, *, again: bool = False) -> None:
        key = b"" if role == "worker" else self.key.value
        settings = Inherited(config=self.config, config_file=str(self.config_file), key=key, again=again)
        child = self._children[name] = _Child(role, name, settings=settings)
        child.task = asyncio.get_running_loop().create_task(self._watch(child), name=name)

    async def _watch(self, child: _Child) -> None:
        """Keep one child running for as long as it is wanted."""
        while child.wanted and (settings := child.settings) is not None:
            child.started_at = time.monotonic()
            child.process = await self._spawn(child)
            self._announce()
            code = await child.process.wait()
            if not child.wanted:
                return
            if time.monotonic() - child.started_at > HEALTHY_AFTER_S:
                child.backoff_s = BACKOFF_FIRST_S
            child.restarts += 1
            child.settings = msgspec.structs.replace(settings, again=True)
            self._ended = [*self._ended[1 - ENDED_KEPT :], Ended(name=child.name, code=code, at=time.time())]
            log.warning("process.ended", child=child.name, code=code, restarts=child.restarts, again_in_s=child.backoff_s)
            async with self._stand_in(child, code):
                await asyncio.sleep(child.backoff_s)
            child.backoff_s = min(child.backoff_s * 2, BACKOFF_MAX_S)

    def _stand_in(self, child: _Child, code: int) -> contextlib.AbstractAsyncContextManager[None]:
        if child.role != "recorder":
            return contextlib.nullcontext()
        why = f"the recorder ended (code {code}) and is started again in {child.backoff_s:.1f} s; calls go on and are recorded then"
        return standing_in(self._sockets["admin"], why)

    async def _spawn(self, child: _Child) -> asyncio.subprocess.Process:
        assert child.settings is not None
        settings = hand_down(child.settings)
        words = [sys.executable, "-P", "-m", "understudy", child.role, "--settings-fd", str(settings), "--name", child.name]
        descriptors = [settings]
        if (sock := self._sockets.get({"worker": "listen", "recorder": "admin"}.get(child.role, ""))) is not None:
            descriptors.append(sock.fileno())
            words += ["--listen-fd", str(sock.fileno())]
        environment = os.environ | (WORKER_ENVIRONMENT if child.role == "worker" else {})
        try:
            return await asyncio.create_subprocess_exec(*words, pass_fds=descriptors, env=environment, stdin=asyncio.subprocess.DEVNULL)
        finally:
            os.close(settings)

    async def _reload(self) -> None:
        """SIGHUP: the new configuration in new processes, or the old one and a reason. Sockets stay as they are bound."""
        try:
            config = self.reread()
        except ConfigError as error:
            for fault in error.faults:
                self.say(str(fault))
            return log.warning("config.kept", faults=len(error.faults))
        if (config.server.listen, config.server.admin) != (self.config.server.listen, self.config.server.admin):
            log.warning("config.address_kept", listen=self.config.server.listen, admin=self.config.server.admin)
        former = list(self._children.values())
        self.config, self._children = config, {}
        self._retired += former
        for name, role in self._plan(config):
            if role == "worker":
                self._start(role, name)
        # calls under way may take minutes: shadow and recorder do not wait for the workers that answer them
        old = [child for child in former if child.role == "worker"]
        leaving = asyncio.get_running_loop().create_task(self._end(old, config.server.drain_s + 5))
        for role in ("shadow", "recorder"):
            await self._end([child for child in former if child.role == role], 15.0)
            self._start(role, role, again=True)
        await leaving
        log.info("config.reloaded", config=config.hash)

    async def _drain(self) -> None:
        everyone = [*self._children.values(), *self._retired]
        for role, wait_s in (("worker", self.config.server.drain_s + 5), ("shadow", 15.0), ("recorder", 30.0)):
            await self._end([child for child in everyone if child.role == role], wait_s)
        (self.config.journal_folder / SERVE_FILE).unlink(missing_ok=True)
        for sock in self._sockets.values():
            sock.close()

    async def _end(self, children: list[_Child], wait_s: float) -> None:
        """SIGTERM, a deadline, SIGKILL."""
        for child in children:
            child.wanted = False
            _signal(child, signal.SIGTERM)
        tasks = [child.task for child in children if child.task is not None and not child.task.done()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=wait_s)
            for child in children:
                if child.task in late:
                    log.warning("process.killed", child=child.name, after_s=wait_s)
                    _signal(child, signal.SIGKILL)
            if late:
                await asyncio.wait(late, timeout=5)


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.get_running_loop().create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _signal(child: _Child, number: signal.Signals) -> None:
    if child.process is not None and child.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.process.send_signal(number)
    elif child.task is not None:
        child.task.cancel()  # waiting to be restarted


def address_of(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _bound(address: str) -> socket.socket:
    host, port = host_port(address) or ("", 0)
    family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(where)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _taken_over(former: Serving | None, name: str, address: str) -> socket.socket | None:
    """The socket bound to `address` by children of a dead supervisor."""
    if former is None:
        return None
    role = {"listen": "worker", "admin": "recorder"}[name]
    for child, pid in former.children.items():
        if child.startswith(role) and _is_ours(pid, child):
            taken = handover.take(pid)
            if taken is not None and address_of(taken) == address:
                return taken
    return None


def _is_ours(pid: int, name: str) -> bool:
    """Whether `pid` is still the child it was: pids are used again."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"understudy" in words and name.encode() in words
