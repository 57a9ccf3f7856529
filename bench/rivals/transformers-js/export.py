"""Exports a causal language model for transformers.js with public tools, as the ones on the hub are made: optimum-onnx writes the graph,
ONNX Runtime's dynamic quantisation its 8-bit file (`dtype: 'q8'`, onnx/model_quantized.onnx).

Usage: python export.py MODEL_FOLDER OUTPUT_FOLDER   (requirements.txt beside this file)
"""

import shutil
import sys
import tempfile
from pathlib import Path

from onnxruntime.quantization import QuantType, quantize_dynamic
from optimum.exporters.onnx import main_export


def main():
    model, output = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as exported:
        main_export(str(model), exported, task="text-generation-with-past", dtype="fp32", do_validation=False)
        (output / "onnx").mkdir(parents=True, exist_ok=True)
        quantize_dynamic(Path(exported) / "model.onnx", output / "onnx" / "model_quantized.onnx", weight_type=QuantType.QInt8)
        for file in Path(exported).glob("*.json"):
            shutil.copy(file, output)
    # what the exporter does not copy, transformers.js reads too
    for name in ["tokenizer.json", "tokenizer_config.json", "generation_config.json"]:
        if (model / name).exists() and not (output / name).exists():
            shutil.copy(model / name, output)


main()
