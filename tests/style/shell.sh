#!/bin/sh
# SPDX-License-Identifier: MIT
# Every shell script passes shellcheck. 77: not installed.
cd "$(dirname "$0")/../.." || exit 1
command -v shellcheck >/dev/null || exit 77
shellcheck --severity=warning --external-sources scripts/run scripts/test scripts/install-packages .ci/run tests/style/*.sh
