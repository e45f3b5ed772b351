# SPDX-License-Identifier: MIT
# bash completion of conn-doctor; made by scripts/update-docs, do not edit
_conn_doctor() {
    local cur prev words cword
    _init_completion -n := 2>/dev/null || {
        cur=${COMP_WORDS[COMP_CWORD]}
        prev=${COMP_WORDS[COMP_CWORD - 1]}
        words=("${COMP_WORDS[@]}")
        cword=$COMP_CWORD
    }
    local command="" i
    for ((i = 1; i < cword; i++)); do
        case ${words[i]} in
        check | list | watch | explain | config | lab | help)
            command=${words[i]}
            break
            ;;
        esac
    done
    case $prev in
    --config | -f)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    --set)
        mapfile -t COMPREPLY < <(compgen -W 'half-open-retransmits= half-open-no-ack= half-open-proven-retransmits= half-open-proven-no-ack= half-open-critical-age= probes-unanswered= probes-unanswered-proven= unreachable-retransmits= local-path-down-age= slow-reader-age= slow-reader-critical-age= lossy-share= lossy-retransmits= queued-age= close-wait-unread-age= close-wait-age= close-wait-critical-age= close-wait-critical-count= close-wait-fd-share= trend-points= trend-window= growth-min= growth-share= growth-eta= reset-baseline= reset-factor= reset-window= reset-critical-age= reset-learn= unread-age= stuck-worker-sockets= unread-notice= stuck-worker-critical-age= slow-response-age= slow-response-count= slow-upstream-age= fin-wait-age= idle-unverified-age= connect-age= active-age= accept-queue-share= queue-abandoned-critical= fd-share= fd-critical-share= syn-queue-count= syn-queue-share= syn-queue-critical-share= ports-share= ports-critical-share= orphans-share= orphans-critical-share= lossy-path-count= lossy-path-share= pool-wait-age= pool-critical-age= pool-idle-age= idle-in-transaction-age= peer-count= peer-share= peer-critical-count= peer-critical-share= keepalive-idle-age= keepalive-max-idle= open-for= close-after=' -- "$cur")
        return
        ;;
    --read)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    --record)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    --state)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    --output | -o)
        mapfile -t COMPREPLY < <(compgen -W 'text plain json' -- "$cur")
        return
        ;;
    --output-file)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    --fail-on)
        mapfile -t COMPREPLY < <(compgen -W 'warning critical' -- "$cur")
        return
        ;;
    --color)
        mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur")
        return
        ;;
    --stack)
        mapfile -t COMPREPLY < <(compgen -W 'apache daphne django go gunicorn haproxy hypercorn java nginx node pgbouncer postgresql redis uvicorn' -- "$cur")
        return
        ;;
    state | exclude)
        mapfile -t COMPREPLY < <(compgen -W 'established syn-sent syn-recv fin-wait-1 fin-wait-2 time-wait closed close-wait last-ack listening closing all connected synchronized bucket big' -- "$cur")
        return
        ;;
    verdict)
        mapfile -t COMPREPLY < <(compgen -W 'half-open unreachable local-path-down unread close-wait-unread queue-abandoned queued close-wait-leak slow-reader connect-stuck slow-upstream slow-response fin-wait-held lossy half-open-suspect not-assessed connecting handshake close-wait closing time-wait active idle listening' -- "$cur")
        return
        ;;
    esac
    case $cur in
    --config=*)
        mapfile -t COMPREPLY < <(compgen -f -- "${cur#*=}")
        return
        ;;
    --set=*)
        mapfile -t COMPREPLY < <(compgen -W 'half-open-retransmits= half-open-no-ack= half-open-proven-retransmits= half-open-proven-no-ack= half-open-critical-age= probes-unanswered= probes-unanswered-proven= unreachable-retransmits= local-path-down-age= slow-reader-age= slow-reader-critical-age= lossy-share= lossy-retransmits= queued-age= close-wait-unread-age= close-wait-age= close-wait-critical-age= close-wait-critical-count= close-wait-fd-share= trend-points= trend-window= growth-min= growth-share= growth-eta= reset-baseline= reset-factor= reset-window= reset-critical-age= reset-learn= unread-age= stuck-worker-sockets= unread-notice= stuck-worker-critical-age= slow-response-age= slow-response-count= slow-upstream-age= fin-wait-age= idle-unverified-age= connect-age= active-age= accept-queue-share= queue-abandoned-critical= fd-share= fd-critical-share= syn-queue-count= syn-queue-share= syn-queue-critical-share= ports-share= ports-critical-share= orphans-share= orphans-critical-share= lossy-path-count= lossy-path-share= pool-wait-age= pool-critical-age= pool-idle-age= idle-in-transaction-age= peer-count= peer-share= peer-critical-count= peer-critical-share= keepalive-idle-age= keepalive-max-idle= open-for= close-after=' -- "${cur#*=}")
        return
        ;;
    --read=*)
        mapfile -t COMPREPLY < <(compgen -f -- "${cur#*=}")
        return
        ;;
    --record=*)
        mapfile -t COMPREPLY < <(compgen -f -- "${cur#*=}")
        return
        ;;
    --state=*)
        mapfile -t COMPREPLY < <(compgen -f -- "${cur#*=}")
        return
        ;;
    --output=*)
        mapfile -t COMPREPLY < <(compgen -W 'text plain json' -- "${cur#*=}")
        return
        ;;
    --output-file=*)
        mapfile -t COMPREPLY < <(compgen -f -- "${cur#*=}")
        return
        ;;
    --fail-on=*)
        mapfile -t COMPREPLY < <(compgen -W 'warning critical' -- "${cur#*=}")
        return
        ;;
    --color=*)
        mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "${cur#*=}")
        return
        ;;
    --stack=*)
        mapfile -t COMPREPLY < <(compgen -W 'apache daphne django go gunicorn haproxy hypercorn java nginx node pgbouncer postgresql redis uvicorn' -- "${cur#*=}")
        return
        ;;
    esac
    case $command in
    "") mapfile -t COMPREPLY < <(compgen -W 'check list watch explain config lab help --help --version' -- "$cur") ;;
    help) mapfile -t COMPREPLY < <(compgen -W 'check list watch explain config lab help' -- "$cur") ;;
    check) mapfile -t COMPREPLY < <(compgen -W '--once --interval= --count= --config= --set= --no-processes --timeout= --read= --at= --record= --state= --output= --json --output-file= --all-connections --wide --fail-on= --exit-zero --color --ascii --no-pager --verbose --quiet --help --version state exclude src dst sport dport dev fwmark cgroup autobound age idle rtt recvq sendq retrans verdict and or not' -- "$cur") ;;
    list) mapfile -t COMPREPLY < <(compgen -W '--interval= --count= --config= --set= --no-processes --timeout= --read= --at= --record= --state= --output= --json --output-file= --wide --no-header --color --ascii --no-pager --verbose --help --version state exclude src dst sport dport dev fwmark cgroup autobound age idle rtt recvq sendq retrans verdict and or not' -- "$cur") ;;
    watch) mapfile -t COMPREPLY < <(compgen -W '--interval= --count= --config= --set= --no-processes --timeout= --read= --at= --record= --color --ascii --mouse --verbose --help --version state exclude src dst sport dport dev fwmark cgroup autobound age idle rtt recvq sendq retrans verdict and or not' -- "$cur") ;;
    explain) mapfile -t COMPREPLY < <(compgen -W '--color --no-pager --list --stack= --help --version accept-queue-full close-wait-leak close-wait-unread connect-stuck connection-growth fd-exhaustion fin-wait-held half-open half-open-suspect heartbeat-missed idle-cliff keepalive-missing local-path-down lossy lossy-path not-assessed orphans pool-exhausted pool-leak port-exhaustion queue-abandoned queued reset-storm risky-flags slow-reader slow-response slow-upstream stuck-worker syn-flood timeout-chain too-many-per-peer unreachable unread' -- "$cur") ;;
    config) mapfile -t COMPREPLY < <(compgen -W '--interval= --config= --set= --no-processes --timeout= --color --ascii --help --version show check' -- "$cur") ;;
    lab) mapfile -t COMPREPLY < <(compgen -W '--count= --list --port= --hold= --help --version healthy half-open unreachable local-path-down unread close-wait-unread queue-abandoned queued accept-queue-full close-wait-leak slow-reader connect-stuck slow-upstream slow-response fin-wait-held half-open-suspect lossy' -- "$cur") ;;
    esac
    [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -F _conn_doctor conn-doctor
