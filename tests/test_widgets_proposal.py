"""A proposal in a real notebook: it shows itself, follows what becomes of it, and its record stands there at last."""

import nbformat
import pytest
from arenas import write_quick_arena
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from autoloop_kernel.views.html import iteration, proposal
from autoloop_kernel.widgets.show import EMPTY


def run(folder, *sources):
    """The outputs of cells with these sources, run one after the other in a real kernel in `folder`."""
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.execute()
    nbformat.validate(notebook)
    return [cell.outputs for cell in notebook.cells]


OPEN = "from autoloop_kernel import Workbench\nwb = Workbench('quick.ipynb')"


@pytest.fixture
def folder(tmp_path):
    path = write_quick_arena(tmp_path)
    path.rename(tmp_path / "quick.ipynb")
    return tmp_path


def test_the_record_takes_the_place_of_the_proposal_and_the_controls_go(folder):
    thinking, ready, _, ran = run(
        folder,
        OPEN + "\np = wb.step(review=True)\np",
        "p.id\np",
        "import time\ntime.sleep(1)\nlen(p._box.children), p.status",
        "p.accept().wait()",
    )
    assert "text/html" in thinking[0].data
    assert proposal.MIME not in ready[0].data, "the record did not take the proposal's place"
    assert iteration.MIME in ready[0].data
    assert [output.data for output in ready[1:]] == [EMPTY, EMPTY], "controls or the live card stayed"
    assert iteration.MIME in ran[0].data


def test_a_proposal_that_waits_is_saved_as_a_record_that_reads(folder):
    outputs = run(folder, OPEN + "\np = wb.step(review=True)\np.id\np", "import time\ntime.sleep(1)")[0]
    shown, controls = outputs[0].data, outputs[1].data
    assert "application/vnd.jupyter.widget-view+json" in controls
    assert controls["text/plain"] == "Controls of a proposal: they live while this notebook's kernel runs."
    assert shown[proposal.MIME]["status"] == "waiting"
    assert "waits for review" in shown["text/plain"]
    assert "+++ e0  proposed" in shown["text/plain"]


def test_another_kernel_is_shown_the_proposal_that_waits(folder):
    run(folder, OPEN + "\nwb.step(review=True).id")
    (first, *rest), after = run(folder, OPEN + "\np = wb.step(review=True)\np", "p.skip('too bold')\nwb.pending")
    assert first.data[proposal.MIME]["status"] == "skipped", "the display does not say how it was decided"
    assert "too bold" in first.data["text/html"]
    assert [output.data for output in rest] == [EMPTY, EMPTY]
    assert after[-1].data["text/plain"] == "[]"


def test_an_agent_without_a_proposal_says_so_in_its_place(folder):
    wait = "while not p.ready:\n    time.sleep(0.1)\ntime.sleep(0.5)"
    outputs = run(folder, f"import time\n{OPEN[:-1]}, 'command:false')\np = wb.step(review=True)\np", wait)[0]
    assert "command" in outputs[0].data["text/plain"]
