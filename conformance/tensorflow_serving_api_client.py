#!/usr/bin/env python3
"""Drives a server with the unmodified tensorflow-serving-api package.

For each model a server is started, and every call of PredictionService and
ModelService that a client makes is made through the package's own stubs, with
messages that TensorFlow's own functions build and read. Prints a table of
passed checks and, below it, what failed; exit status 1 when something did.

usage: tensorflow_serving_api_client.py [--server=COMMAND] [CASE-PREFIX ...]

The models and their expected answers are the golden cases (case.json, see
README.md there) in ../shared/golden beside the repository, or in --golden.
Without them there is one model, half_plus_two, which the repository makes.
COMMAND is a line with {port}, {name} and {base_path}; Servable by default.
"""
import argparse
import base64
import glob
import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
    session_service_pb2,
)

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SERVABLE = (f"node {REPOSITORY}/packages/server/dist/bundle/servable.js serve --port={{port}} "
            "--model_name={name} --model_base_path={base_path}")
START_LIMIT_S = 120
CALL_LIMIT_S = 60
COLUMNS = ("Status", "Metadata", "Predict", "Classify", "Regress", "MultiInference", "SessionRun", "Errors", "Reload")
AVAILABLE = get_model_status_pb2.ModelVersionStatus.AVAILABLE


class Mismatch(Exception):
    """The server's answer is not the expected one."""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A server process with one model, and stubs for its services."""

    def __init__(self, command, name, base_path):
        self.name = name
        port = free_port()
        line = command.format(port=port, name=name, base_path=base_path)
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(shlex.split(line), stdout=self.log, stderr=self.log)
        unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=unlimited)
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(self.channel)
        # The package has this service's messages and no stub.
        self.session_run = self.channel.unary_unary(
            "/tensorflow.serving.SessionService/SessionRun",
            request_serializer=session_service_pb2.SessionRunRequest.SerializeToString,
            response_deserializer=session_service_pb2.SessionRunResponse.FromString)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()

    def versions(self):
        """Version and state of what is known of the model, by GetModelStatus."""
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = self.name
        answer = self.models.GetModelStatus(request, CALL_LIMIT_S)
        return {status.version: status for status in answer.model_version_status}

    def wait_until_loaded(self):
        """Waits until some version is available; raises Mismatch when none gets there."""
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Mismatch(f"the server has ended: {self.last_words()}")
            try:
                statuses = self.versions().values()
            except grpc.RpcError:
                statuses = ()
            if any(status.state == AVAILABLE for status in statuses):
                return
            for status in statuses:
                if status.status.error_code:
                    raise Mismatch(f"does not load: {status.status.error_message}")
            time.sleep(0.02)
        raise Mismatch(f"not loaded after {START_LIMIT_S} s")

    def last_words(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace").strip()[-500:]


def array_of(tensor):
    """The numpy array of a golden tensor."""
    dtype = tf.as_dtype(types_pb2.DataType.Value(tensor["dtype"]))
    if dtype == tf.string:
        strings = [base64.b64decode(text) for text in tensor["strings"]]
        array = np.empty(len(strings), object)
        array[:] = strings
        return array.reshape(tensor["shape"])
    content = base64.b64decode(tensor["content"])
    return np.frombuffer(content, dtype.as_numpy_dtype).reshape(tensor["shape"])


def proto_of(tensor):
    """The TensorProto of a golden tensor, as TensorFlow's own function makes it."""
    array = array_of(tensor)
    return tf.make_tensor_proto(array, shape=array.shape)


def check_close(what, actual, expected, rtol, atol, mean_atol=None):
    """Floats by tolerance, everything else exactly, as README.md of the golden cases says."""
    if actual.shape != expected.shape:
        raise Mismatch(f"{what}: shape {list(actual.shape)}, expected {list(expected.shape)}")
    if actual.dtype != expected.dtype:
        raise Mismatch(f"{what}: dtype {actual.dtype}, expected {expected.dtype}")
    inexact = mean_atol is not None or expected.dtype.kind in "fcV"
    if not inexact:
        if not np.array_equal(actual, expected):
            raise Mismatch(f"{what}: {np.count_nonzero(actual != expected)} of {actual.size} elements differ")
        return
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    actual, expected = actual.astype(wide), expected.astype(wide)
    close = np.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=True)
    if not close.all():
        raise Mismatch(f"{what}: {np.count_nonzero(~close)} of {close.size} elements are not within tolerance")
    if mean_atol is not None and actual.size and np.mean(np.abs(actual - expected)) > mean_atol:
        raise Mismatch(f"{what}: the mean difference is above {mean_atol}")


def examples_of(call):
    return [tf.train.Example.FromString(base64.b64decode(text)) for text in call["examples"]]


def can_be_sent(call):
    """Whether the call's examples are any: the package can't make a request of damaged ones."""
    try:
        examples_of({"examples": [], **call})
    except DecodeError:
        return False
    return True


def set_examples(request, call):
    """Puts the call's tf.Examples, and the context if there is one, into a request's input."""
    examples = examples_of(call)
    if "context" not in call:
        request.input.example_list.examples.extend(examples)
        # An empty list must be there all the same.
        request.input.example_list.SetInParent()
        return
    with_context = request.input.example_list_with_context
    with_context.examples.extend(examples)
    with_context.context.ParseFromString(base64.b64decode(call["context"]))


def check_classes(result, expected, rtol, atol):
    actual = [[(c.label, c.score) for c in row.classes] for row in result.classifications]
    wanted = [[(c["label"], c["score"]) for c in row] for row in expected["classes"]]
    if [[label for label, _ in row] for row in actual] != [[label for label, _ in row] for row in wanted]:
        raise Mismatch("labels differ")
    scores = [np.array([score for row in rows for _, score in row], np.float32) for rows in (actual, wanted)]
    check_close("scores", *scores, rtol, atol)


def check_values(result, expected, rtol, atol):
    actual = np.array([regression.value for regression in result.regressions], np.float32)
    check_close("values", actual, np.array(expected["values"], np.float32), rtol, atol)


def check_spec(spec, name, signature, version):
    if (spec.name, spec.signature_name, spec.version.value) != (name, signature, version):
        raise Mismatch(f"model_spec of the answer is {spec.name}, {spec.signature_name}, {spec.version.value}")


class Case:
    """One model with its recorded calls, checked against a running server."""

    def __init__(self, description, version_folder):
        self.description = description
        self.name = description["name"]
        self.base_path, version = os.path.split(version_folder.rstrip("/"))
        self.version = int(version)
        self.results = {column: [] for column in COLUMNS}

    def record(self, column, what, check):
        """Runs one check and keeps its outcome: None, or what was wrong."""
        try:
            check()
        except (Mismatch, grpc.RpcError) as problem:
            detail = f"{problem.code().name}: {problem.details()}" if isinstance(problem, grpc.RpcError) else problem
            self.results[column].append(f"{what}: {detail}")
        else:
            self.results[column].append(None)

    def run(self, command):
        with Server(command, self.name, self.base_path) as server:
            self.record("Status", "status", lambda: self.check_status(server))
            if self.results["Status"][-1] is not None:
                return
            self.record("Metadata", "metadata", lambda: self.check_metadata(server))
            for index, call in enumerate(self.description.get("calls", [])):
                column, check = CALLS[call["method"]]
                self.record(column, f"call {index} ({call.get('signature', 'tasks')})",
                            lambda: check(self, server, call))
            for index, call in enumerate(self.description.get("calls", [])):
                if self.is_repeatable(server, call):
                    self.record("SessionRun", f"call {index} ({call['signature']})",
                                lambda: self.check_session_run(server, call))
            for call in self.description.get("errors", []):
                if "stage" not in call and can_be_sent(call):
                    self.record("Errors", call["about"], lambda: self.check_error(server, call))
            self.record("Reload", "version labels", lambda: self.check_reload(server))

    def check_status(self, server):
        server.wait_until_loaded()
        status = server.versions().get(self.version)
        if status is None or status.state != AVAILABLE:
            raise Mismatch(f"version {self.version} is not available")

    def check_metadata(self, server):
        request = get_model_metadata_pb2.GetModelMetadataRequest()
        request.model_spec.name = self.name
        request.metadata_field.append("signature_def")
        answer = server.prediction.GetModelMetadata(request, CALL_LIMIT_S)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        if not answer.metadata["signature_def"].Unpack(signatures):
            raise Mismatch("signature_def is no SignatureDefMap")
        for name, expected in self.description["signatures"].items():
            actual = signatures.signature_def.get(name)
            if actual is None:
                raise Mismatch(f"signature {name} is missing")
            if actual.method_name != expected["method_name"]:
                raise Mismatch(f"signature {name}: method {actual.method_name}")
            for side in ("inputs", "outputs"):
                for key, info in expected[side].items():
                    check_tensor_info(f"{name}, {side} {key}", getattr(actual, side).get(key), info)

    def predict(self, server, call):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = self.name
        request.model_spec.signature_name = call["signature"]
        request.output_filter.extend(call.get("output_filter", []))
        for key, tensor in call["inputs"].items():
            request.inputs[key].CopyFrom(proto_of(tensor))
        return server.prediction.Predict(request, CALL_LIMIT_S)

    def classify(self, server, call):
        request = classification_pb2.ClassificationRequest()
        request.model_spec.name = self.name
        request.model_spec.signature_name = call["signature"]
        set_examples(request, call)
        return server.prediction.Classify(request, CALL_LIMIT_S)

    def regress(self, server, call):
        request = regression_pb2.RegressionRequest()
        request.model_spec.name = self.name
        request.model_spec.signature_name = call["signature"]
        set_examples(request, call)
        return server.prediction.Regress(request, CALL_LIMIT_S)

    def check_predict(self, server, call):
        answer = self.predict(server, call)
        check_spec(answer.model_spec, self.name, call["signature"], self.version)
        if set(answer.outputs) != set(call["outputs"]):
            raise Mismatch(f"outputs {sorted(answer.outputs)}, expected {sorted(call['outputs'])}")
        for key, tensor in call["outputs"].items():
            expected = array_of(tensor)
            actual = tf.make_ndarray(answer.outputs[key])
            if call.get("check") == "shape":
                if (actual.shape, actual.dtype) != (expected.shape, expected.dtype):
                    raise Mismatch(f"output {key}: {actual.dtype} {list(actual.shape)}")
                continue
            tolerance = {**call, **call.get("tol", {}).get(key, {})}
            check_close(f"output {key}", actual, expected, tolerance.get("rtol", 0), tolerance.get("atol", 0),
                        tolerance.get("mean_atol"))

    def is_repeatable(self, server, call):
        """Whether a Predict call with all inputs has the recorded answer again: not where there is state."""
        if call["method"] != "predict" or call.get("check"):
            return False
        if set(call["inputs"]) != set(self.description["signatures"][call["signature"]]["inputs"]):
            return False
        try:
            for _ in range(2):
                self.check_predict(server, call)
        except (Mismatch, grpc.RpcError):
            return False
        return True

    def check_session_run(self, server, call):
        """The same by names of the signature, as one run of the session."""
        request = session_service_pb2.SessionRunRequest(tensor_name_is_alias=True, fetch=sorted(call["outputs"]))
        request.model_spec.name = self.name
        request.model_spec.signature_name = call["signature"]
        request.options.timeout_in_ms = CALL_LIMIT_S * 1000
        for key, tensor in call["inputs"].items():
            request.feed.add(name=key).tensor.CopyFrom(proto_of(tensor))
        answer = server.session_run(request, CALL_LIMIT_S)
        check_spec(answer.model_spec, self.name, call["signature"], self.version)
        if [named.name for named in answer.tensor] != sorted(call["outputs"]):
            raise Mismatch(f"tensors {[named.name for named in answer.tensor]}")
        for named in answer.tensor:
            tolerance = {**call, **call.get("tol", {}).get(named.name, {})}
            check_close(f"fetch {named.name}", tf.make_ndarray(named.tensor), array_of(call["outputs"][named.name]),
                        tolerance.get("rtol", 0), tolerance.get("atol", 0), tolerance.get("mean_atol"))

    def check_reload(self, server):
        """Gives the version a label, and finds it by that."""
        request = model_management_pb2.ReloadConfigRequest()
        config = request.config.model_config_list.config.add(
            name=self.name, base_path=self.base_path, model_platform="tensorflow")
        config.version_labels["stable"] = self.version
        answer = server.models.HandleReloadConfigRequest(request, CALL_LIMIT_S)
        if answer.status.error_code:
            raise Mismatch(f"refused: {answer.status.error_message}")
        status = get_model_status_pb2.GetModelStatusRequest()
        status.model_spec.name = self.name
        status.model_spec.version_label = "stable"
        found = server.models.GetModelStatus(status, CALL_LIMIT_S).model_version_status
        if [one.version for one in found] != [self.version]:
            raise Mismatch(f"the label is on {[one.version for one in found]}")
        status.model_spec.version_label = "other"
        try:
            server.models.GetModelStatus(status, CALL_LIMIT_S)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.INVALID_ARGUMENT:
                raise
            return
        raise Mismatch("a label that there is none of was found")

    def check_classify(self, server, call):
        answer = self.classify(server, call)
        check_spec(answer.model_spec, self.name, call["signature"], self.version)
        check_classes(answer.result, call["outputs"], call["rtol"], call["atol"])

    def check_regress(self, server, call):
        answer = self.regress(server, call)
        check_spec(answer.model_spec, self.name, call["signature"], self.version)
        check_values(answer.result, call["outputs"], call["rtol"], call["atol"])

    def check_multi_inference(self, server, call):
        request = inference_pb2.MultiInferenceRequest()
        set_examples(request, call)
        for task in call["tasks"]:
            added = request.tasks.add(method_name=task["method_name"])
            added.model_spec.name = self.name
            added.model_spec.signature_name = task["signature"]
        answer = server.prediction.MultiInference(request, CALL_LIMIT_S)
        expected = call["outputs"]["results"]
        if len(answer.results) != len(expected):
            raise Mismatch(f"{len(answer.results)} results, expected {len(expected)}")
        for actual, wanted in zip(answer.results, expected):
            check_spec(actual.model_spec, self.name, wanted["signature"], self.version)
            if "classify" in wanted:
                check_classes(actual.classification_result, wanted["classify"], call["rtol"], call["atol"])
            else:
                check_values(actual.regression_result, wanted["regress"], call["rtol"], call["atol"])

    def check_error(self, server, call):
        send = {"classify": self.classify, "regress": self.regress}.get(call.get("method"), self.predict)
        try:
            send(server, call)
        except grpc.RpcError as error:
            if error.code().name != call["code"]:
                raise Mismatch(f"{error.code().name} ({error.details()}), expected {call['code']}") from error
            return
        raise Mismatch(f"succeeds, expected {call['code']}")


CALLS = {
    "predict": ("Predict", Case.check_predict),
    "classify": ("Classify", Case.check_classify),
    "regress": ("Regress", Case.check_regress),
    "multi_inference": ("MultiInference", Case.check_multi_inference),
}


def check_tensor_info(where, info, expected):
    if info is None:
        raise Mismatch(f"{where} is missing")
    if info.dtype != types_pb2.DataType.Value(expected["dtype"]):
        raise Mismatch(f"{where}: dtype {info.dtype}, expected {expected['dtype']}")
    shape = None if info.tensor_shape.unknown_rank else [dim.size for dim in info.tensor_shape.dim]
    if shape != expected["shape"]:
        raise Mismatch(f"{where}: shape {shape}, expected {expected['shape']}")


def golden_cases(folder, prefixes):
    for path in sorted(glob.glob(f"{folder}/cases/*/case.json")):
        with open(path, encoding="utf-8") as file:
            description = json.load(file)
        wanted = not prefixes or any(description["name"].startswith(prefix) for prefix in prefixes)
        # The rest of the broken ones must not load, which other tests see to.
        if wanted and description["kind"] == "saved_model" and description.get("calls"):
            yield Case(description, os.path.join(os.path.dirname(path), description["path"]))


def own_case(folder):
    """half_plus_two, written by the repository's own builder."""
    script = (f'import {{ writeHalfPlusTwo }} from "{REPOSITORY}/bench/half-plus-two.mjs";'
              f'writeHalfPlusTwo({json.dumps(folder)});')
    subprocess.run(["node", "--input-type=module", "-e", script], check=True, cwd=REPOSITORY)
    content = [base64.b64encode(np.array(values, np.float32).tobytes()).decode() for values in ([1, 2], [2.5, 3])]
    x, y = ({"dtype": "DT_FLOAT", "shape": [2, 1], "content": text} for text in content)
    info = {"dtype": "DT_FLOAT", "shape": [-1, 1]}
    signature = {"method_name": "tensorflow/serving/predict", "inputs": {"x": info}, "outputs": {"y": info}}
    call = {"method": "predict", "signature": "serving_default", "inputs": {"x": x}, "outputs": {"y": y}}
    wrong = {"about": "unknown input", "signature": "serving_default", "inputs": {"z": x}, "code": "INVALID_ARGUMENT"}
    description = {"name": "half_plus_two", "signatures": {"serving_default": signature}, "calls": [call],
                   "errors": [wrong]}
    return Case(description, f"{folder}/1")


def cell(results):
    if not results:
        return ""
    passed = sum(result is None for result in results)
    return "ok" if passed == len(results) else f"{passed}/{len(results)}"


def print_report(cases):
    width = max([len(case.name) for case in cases] + [5])
    print(f"{'model':{width}}  " + "  ".join(COLUMNS))
    for case in cases:
        cells = (f"{cell(case.results[column]):>{len(column)}}" for column in COLUMNS)
        print(f"{case.name:{width}}  " + "  ".join(cells))
    print()
    for case in cases:
        for column in COLUMNS:
            for problem in filter(None, case.results[column]):
                print(f"{case.name}: {column}: {problem}")
    for column in COLUMNS:
        results = [result for case in cases for result in case.results[column]]
        print(f"{column}: {sum(result is None for result in results)} of {len(results)} pass")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("cases", nargs="*", metavar="CASE-PREFIX")
    parser.add_argument("--server", default=SERVABLE, help="command with {port}, {name} and {base_path}")
    parser.add_argument("--golden", default=os.path.join(os.path.dirname(REPOSITORY), "shared", "golden"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cases = list(golden_cases(args.golden, args.cases)) or [own_case(os.path.join(folder, "half_plus_two"))]
        for case in cases:
            case.run(args.server)
        print_report(cases)
    return any(result is not None for case in cases for results in case.results.values() for result in results)


if __name__ == "__main__":
    sys.exit(main())
