import numpy as np
import onnxruntime
import pytest
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

from marquee.serving.export.onnx_graph import normalised

TWO = np.array([2.0], np.float32)
ROWS = ("n", 2)


def model(nodes: list[NodeProto], constants: dict[str, np.ndarray], inputs: tuple[str, ...]) -> ModelProto:
    """A model of float inputs (n, 2) whose output is called `last`."""
    graph: GraphProto = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ROWS) for name in inputs],
        [helper.make_tensor_value_info("last", TensorProto.FLOAT, ROWS)],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def of_two_inputs(names: str, sum_first: bool) -> ModelProto:
    """(a + b) x 2 - a x 2, the nodes in one of two orders and under other names."""
    added = helper.make_node("Add", ["a", "b"], [f"{names}1"], name=f"{names}_add")
    doubled = helper.make_node("Mul", [f"{names}1", f"{names}two"], [f"{names}2"])
    other = helper.make_node("Mul", ["a", f"{names}two"], [f"{names}3"])
    last = helper.make_node("Sub", [f"{names}2", f"{names}3"], ["last"])
    first = [added, doubled, other] if sum_first else [other, added, doubled]
    return model([*first, last], {f"{names}two": TWO}, ("a", "b") if sum_first else ("b", "a"))


def answers(of: ModelProto, **inputs: list[list[float]]) -> list[list[float]]:
    session = onnxruntime.InferenceSession(of.SerializeToString(), providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {name: np.array(rows, np.float32) for name, rows in inputs.items()})
    return output.tolist()


def test_one_function_in_two_orders_and_under_two_sets_of_names_gives_the_same_bytes():
    one, other = of_two_inputs("x", True), of_two_inputs("y", False)
    assert one.SerializeToString(deterministic=True) != other.SerializeToString(deterministic=True)
    written = [normalised(each, {"a": "left", "b": "right"}, "answer") for each in (one, other)]
    checker.check_model(written[0], full_check=True)
    assert written[0].SerializeToString(deterministic=True) == written[1].SerializeToString(
        deterministic=True
    )


def test_the_function_stays_and_bears_the_new_names():
    written = normalised(of_two_inputs("x", True), {"b": "right", "a": "left"}, "answer")
    # (1 + 10) x 2 - 1 x 2 = 20 and (2 + 20) x 2 - 2 x 2 = 40
    assert answers(written, left=[[1, 2]], right=[[10, 20]]) == [[20, 40]]
    assert [value.name for value in written.graph.input] == ["right", "left"]
    assert [value.name for value in written.graph.output] == ["answer"]


def test_a_dimension_of_no_fixed_size_is_called_rows_and_a_fixed_one_stays():
    written = normalised(of_two_inputs("x", True), {"a": "left", "b": "right"}, "answer")
    for value in (*written.graph.input, *written.graph.output):
        free, fixed = value.type.tensor_type.shape.dim
        assert (free.dim_param, fixed.dim_value) == ("rows", 2)


def test_equal_nodes_and_constants_stand_once_and_what_nothing_needs_not_at_all():
    nodes = [
        helper.make_node("Mul", ["a", "two"], ["first"]),
        helper.make_node("Mul", ["a", "second_two"], ["second"]),
        helper.make_node("Exp", ["a"], ["unused"]),
        helper.make_node("Add", ["first", "second"], ["last"]),
    ]
    written = normalised(model(nodes, {"two": TWO, "second_two": TWO}, ("a",)), {"a": "a"}, "answer")
    assert [node.op_type for node in written.graph.node] == ["Mul", "Add"]
    assert len(written.graph.initializer) == 1
    assert answers(written, a=[[1, 2]]) == [[4, 8]]


def test_nodes_that_differ_in_an_attribute_or_a_constant_both_stay():
    nodes = [
        helper.make_node("ReduceSum", ["a", "axis"], ["kept"], keepdims=1),
        helper.make_node("Mul", ["a", "two"], ["doubled"]),
        helper.make_node("Mul", ["a", "three"], ["tripled"]),
        helper.make_node("Add", ["doubled", "tripled"], ["both"]),
        helper.make_node("Add", ["both", "kept"], ["last"]),
    ]
    constants = {"two": TWO, "three": TWO + 1, "axis": np.array([1])}
    written = normalised(model(nodes, constants, ("a",)), {"a": "a"}, "answer")
    # 1 x 5 + (1 + 2) = 8 and 2 x 5 + (1 + 2) = 13
    assert answers(written, a=[[1, 2]]) == [[8, 13]]


def test_a_node_of_two_outputs_keeps_them_apart():
    nodes = [
        helper.make_node("Split", ["a"], ["left", "right"], axis=1, num_outputs=2),
        helper.make_node("Concat", ["right", "left"], ["last"], axis=1),
    ]
    written = normalised(model(nodes, {}, ("a",)), {"a": "a"}, "answer")
    assert answers(written, a=[[1, 2]]) == [[2, 1]]


def test_a_value_that_nothing_makes_is_an_error():
    nodes = [helper.make_node("Add", ["a", "missing"], ["last"])]
    with pytest.raises(KeyError, match="missing"):
        normalised(model(nodes, {}, ("a",)), {"a": "a"}, "answer")
