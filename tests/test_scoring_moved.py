"""Score code for one process in two: what travels, as what, and what does not."""

import numpy as np
import pytest

from autoloop_kernel import wire
from autoloop_kernel.scoring.moved import answers, asking


def linked(function):
    """A stand-in for `function`, with the conversions that a journey over the wire brings."""
    answer = answers(function)
    return asking(lambda **arrays: wire.copied(answer(**wire.copied(arrays, "the question")), "the answer"))


def test_arrays_numbers_texts_and_what_holds_them_come_back_as_they_were():
    def echo(x, *more, scale=1.0, **rest):
        return {"x": x * scale, "more": list(more), "rest": rest, "none": None, "pair": (1, "zwei")}

    found = linked(echo)(np.arange(3), 2, [True, np.zeros((1, 2))], scale=2.5, mode="fast")
    assert found["x"].tolist() == [0.0, 2.5, 5.0]
    assert found["more"][0] == 2
    assert found["more"][1][0] is True
    assert found["more"][1][1].shape == (1, 2)
    assert (found["rest"], found["none"], found["pair"]) == ({"mode": "fast"}, None, (1, "zwei"))


def test_methods_of_an_object_are_called_and_switches_are_not():
    class Model:
        training = True

        def eval(self):
            raise AssertionError("it lives in another process")

        def predict(self, x):
            return x + 1

        def __call__(self, x):
            return x - 1

    model = linked(Model())
    assert model.eval().predict(np.ones(2)).tolist() == [2.0, 2.0]
    assert model(np.ones(2)).tolist() == [0.0, 0.0]
    with pytest.raises(AttributeError, match="_hidden of the candidate cannot be reached"):
        model._hidden  # noqa: B018


def test_tensors_stay_tensors_and_carry_no_gradient():
    torch = pytest.importorskip("torch")
    layer = torch.nn.Linear(2, 1)
    found = linked(layer)(torch.ones(3, 2))
    assert isinstance(found, torch.Tensor)
    assert (found.shape, found.requires_grad) == ((3, 1), False)
    assert torch.allclose(found, layer(torch.ones(3, 2)))


def test_frames_of_numbers_travel_with_their_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    assert linked(lambda table: table["b"] - table["a"])(frame).tolist() == [2.0, 2.0]
    with pytest.raises(TypeError, match="argument 1 is a pandas DataFrame with columns that are no numbers"):
        linked(len)(pandas.DataFrame({"a": ["x"]}))


@pytest.mark.parametrize("value", [object(), {1, 2}, lambda: 0])
def test_what_cannot_travel_says_so(value):
    with pytest.raises(TypeError, match="cannot travel: numbers, texts, arrays, tensors and frames can"):
        linked(len)(value)
    with pytest.raises(TypeError, match="the answer is a"):
        linked(lambda: value)()


@pytest.mark.parametrize(
    "answer",
    [
        np.zeros(2),
        {"x": np.zeros(2)},
        {"about": np.frombuffer(b"{", dtype=np.uint8)},
        {"about": np.frombuffer(b'{"kind": "array", "key": "gone"}', dtype=np.uint8)},
        {"about": np.frombuffer(b'{"kind": "frame", "key": "about", "columns": 3}', dtype=np.uint8)},
    ],
)
def test_a_forged_answer_is_refused(answer):
    with pytest.raises(TypeError, match="the candidate's answer"):
        asking(lambda **arrays: answer)(1)
