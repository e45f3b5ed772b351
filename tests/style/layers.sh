#!/bin/sh
# SPDX-License-Identifier: MIT
# Each library is known only to the layer that owns it, and no layer includes
# another's private headers. Fails with the lines that break this.
cd "$(dirname "$0")/../.." || exit 1
status=0

# only PATTERN WHERE...: lines with the pattern may stand in these paths only
only() {
	pattern=$1
	shift
	found=$(grep -rnE "#include $pattern" src include | grep -vE "^($(echo "$@" | tr ' ' '|'))")
	if [ -n "$found" ]; then
		echo "$pattern outside $*:"
		echo "$found"
		status=1
	fi
}

only '<(libmnl|linux)/' src/collect/ src/lab/
only '<zstd' src/collect/
only '<(curses|ncurses|ncursesw|term)[./]' src/tui/
only '<jansson' src/report/json_parts.h
only '<time.h>' src/session.c src/collect/ src/tui/ src/util/format.c src/util/time_at.c src/report/text
only '<pthread' src/tui/
only '<ini' src/config/config_reader.c src/config/ini_pairs.c

# A quoted include is a contract ("conn-doctor/...") or a header beside the file.
for file in src/*/*.c src/*/*.h; do
	grep -oE '#include "[^"]+"' "$file" | cut -d'"' -f2 | while read -r header; do
		case $header in
		conn-doctor/*) ;;
		*) [ -e "$(dirname "$file")/$header" ] || echo "$file includes $header" ;;
		esac
	done
done | grep . && status=1

# The pure middle reads no clock, no environment and no file.
if grep -nE '\b(time|clock_gettime|gettimeofday|getenv|secure_getenv|fopen|open)\(' \
	src/diagnose/*.c src/filter/*.c src/model/*.c; then
	echo "a pure layer does input or output"
	status=1
fi

# Text is never written without the size of what it is written to (HACKING.md).
if grep -rnE '\b(strcpy|stpcpy|strcat|sprintf|vsprintf)\(' src include; then
	echo "text is written without a size; use snprintf or strbuf_addf"
	status=1
fi

missing=$(git ls-files '*.c' '*.h' '*.py' '*.cmake' 'CMakeLists.txt' 2>/dev/null |
	xargs grep -L 'SPDX-License-Identifier' 2>/dev/null)
if [ -n "$missing" ]; then
	echo "no SPDX line: $missing"
	status=1
fi
exit $status
