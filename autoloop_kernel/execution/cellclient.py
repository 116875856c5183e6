"""Runs cells in a kernel through nbclient: outputs capped as they come, and messages to the harness taken out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from autoloop_kernel.execution.kernels import Kernel
from autoloop_kernel.execution.log import Log
from autoloop_kernel.execution.outputs import CellOutputs, message_of, one_line

IOPUB_S = 60
LAST_WORDS_S = 0.1


class CellFailed(Exception):
    """A cell did not run to its end. `ename` is the name of what it raised, "" where its kernel died."""

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
            iopub_timeout=IOPUB_S,
            raise_on_iopub_timeout=False,
            record_timing=False,
            coalesce_streams=False,
        )
        self.kc = kernel.client
        self._kernel, self._log, self._hear = kernel, log, hear
        self._outputs: CellOutputs | None = None

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
        finally:
            gone.cancel()
            if not running.done():
                running.cancel()
                await asyncio.wait({running}, timeout=1.0)
            self._outputs.settle()
        if self._asked_exit:
            raise CellFailed(cell, "SystemExit", "exit() was called")

    async def _check_raise_for_error(self, cell: NotebookNode, cell_index: int, exec_reply: Any) -> None:
        if exec_reply is not None:
            payload = exec_reply["content"].get("payload") or []
            self._asked_exit = any(isinstance(one, dict) and one.get("source") == "ask_exit" for one in payload)
        await super()._check_raise_for_error(cell, cell_index, exec_reply)

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Take one iopub message: streams into their caps, the harness's own aside, the rest as nbclient does."""
        outputs = self._outputs
        assert outputs is not None
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
        try:
            result = super().process_message(msg, cell, cell_index)
        except CellControlSignal:
            raise
        except Exception as error:  # what a candidate displays may be anything, and must not end the harness
            self._log.write(f"[autoloop] an output was left out: {one_line(error)}\n")
            outputs.note("invalid", {}, "[autoloop] an output of this cell was left out: it is not valid in a notebook")
            return None
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
