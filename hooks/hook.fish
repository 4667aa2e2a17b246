# vault hook for fish 3.6 and later
set -q VSCODE_RESOLVING_ENVIRONMENT; and return

# --- the function: fd 3 carries code; the other streams stay the user's. A command
# substitution would have neither fd 4 nor the piped stdin. Other commands run as if there
# were no function, so that job control works.
function @NAME@ --description 'AWS sessions in this shell'
    set -lx __VAULT_LACKS (__vault_lacks)@AGAIN@
    if not __vault_switches $argv
        command @BINARY@@CALLED_AS@ $argv
        return
    end
    # nothing below is traced
    set -l fish_trace
    set -g __vault_busy
    set -l code ''
    set -l rc 0
    begin
        __VAULT_SHELL=fish __VAULT_PID=$fish_pid __VAULT_DRAW=$__vault_draw __VAULT_UNIVERSAL=(__vault_fixed) command @BINARY@@CALLED_AS@ $argv 3>&1 >&4 | read -z code
        set rc $pipestatus[1]
    end 4>&1
    # A Ctrl-C also ends the line, whose rest would be run in the account of before.
    test $rc -eq 0; or set -e __vault_busy
    test $rc -eq 130; and command kill -INT $fish_pid
    test $rc -eq 0; or return $rc
    string match -q '* *' "$__VAULT_LACKS"; and set -g __vault_told told
    test -z "$code"; or eval $code
    set -e __vault_busy
    return 0
end

# Names what does not work in this shell, for the program to tell.
function __vault_lacks
    if not status is-interactive
        builtin printf script
        return
    end
    builtin functions -q __vault_on_prompt; or builtin printf renewal
    test -n "$__vault_draw"; or return
    __vault_drawer
    set -q __vault_shown; or builtin functions fish_right_prompt | string match -q '*$__vault_text*'; and return
    set -q __VAULT_TOKEN; or test -n "$__vault_by"; or return
    builtin contains -- "$__vault_by" starship tide; or builtin printf ' %s %s' (string match -v -- '' $__vault_by; or builtin printf label) $__vault_told
end

# Says who draws the prompt as that is told to; nothing where the hook draws.
function __vault_drawer
    set -q __vault_by[1]; or set -g __vault_by (builtin functions fish_prompt | string match -r 'starship|_tide_|_omp_|_pure_' | string trim -c _)[1]
end

# Names the variables that fish has universally: they can be hidden, and not removed.
function __vault_fixed
    set -nU | string match -r '^A(?:WS|MAZON)_.*' | string join ' '
end

# True when the first word that is not a flag changes the shell.
function __vault_switches
    while set -q argv[1]
        switch $argv[1]
            case use off refresh
                return 0
            case -
                test -n "$AWS_VAULT_SHORT"
                return
            case '-*'
                builtin contains -- $argv[1] @VALUE_FLAGS@; and set -e argv[1]
            case '*' # a profile, where that is wanted
                test -n "$AWS_VAULT_SHORT"; and not builtin contains -- $argv[1] @VERBS@
                return
        end
        set -e argv[1]
    end
    return 1
end

# Applies the current session again. A missing program must not call fish_command_not_found.
function __vault_apply
    command -q @BINARY@; or return
    set -l fish_trace
    set -l code ''
    __VAULT_SHELL=fish __VAULT_PID=$fish_pid __VAULT_DRAW=$__vault_draw __VAULT_UNIVERSAL=(__vault_fixed) command @BINARY@ refresh $argv 3>&1 </dev/null >/dev/null 2>/dev/null | read -z code
    test $pipestatus[1] -eq 0; and test -n "$code"; or return
    eval $code
    return 0
end

# Called by the code: EXPIRY RENEW-FROM NOTE LABEL CHECK FROM. CHECK, if not empty: the clock is
# wrong, so the program is asked each time the label changes. FROM: no earlier time is later than
# the answer. The jitter keeps shells from renewing at once.
function __vault_set
    set -l m (builtin math "max(1, floor(($argv[1] - $argv[2]) / 10))")
    test $m -lt 12; or set m 20
    set -g __vault_exp $argv[1]
    set -g __vault_ref $argv[2]
    test $argv[2] -gt 0; and set -g __vault_ref (builtin math "$argv[2] + $fish_pid % $m")
    set -g __vault_note $argv[3]
    set -g __vault_label $argv[4]
    set -g __vault_chk $argv[5]
    set -g __vault_from $argv[6]
    set -q argv[6]; or set -g __vault_from 0
    set -g __vault_lo -9999999999
    set -g __vault_hi -9999999999
    __vault_look
    set -g __vault_who $__vault_id
    set -g __vault_here $__vault_in
end

# Who the variables say one is, without a secret, and the regions. The status is how many
# of the two are missing.
function __vault_look
    set -q AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
    set -g __vault_id "$AWS_ACCESS_KEY_ID|$AWS_PROFILE|$AWS_VAULT|$status"
    set -g __vault_in "$AWS_REGION|$AWS_DEFAULT_REGION"
end

# Called by the code: puts variables of the user aside in a list that is not exported.
function __vault_stash
    set -l fish_trace
    set -gu __vault_kept
    for n in $argv
        set -l how -gu
        set -qgx $n; and set how -gx
        set -qg $n; and set -a __vault_kept $how $n "$$n"
    end
end

# Puts them back as soon as none of them is set: a tool may have set some for the directory.
# Without arguments it forgets them.
function __vault_unstash
    set -l fish_trace
    set -q argv[1]; or set -gu __vault_kept
    set -l kept $__vault_kept
    while set -q kept[3]
        set -q $kept[2]; and return
        set -e kept[1..3]
    end
    while set -q __vault_kept[3]
        set $__vault_kept[1] $__vault_kept[2] $__vault_kept[3]
        set -e __vault_kept[1..3]
    end
end

# --- the precmd. The clock is `path mtime -R`: seconds since the generation file's mtime.
function __vault_precmd@CHECK@
    if not set -q __VAULT_TOKEN
        set -g __vault_text ''
        set -q __vault_kept[1]; and __vault_unstash all
        return
    end
    # Starts no process while label, generation and variables are right. As __vault_look has
    # it, without a call.
    set -l age (builtin path mtime -R -- "$__VAULT_TOKEN")
    and test $age -ge $__vault_lo -a $age -lt $__vault_hi
    and begin
        set -q AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
        test "$AWS_ACCESS_KEY_ID|$AWS_PROFILE|$AWS_VAULT|$status@$AWS_REGION|$AWS_DEFAULT_REGION" = "$__vault_who@$__vault_here"
    end
    or __vault_slow "$age"
    # a renewal ended meanwhile
    if set -q __vault_again
        set -e __vault_again
        __vault_precmd
        return
    end
    if set -q __vault_shown
        set -e __vault_shown
    else if test "$__vault_draw" = drawn
        __vault_wrap
    end
end

function __vault_slow
    set -l age $argv[1]
    __vault_look
    if test -n "$__vault_who"; and test "$__vault_id" != "$__vault_who"
        # another program did it: shown, and left alone
        set -g __vault_text "$__vault_label changed!"
        set -g __vault_hi -9999999999
        set -g __vault_lo -9999999999
        return
    end
    set -g __vault_busy
    set -l now (__vault_now)
    # or the clock was set back
    if test -z "$__vault_who" -o -z "$age" -o -n "$__vault_chk" -o "$__vault_in" != "$__vault_here"; or test $age -lt $__vault_lo -o $now -lt $__vault_from
        if test $now -ge (builtin math $__vault_try + 30) -o $now -lt $__vault_try
            set -l old "$__VAULT_TOKEN"
            set -g __vault_try $now
            set -l applied 1
            __vault_apply --env; and set applied 0
            # it may have been set meanwhile
            set now (__vault_now)
            set age (builtin path mtime -R -- "$__VAULT_TOKEN")
            or test "$__VAULT_TOKEN" != "$old"
            and test -n "$__vault_who" -a $applied -eq 0
            and set -g __vault_try 0
        end
    end
    if test -n "$age" -a $__vault_ref -gt 0 -a $now -ge $__vault_ref
        if test "$__vault_gen" != "$__VAULT_TOKEN" -o $now -ge (builtin math $__vault_rtry + 30) -o $now -lt $__vault_rtry
            set -g __vault_gen $__VAULT_TOKEN
            set -g __vault_rtry $now
            __vault_renew
        end
    end
    __vault_show $now $age
    set -e __vault_busy
end

# The clock when there is no generation file.
function __vault_now
    builtin math (builtin path mtime -- /) + (builtin path mtime -R -- /)
end

function __vault_renew
    command -q @BINARY@; or return
    command @BINARY@ refresh --if-due </dev/null >/dev/null 2>&1 &
    function __vault_renewed --on-process-exit $last_pid
        builtin functions -e __vault_renewed
        __vault_ended
    end
end

# A renewal has ended. That is an event, which may interrupt any function between two commands:
# also where an answer of the program was read and is about to be applied, to what the shell had
# when the program was asked. Then the prompt that comes looks again.
function __vault_ended
    if set -q __vault_busy
        set -g __vault_again
        return
    end
    set -l before "$__vault_text"
    __vault_precmd
    test "$before" = "$__vault_text"; or builtin commandline -f repaint
end

# Writes the text, and from which to which age it is right. What is left is not known by a clock that
# was set back after the answer: then the next prompt asks.
function __vault_show
    set -l s (builtin math $__vault_exp - $argv[1])
    set -l hold (builtin math "$s % 60 + 1")
    set -l left
    set -l from $argv[1]
    if test $__vault_exp -eq 0
        set hold 3600
    else if test $s -le 0
        set left expired
        set hold 30
    else if test $from -lt $__vault_from
        set from $__vault_from
        set hold -9999999999
    else if test $s -lt 60
        set left '<1m'
        set hold $s
    else if test $s -lt 5400
        set left (builtin math "floor($s / 60)")m
    else
        set left (builtin math "floor($s / 3600)")h(builtin math "floor($s / 60) % 60")m
    end
    set -l next (builtin math "max($__vault_ref, $__vault_rtry + 30) - $argv[1]")
    test $__vault_ref -gt $argv[1]; and set next (builtin math $__vault_ref - $argv[1])
    test $__vault_ref -gt 0 -a $next -gt 0 -a $next -lt $hold; and set hold $next
    set -q argv[2]; or set argv[2] 0
    set -g __vault_lo $argv[2]
    set -g __vault_hi (builtin math $argv[2] + $hold)
    set -g __vault_end (builtin math $argv[2] + $s)
    set -g __vault_from $from
    set -g __vault_text $__vault_label
    test -n "$__vault_label"; or set -g __vault_text '?'
    set -g __vault_text (string join ' ' -- $__vault_text $left (string match -v -- '' $__vault_note))
    set -q __VAULT_TOKEN; or set -g __vault_text ''
end

# Renews a session that has expired while the prompt waited.
function __vault_preexec
    set -q __VAULT_TOKEN; or return
    set -l age (builtin path mtime -R -- "$__VAULT_TOKEN")
    and test $__vault_exp -eq 0 -o $age -lt $__vault_end -a $age -ge $__vault_lo
    and return
    __vault_look
    test "$__vault_id" = "$__vault_who"; or return
    set -l now (__vault_now)
    test $now -ge (builtin math $__vault_late + 30) -o $now -lt $__vault_late; or return
    set -g __vault_late $now
    set -g __vault_busy
    __vault_apply --if-due --env
    set -e __vault_busy
end@PROJECT@

# --- the prompt segment
# It is in draw.fish, which the program adds to the first code, as __vault_draw asks.

# --- registration
if test "$__vault_pid" != $fish_pid
    set -g __vault_pid $fish_pid
    set -g __vault_draw @DRAW@
    for n in text label note who here gen told
        set -g __vault_$n ''
    end
    for n in exp ref lo hi end try rtry late
        set -g __vault_$n 0
    end
end
set -q __vault_from; or set -g __vault_from 0
if status is-interactive
    function __vault_on_prompt --on-event fish_prompt
        __vault_precmd
    end
    function __vault_on_preexec --on-event fish_preexec
        __vault_preexec
    end
end

# --- in @RCLINE@
