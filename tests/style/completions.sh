#!/bin/bash
# SPDX-License-Identifier: MIT
# The completions work in their shells: what Tab offers, asked of each shell.
cd "$(dirname "$0")/../.." || exit 1
for shell in zsh fish; do
	command -v $shell >/dev/null || exit 77
done
status=0

# expect SHELL GIVEN WANTED OFFERED...
expect() {
	local shell=$1 given=$2 wanted=$3
	shift 3
	if ! printf '%s\n' "$@" | grep -qxF -- "$wanted"; then
		echo "$shell: after '$given' expected '$wanted', got: $*"
		status=1
	fi
}

# shellcheck source=completions/conn-doctor.bash
source completions/conn-doctor.bash
bash_offers() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	compopt() { :; }
	_conn_doctor
	printf '%s\n' "${COMPREPLY[@]}"
}
expect bash 'conn-doctor ch' check "$(bash_offers conn-doctor ch)"
expect bash 'check --int' --interval= "$(bash_offers conn-doctor check --int)"
expect bash 'list -o j' json "$(bash_offers conn-doctor list -o j)"
expect bash 'check --set close-wait-a' close-wait-age= \
	"$(bash_offers conn-doctor check --set close-wait-a)"
expect bash 'list verdict half' half-open "$(bash_offers conn-doctor list verdict half)"
if bash_offers conn-doctor watch --js | grep -q json; then
	echo "bash: watch offers --json"
	status=1
fi

fish_offers() {
	fish --no-config -c "source completions/conn-doctor.fish; complete -C '$1'" | cut -f1
}
expect fish 'conn-doctor ch' check "$(fish_offers 'conn-doctor ch')"
expect fish 'conn-doctor check --int' --interval "$(fish_offers 'conn-doctor check --int')"
expect fish 'conn-doctor list -o j' json "$(fish_offers 'conn-doctor list -o j')"

# zsh completes only with a line editor; parsing and defining is checked here.
zsh -f -c 'autoload -U compinit; fpath=(completions $fpath); compinit -u -D;
	autoload +X -U _conn_doctor 2>/dev/null; whence -w _conn-doctor' |
	grep -q 'function' || {
	echo "zsh: _conn-doctor is not found by compinit"
	status=1
}
zsh -n completions/_conn-doctor || status=1
exit $status
