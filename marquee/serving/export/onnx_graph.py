"""An ONNX graph written down in one order and under one set of names.

tf2onnx walks Python sets and numbers what it meets: two conversions of one model are the same graph, its
nodes in another order and under other names. Here a graph is written as its output needs it, so that equal
models give equal bytes.
"""

from collections.abc import Mapping

from onnx import GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, helper

ROWS = "rows"
"""What every dimension of no fixed size is called: the number of rows asked at once."""


def normalised(model: ModelProto, inputs: Mapping[str, str], output: str) -> ModelProto:
    """The function of `model`, computed by the same nodes.

    Args:
        model: of one output, without subgraphs (loops, branches).
        inputs: name in `model` -> the new name, in the order wanted.
        output: the new name of the output.
    """
    graph = model.graph
    (answer,) = graph.output
    written = _Written(graph, inputs)
    written.name_output(answer.name, output)
    types = {value.name: _rows_named(value.type) for value in graph.input}
    return helper.make_model(
        helper.make_graph(
            written.nodes,
            "marquee",
            [helper.make_value_info(name, types[before]) for before, name in inputs.items()],
            [helper.make_value_info(output, _rows_named(answer.type))],
            written.constants,
        ),
        opset_imports=[opset for opset in model.opset_import if opset.domain == ""],
        ir_version=model.ir_version,
        producer_name=model.producer_name,
    )


class _Written:
    """The nodes and constants that were needed so far, each once, inputs before the nodes that read them."""

    def __init__(self, graph: GraphProto, inputs: Mapping[str, str]) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._producer = {value: node for node in graph.node for value in node.output}
        self._constant = {tensor.name: tensor for tensor in graph.initializer}
        self._name = {"": "", **inputs}  # an optional input left out has the empty name
        self._outputs_of: dict[bytes, list[str]] = {}

    def name_output(self, value: str, output: str) -> None:
        """Write all that a value needs; the node that makes it calls it `output`."""
        name = self._name_of(value)
        node = next(node for node in self.nodes if name in node.output)
        node.output[list(node.output).index(name)] = output

    def _name_of(self, value: str) -> str:
        if value not in self._name:
            if value in self._constant:
                self._name[value] = self._write_constant(self._constant[value])
            else:
                node = self._producer[value]
                self._name |= dict(zip(node.output, self._write_node(node), strict=True))
        return self._name[value]

    def _write_constant(self, tensor: TensorProto) -> str:
        written = TensorProto()
        written.CopyFrom(tensor)
        written.name = ""
        content = written.SerializeToString(deterministic=True)
        if content not in self._outputs_of:
            written.name = f"constant_{len(self.constants)}"
            self.constants.append(written)
            self._outputs_of[content] = [written.name]
        return self._outputs_of[content][0]

    def _write_node(self, node: NodeProto) -> list[str]:
        written = NodeProto(op_type=node.op_type, input=[self._name_of(value) for value in node.input])
        written.attribute.extend(sorted(node.attribute, key=lambda attribute: attribute.name))
        content = written.SerializeToString(deterministic=True)
        if content not in self._outputs_of:
            written.name = f"{node.op_type}_{len(self.nodes)}"
            written.output.extend(f"{written.name}_{place}" for place in range(len(node.output)))
            self.nodes.append(written)
            self._outputs_of[content] = list(written.output)
        return self._outputs_of[content]


def _rows_named(of: TypeProto) -> TypeProto:
    """A copy of a type, every dimension of no fixed size called `rows`."""
    copy = TypeProto()
    copy.CopyFrom(of)
    for dimension in copy.tensor_type.shape.dim:
        if dimension.HasField("dim_param"):
            dimension.dim_param = ROWS
    return copy
