"""The recorder with real segments and a real store."""

from pathlib import Path

from tests.proxy.journaled import a_call, a_config, an_answer, new_id, record, rows, write


def test_a_call_and_its_answer_become_rows(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    call = new_id()
    write(config.journal_folder, [[a_call(call), an_answer(call)]])
    record(config)
    assert rows(config, "SELECT call_id::VARCHAR, workflow, model_requested, prompt_text FROM calls") == [
        (call, "default", "gpt-4o", "What is 2 + 2?")
    ]
    assert rows(config, "SELECT call_id::VARCHAR, outcome, text, cost_usd::DOUBLE, ttft_s FROM exchanges") == [
        (call, "answered", "4", 0.00002, 0.2)
    ]
