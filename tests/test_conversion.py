import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from tinyml_labs import conversion
from tinyml_labs.conversion import ConversionError, convert
from tinyml_labs.model_file import read_model
from tinyml_labs.quiet import import_quietly

NOT_FOR_BOARDS = {"SHAPE", "STRIDED_SLICE", "PACK"}


@pytest.fixture(scope="module")
def keras():
    keras = import_quietly("keras")
    keras.utils.set_random_seed(0)
    return keras


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=(60, *shape)).astype(np.float32)


def net(keras, shape, *layers, name="net"):
    return keras.Sequential([keras.Input(shape), *layers], name=name)


def litert(model, *inputs):
    """Run one sample in LiteRT without delegates; inputs and outputs real numbers, in the file's order."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        scale, zero = detail["quantization"]
        if scale:
            value = np.clip(np.round(value / scale + zero), -128, 127)
        interpreter.set_tensor(detail["index"], value.astype(detail["dtype"]))
    interpreter.invoke()
    found = []
    for detail in interpreter.get_output_details():
        scale, zero = detail["quantization"]
        value = interpreter.get_tensor(detail["index"]).astype(np.float32)
        found.append((value - zero) * scale if scale else value)
    return found


@pytest.mark.slow
def test_int8_in_and_out_with_a_batch_of_one_and_the_layers_names(keras):
    layers = keras.layers
    model = net(keras, (4,), layers.Dense(8, activation="relu", name="hidden"), layers.Dense(2, name="scores"))
    found = read_model(convert(model, training_data=data(4)))
    assert [operator.name for operator in found.operators] == ["FULLY_CONNECTED", "FULLY_CONNECTED"]
    assert [tensor.shape for tensor in (*found.inputs, *found.outputs)] == [(1, 4), (1, 2)]
    assert {tensor.dtype for tensor in (*found.inputs, *found.outputs)} == {np.dtype("int8")}
    names = " ".join(tensor.name for tensor in found.tensors)
    assert "net/hidden/MatMul" in names
    assert "net/scores/MatMul" in names


@pytest.mark.slow
def test_arguments_that_are_no_model_or_no_kind(keras):
    with pytest.raises(ValueError, match="kind is 'int4', expected one of 'float32', 'dynamic', 'float16', 'int8'"):
        convert(None, "int4")
    with pytest.raises(TypeError, match="model is str, expected a keras.Model. Load a saved one"):
        convert("model.keras")
    with pytest.raises(TypeError, match="model is bytes.*converted already"):
        convert(b"TFL3")
    with pytest.raises(ValueError, match="does not know the shape of its input"):
        convert(keras.Sequential([keras.layers.Dense(2)]), "float32")
    with pytest.raises(ValueError, match=r"Input 'image' has shape \(None, None, None, 3\).*fixed"):
        convert(keras.Sequential([keras.Input((None, None, 3), name="image"), keras.layers.Conv2D(2, 3)]), "float32")
    with pytest.raises(ValueError, match="int8 needs data to calibrate with"):
        convert(net(keras, (4,), keras.layers.Dense(2)))


def convolutional(keras):
    layers = keras.layers
    return net(
        keras,
        (16, 16, 1),
        layers.Rescaling(0.5),
        layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(6.0),
        layers.DepthwiseConv2D(3, padding="same"),
        layers.MaxPooling2D(),
        layers.Dropout(0.5),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
    )


def one_dimensional(keras):
    layers = keras.layers
    return net(
        keras,
        (32, 3),
        layers.Conv1D(8, 5, activation="relu"),
        layers.MaxPooling1D(2),
        layers.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="relu"),
        layers.GlobalAveragePooling1D(),
        layers.Dense(4, activation="softmax"),
    )


def functional(keras):
    layers = keras.layers
    x = keras.Input((12, 12, 2), name="image")
    side = layers.Conv2D(4, 1)(x)
    y = layers.Add()([side, layers.SeparableConv2D(4, 3, padding="same", activation="relu")(x)])
    y = layers.Conv2DTranspose(2, 3, strides=2)(y)
    y = layers.Reshape((-1, 2))(layers.AveragePooling2D(5)(y))
    return keras.Model(x, layers.Dense(2)(layers.Flatten()(y)), name="branches")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "build"),
    [*((kind, convolutional) for kind in conversion.KINDS), ("int8", one_dimensional), ("int8", functional)],
)
def test_every_kind_answers_as_keras_does_and_leaves_the_model_alone(keras, build, kind):
    model = build(keras)
    x = data(*model.input_shape[1:])
    model.compile("sgd", "mse")
    model.fit(x, np.zeros((60, *model.output_shape[1:])), epochs=1, verbose=0)
    before = [weight.numpy().copy() for weight in (*model.variables, *model.optimizer.variables)]
    converted = convert(model, kind, training_data=x)
    after = [weight.numpy().copy() for weight in (*model.variables, *model.optimizer.variables)]
    assert all(map(np.array_equal, before, after))
    assert model.input_shape[0] is None
    model.fit(x, np.zeros((60, *model.output_shape[1:])), epochs=1, verbose=0)
    for weight, value in zip((*model.variables, *model.optimizer.variables), before, strict=True):
        weight.assign(value)

    found = read_model(converted)
    assert not NOT_FOR_BOARDS & {operator.name for operator in found.operators}
    expected = model.predict(x[:20], verbose=0)
    answers = np.concatenate([litert(converted, x[k : k + 1])[0] for k in range(20)])
    tolerance = {"float32": 1e-5, "float16": 5e-3, "dynamic": 0.05, "int8": 0.08}[kind]
    assert np.abs(answers - expected).max() <= tolerance * max(1.0, np.abs(expected).max())
    assert found.inputs[0].dtype == (np.int8 if kind == "int8" else np.float32)
    assert convert(model, kind, training_data=x) == converted, "the same model gives the same bytes"


@pytest.mark.slow
def test_weights_shrink_as_the_kind_says(keras):
    model = net(keras, (64,), keras.layers.Dense(128), keras.layers.Dense(10))
    size = {kind: len(convert(model, kind, training_data=data(64))) for kind in conversion.KINDS}
    weights = sum(int(np.prod(weight.shape)) for weight in model.weights)
    assert 4 * weights < size["float32"] < 4 * weights + 2000
    assert 2 * weights < size["float16"] < 2 * weights + 3000
    assert weights < size["int8"] < weights + 5000
    assert weights < size["dynamic"] < weights + 5000


@pytest.mark.slow
def test_several_inputs_and_outputs_keep_their_order(keras):
    layers = keras.layers
    zeta, alpha = keras.Input((3,), name="zeta"), keras.Input((5,), name="alpha")
    both = layers.Concatenate()([zeta, alpha])
    model = keras.Model([zeta, alpha], [layers.Dense(2, name="b")(both), layers.Dense(4, name="a")(zeta)])
    x = (data(3), data(5, seed=1))
    for kind in ("float32", "int8"):
        converted = convert(model, kind, training_data=x)
        found = read_model(converted)
        assert [tensor.shape for tensor in found.inputs] == [(1, 3), (1, 5)]
        assert [tensor.shape for tensor in found.outputs] == [(1, 2), (1, 4)]
        answers = litert(converted, x[0][:1], x[1][:1])
        for answer, expected in zip(answers, model([part[:1] for part in x]), strict=True):
            np.testing.assert_allclose(answer, expected, atol=1e-5 if kind == "float32" else 0.15)
    assert convert(model, calibration=list(x))
    with pytest.raises(ValueError, match="the model has 2 inputs: zeta, alpha"):
        convert(model, training_data=x[0])


@pytest.mark.slow
def test_dense_per_tensor_for_old_runtimes(keras):
    layers = keras.layers
    model = net(keras, (8, 8, 1), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(6, name="last"))
    scales = {}
    for per_tensor in (False, True):
        found = read_model(convert(model, training_data=data(8, 8, 1), dense_per_tensor=per_tensor))
        for operator in found.operators:
            if operator.name in ("CONV_2D", "FULLY_CONNECTED"):
                scales[operator.name, per_tensor] = len(found.tensors[operator.inputs[1]].scales)
    assert scales == {
        ("CONV_2D", False): 4,
        ("CONV_2D", True): 4,
        ("FULLY_CONNECTED", False): 6,
        ("FULLY_CONNECTED", True): 1,
    }


def fails(keras):
    """Layers that do not convert in TensorFlow 2.21: input shape, layer, op, advice."""
    layers, tf = keras.layers, import_quietly("tensorflow")
    return {
        "LSTM": ((20, 3), layers.LSTM(4), "", "unroll=True"),
        "GRU": ((20, 3), layers.GRU(4), "", "unroll=True"),
        "Bidirectional": ((20, 3), layers.Bidirectional(layers.LSTM(4)), "", "Conv1D"),
        "MaxPooling3D": ((4, 4, 4, 1), layers.MaxPooling3D(), "tf.MaxPool3D", "MaxPooling2D"),
        "Resizing": ((8, 8, 1), layers.Resizing(4, 4, interpolation="bicubic"), "tf.ResizeBicubic", "bilinear"),
        "Lambda": ((4,), layers.Lambda(lambda x: tf.math.erfinv(x)), "tf.Erfinv", "keras.ops"),
        "CategoryEncoding": ((1,), layers.CategoryEncoding(5), "tf.DenseBincount", "one-hot"),
        # These convert, but TensorFlow Lite Micro has no kernel for them.
        "Conv3D": ((4, 4, 4, 1), layers.Conv3D(2, 2), "CONV_3D", "Conv2D"),
        "RepeatVector": ((4,), layers.RepeatVector(3), "TILE", "Reshape"),
        "Dense": ((4,), layers.Dense(3, activation="gelu"), "GELU", "'relu'"),
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind_of_layer",
    [
        *("LSTM", "GRU", "Bidirectional", "MaxPooling3D", "Resizing", "Lambda", "CategoryEncoding"),
        *("Conv3D", "RepeatVector", "Dense"),
    ],
)
def test_errors_name_the_layer_and_what_to_use_instead(keras, kind_of_layer):
    shape, culprit, op, advice = fails(keras)[kind_of_layer]
    culprit.name = "the_culprit"
    model = net(keras, shape, keras.layers.Activation("relu"), culprit, keras.layers.Flatten(), keras.layers.Dense(2))
    with pytest.raises(ConversionError) as caught:
        convert(model, training_data=data(*shape))
    error = caught.value
    assert (error.layer_name, error.layer_class) == ("the_culprit", kind_of_layer)
    assert f"Layer 'the_culprit' ({kind_of_layer})" in str(error)
    assert op in error.op
    assert advice in str(error)


@pytest.mark.slow
def test_the_layer_is_found_inside_a_nested_model_and_the_log_is_a_note(keras):
    inner = net(keras, (6, 6, 6, 1), keras.layers.MaxPooling3D(name="deep"), name="inner")
    model = net(keras, (6, 6, 6, 1), inner, keras.layers.Flatten(), keras.layers.Dense(2))
    with pytest.raises(ConversionError, match=r"Layer 'deep' \(MaxPooling3D\)") as caught:
        convert(model, "float32")
    assert "MaxPool3D" in caught.value.converter_log
    if sys.version_info >= (3, 11):
        assert caught.value.converter_log in caught.value.__notes__[0]


@pytest.mark.slow
def test_ops_that_no_board_has_can_be_allowed(keras):
    model = net(keras, (4,), keras.layers.Dense(3, activation="gelu"))
    with pytest.raises(ConversionError, match="becomes GELU.*allow_unsupported_ops=True"):
        convert(model, "float32")
    assert convert(model, "float32", allow_unsupported_ops=True)
    assert convert(model, "float16"), "for phones, which have it"


@pytest.mark.slow
def test_an_op_that_stays_in_float_is_a_warning(keras):
    with pytest.warns(UserWarning, match="no int8 kernel and stay in float32.*: ELU"):
        convert(net(keras, (4,), keras.layers.Dense(3, activation="elu")), training_data=data(4))


SCRIPT = """
from tinyml_labs.conversion import convert
from tinyml_labs.quiet import import_quietly
import numpy as np
keras = import_quietly("keras")
x = np.random.default_rng(0).uniform(0, 1, (50, 8, 8, 1))
layers = keras.layers
model = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)])
for kind in ("float32", "dynamic", "float16", "int8"):
    size = len(convert(model, kind, training_data=x))
"""


@pytest.mark.slow
def test_a_notebook_cell_that_converts_has_no_output_at_all(monkeypatch):
    import nbclient
    import nbformat

    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    cells = [nbformat.v4.new_code_cell(source) for source in (SCRIPT, "print(size > 1000)")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    assert notebook.cells[0].outputs == []
    assert [output.text for output in notebook.cells[1].outputs] == ["True\n"]


@pytest.mark.slow
def test_a_program_that_converts_writes_nothing():
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)], capture_output=True, text=True, timeout=300, env=environment
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_the_precision_is_named_and_not_a_layer():
    keras = import_quietly("keras")
    integers = keras.Sequential(
        [keras.Input((4,), dtype="uint8"), keras.layers.Rescaling(1 / 255), keras.layers.Dense(2)]
    )
    with pytest.raises(ValueError, match="is uint8, and an int8 model is made from one with float32 inputs"):
        convert(integers, "int8", training_data=np.zeros((5, 4), np.float32))
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        mixed = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="half")])
    finally:
        keras.config.set_dtype_policy(policy)
    with pytest.raises(ValueError, match="'half' computes in 16 bits .a mixed-precision policy"):
        convert(mixed, "float32")
