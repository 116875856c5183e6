import json

from autoloop_kernel.memory.recall import LOG_LINES, log_tail

ERROR = {"output_type": "error", "traceback": ["\x1b[31mTraceback\x1b[39m", "ValueError: no good"]}


def write(folder, outputs):
    cells = [{"cell_type": "markdown"}, *({"cell_type": "code", "outputs": [one]} for one in outputs)]
    (folder / "iteration.ipynb").write_text(json.dumps({"cells": cells}))


def test_the_end_of_a_log_with_its_traceback(tmp_path):
    assert log_tail(tmp_path) == ""
    lines = [f"\x1b]0;at {number}\x07\x1b[1mline {number}\x1b[0m" for number in range(5000)]
    (tmp_path / "log.txt").write_text("\n".join(lines))
    assert log_tail(tmp_path).splitlines() == [f"line {number}" for number in range(5000 - LOG_LINES, 5000)]
    write(tmp_path, [{"output_type": "stream", "text": "so far"}, ERROR])
    assert log_tail(tmp_path).endswith("line 4999\n\nTraceback\nValueError: no good")


def test_what_is_broken_is_left_out(tmp_path):
    (tmp_path / "log.txt").write_bytes(b"\xff\xfe half")
    for text in ("", "[1", "[]", '{"cells": 3}', '{"cells": [{"outputs": [{"output_type": "error"}]}]}'):
        (tmp_path / "iteration.ipynb").write_text(text)
        assert log_tail(tmp_path) == "\ufffd\ufffd half"
