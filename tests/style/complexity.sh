#!/bin/sh
# SPDX-License-Identifier: MIT
# No function beyond 120 lines or a complexity of 25; prints the ten longest.
cd "$(dirname "$0")/../.." || exit 1
command -v pmccabe >/dev/null || exit 77
all=$(find src -name '*.c' -print0 | xargs -0 pmccabe)
[ -n "$all" ] || exit 1
echo "complexity, lines, function:"
echo "$all" | sort -k5,5nr | head | awk '{printf "%4d %4d %s %s\n", $1, $5, $6, $7}'
! echo "$all" | awk '$5 > 120 || $1 > 25' | grep .
