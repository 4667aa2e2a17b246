set -g __vault_draw drawn
function __vault_style
set -g __vault_sty $argv
set -g __vault_drawn
end
function __vault_segment
set -g __vault_shown 1
set -l text $__vault_text
test -n "$text"; or return
if test "$__vault_drawn[1]" != "$text"
set -l n (string length -- "$__vault_label")
set -l rest (string sub -s (builtin math "max(1, $n) + 1") -- $text)
set -l c \e\[0\;$__vault_sty'm'
if set -q c[1]
set c[4..5] $c[1] \e\[0m
string match -qr '!$|^ [0-4]m' -- $rest; and set c[4] $c[2]
string match -qr ' (expired|<1m|changed!)' -- $rest; and set c[4] $c[3]
end
set -g __vault_drawn $text " $c[1]["(string sub -l (builtin math "max(1, $n)") -- $text)"$c[4]$rest$c[1]]$c[5]"
end
builtin printf %s $__vault_drawn[2]
end
function __vault_wrap
__vault_drawer
test -z "$__vault_by"; or return
builtin functions -q fish_prompt
set -l old __vault_right_(builtin random)
if builtin functions -q fish_right_prompt
builtin functions fish_right_prompt | string match -q '*__vault_segment*'; and return
builtin functions -c fish_right_prompt $old
else
function $old
end
end
function fish_right_prompt --inherit-variable old
$old
__vault_segment
end
end
if test 0 -eq 1; and not builtin functions -q __vault_title
builtin functions -q fish_title; and builtin functions -c fish_title __vault_title
or function __vault_title; prompt_pwd; end
function fish_title
builtin set -l theirs (__vault_title $argv)
builtin test -z "$__vault_text"; or builtin printf '%s: ' $__vault_text
builtin test -n "$__vault_text$theirs"; or builtin printf ' '
builtin string join \n -- $theirs
end
end
