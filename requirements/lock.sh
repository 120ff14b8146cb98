#!/bin/sh
# Write run.txt, s3.txt, onnx.txt, test.txt and proof.txt anew: pinned, hashed, for every platform, and without the address of any index.
set -eu
compile() {
    .venv/bin/python -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-header --group build "$@" pyproject.toml
}
.venv/bin/python -m pip install --quiet uv
compile --output-file requirements/run.txt
compile --extra s3 --constraint requirements/run.txt --output-file requirements/s3.txt
compile --extra onnx --constraint requirements/run.txt --output-file requirements/onnx.txt
compile --group test --constraint requirements/s3.txt --constraint requirements/onnx.txt \
    --output-file requirements/test.txt
compile --group proof --constraint requirements/test.txt --output-file requirements/proof.txt
