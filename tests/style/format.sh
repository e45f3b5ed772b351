#!/bin/sh
# SPDX-License-Identifier: MIT
# The sources are as clang-format would write them. 77: not installed.
cd "$(dirname "$0")/../.." || exit 1
command -v clang-format >/dev/null || exit 77
find src include tests tools bench \( -name '*.c' -o -name '*.h' \) -print0 |
	xargs -0 clang-format --style=file --dry-run --Werror
