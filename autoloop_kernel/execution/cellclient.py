"""Runs cells in a kernel through nbclient: outputs capped as they come, and messages to the harness taken out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from autoloop_kernel.escapes import without_escapes
from autoloop_kernel.execution.kernels import Kernel
from autoloop_kernel.execution.log import Log
from autoloop_kernel.execution.outputs import CellOutputs, is_flat, message_of, one_line

IOPUB_S = 30.0
QUIET_S = 2.0
LAST_WORDS_S = 0.1


GARBLED = "GarbledMessage"


class CellFailed(Exception):
    """A cell did not run to its end. `ename` is the name of what it raised, "" where its kernel died.

    `GARBLED` where the candidate's kernel sent what is no message: whoever does so would else be run again as if the
    harness had failed, with a fresh seed each time.
    """

    def __init__(self, cell: NotebookNode, ename: str, evalue: str) -> None:
        super().__init__(f"{ename}: {evalue}")
        self.cell, self.ename, self.evalue = cell, ename, one_line(evalue)


class CellClient(NotebookClient):
    """Runs the cells of `nb` in a kernel that is already up; never starts, interrupts or ends one.

    Tags that papermill and nbclient honour (`skip-execution`, `raises-exception`) do not count: every cell is run, and
    one that raises has failed.
    """

    def __init__(
        self,
        nb: NotebookNode,
        kernel: Kernel,
        log: Log,
        hear: Callable[[str, Mapping[str, Any], CellOutputs | None], None],
    ) -> None:
        super().__init__(
            nb,
            km=kernel.manager,
            timeout=None,
            force_raise_errors=True,
            skip_cells_with_tag="\0",
            record_timing=False,
            coalesce_streams=False,
        )
        self.kc = kernel.client
        self._kernel, self._log, self._hear = kernel, log, hear
        self._outputs: CellOutputs | None = None
        self._heard_at = 0.0
        self._quiet_s = QUIET_S if kernel.role == "candidate" else IOPUB_S  # the referee's last word may be the score
        self.on_reply: Callable[[], Any] = lambda: None

    async def run_cell(self, cell: NotebookNode) -> None:
        """Run `cell`, one of the notebook's, to its end; `CellFailed` when it raised, exited or its kernel died."""
        index = next(i for i, one in enumerate(self.nb.cells) if one is cell)
        self._outputs = CellOutputs(cell)
        self._asked_exit = False
        self._log.write(f"\n--- {self._kernel.role}: cell {cell.get('id', index)}\n")
        cell.outputs = []
        running = asyncio.ensure_future(self.async_execute_cell(cell, index))
        gone = asyncio.ensure_future(self._kernel.dead.wait())
        try:
            await asyncio.wait({running, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                await asyncio.wait({running}, timeout=LAST_WORDS_S)
            if not running.done():
                raise CellFailed(cell, "", "its kernel died")
            running.result()
        except CellExecutionError as error:
            raise CellFailed(cell, error.ename, error.evalue) from None
        except DeadKernelError:
            raise CellFailed(cell, "", "its kernel died") from None
        except (CellFailed, OSError):  # the latter of the disk that takes the log
            raise
        except Exception as error:
            if self._kernel.role != "candidate":
                raise
            raise CellFailed(cell, GARBLED, repr(error)) from None
        finally:
            gone.cancel()
            if not running.done():
                running.cancel()
                await asyncio.wait({running}, timeout=1.0)
            self._outputs.settle()
        if self._asked_exit:
            raise CellFailed(cell, "SystemExit", "exit() was called")

    async def _async_poll_for_reply(
        self,
        msg_id: str,
        cell: NotebookNode,
        timeout: int | None,
        task_poll_output_msg: Any,
        task_poll_kernel_alive: Any,
    ) -> dict[str, Any]:
        """Wait for the cell's reply, and then for its outputs: until the kernel is idle, or silent for a while.

        A kernel that prints faster than anyone can listen loses messages; the word that it is idle may be among them.
        """
        assert self.kc is not None
        while True:
            reply: dict[str, Any] = await self.kc.shell_channel.get_msg(timeout=None)
            if reply["parent_header"].get("msg_id") == msg_id:
                break
        self.on_reply()
        replied = self._heard_at = monotonic()
        while not task_poll_output_msg.done():
            await asyncio.wait({task_poll_output_msg}, timeout=0.1)
            if monotonic() - self._heard_at > self._quiet_s or monotonic() - replied > IOPUB_S:
                self._log.write("[autoloop] the kernel never said that it was idle: outputs may be missing\n")
                task_poll_output_msg.cancel()
                break
        else:
            task_poll_output_msg.result()
        task_poll_kernel_alive.cancel()
        return reply

    async def _check_raise_for_error(self, cell: NotebookNode, cell_index: int, exec_reply: Any) -> None:
        if exec_reply is not None:
            payload = exec_reply["content"].get("payload") or []
            self._asked_exit = any(isinstance(one, dict) and one.get("source") == "ask_exit" for one in payload)
        await super()._check_raise_for_error(cell, cell_index, exec_reply)

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Take one iopub message; it may hold anything: what is none is left out, and must not end the harness."""
        self._heard_at = monotonic()
        outputs = self._outputs
        assert outputs is not None
        try:
            if not is_flat(msg["content"]):
                raise ValueError("it is nested too deep")
            return self._taken(msg, cell, cell_index, outputs)
        except (CellControlSignal, OSError):
            raise
        except Exception as error:
            self._log.write(f"[autoloop] an output was left out: {one_line(error)}\n")
            outputs.note("invalid", {}, "[autoloop] an output of this cell was left out: it is not valid in a notebook")
            return None

    def _taken(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int, outputs: CellOutputs
    ) -> NotebookNode | None:
        """Take one message: streams into their caps, the harness's own aside, the rest as nbclient does."""
        kind, content = msg["msg_type"], msg["content"]
        if kind == "stream":
            text = str(content.get("text", ""))
            self._log.write(text)
            outputs.stream("stderr" if content.get("name") == "stderr" else "stdout", text)
            return None
        if kind in ("display_data", "update_display_data", "execute_result"):
            told = message_of(content)
            if told is not None:
                self._hear(*told, outputs)
                return None
            data, renewed = content.get("data"), kind == "update_display_data"
            if not (outputs.renews(data) if renewed else outputs.takes(data)):
                return None
        if kind == "error":
            self._log.write(_traceback(content.get("traceback")))
        result = super().process_message(msg, cell, cell_index)
        if kind == "clear_output" and not cell.outputs:
            outputs.cleared()
        return result

    async def listen(self) -> None:
        """Outside cells: hear the harness's messages and log what is printed, until cancelled."""
        while True:
            msg = await self.kc.iopub_channel.get_msg(timeout=None)  # type: ignore[union-attr]
            if msg["msg_type"] == "stream":
                self._log.write(str(msg["content"].get("text", "")))
            elif msg["msg_type"] == "display_data" and (told := message_of(msg["content"])):
                self._hear(*told, None)


def _traceback(lines: Any) -> str:
    """What a cell raised as plain text for a log; empty where a kernel sent something else than lines."""
    if not isinstance(lines, list):
        return ""
    return "".join(f"{without_escapes(line)}\n" for line in lines if isinstance(line, str))
