"""A program that answers each line with a line: a user's checker, a user's baseline.

Law: one line at a time; who asks holds its turn and the deadline, and ends the program when this raises.
"""

from asyncio.subprocess import Process


async def line_back(process: Process, line: bytes) -> bytes:
    """What it answers, newline included. Raises OSError when it has ended, ValueError when its line is longer than its reader's limit."""
    if process.stdin is None or process.stdout is None:
        raise OSError("no pipes")
    process.stdin.write(line)
    await process.stdin.drain()
    answer = await process.stdout.readline()
    if not answer.endswith(b"\n"):
        raise OSError("the program ended")
    return answer
