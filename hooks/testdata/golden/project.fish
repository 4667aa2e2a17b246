test "$PWD" = "$__vault_dir"; or __vault_moved
set -g __vault_dir -; set -g __vault_pwd -
# --- project directories
set -g __vault_dir -
set -g __vault_pwd -
set -g __vault_root ''
set -g __vault_rec ''
set -g __vault_seen ''
function __vault_moved
set -l p "$PWD"
test "$p" = /; and set p ''
if test "$PWD" = "$__vault_pwd" -a -e "$__vault_root/.vault-profile"
set p "$__vault_root"
else
while not test -e "$p/.vault-profile" -o -L "$p/.vault-profile"
if test -z "$p"
set -g __vault_dir "$PWD"
set -g __vault_pwd -
set -g __vault_seen ''
test -z "$__VAULT_PROJECT"; or __vault_project
return
end
set p "$(string replace -r '/[^/]*$' '' -- $p | string collect)"
end
end
set -g __vault_dir -
set -g __vault_pwd "$PWD"
set -g __vault_root "$p"
set -l s
__vault_stamp
test "$__vault_stamp" = "$__vault_seen"; and return
test -n "$p"; or set p /
__vault_project $p
__vault_stamp
set -g __vault_seen "$__vault_stamp"
end
function __vault_stamp
set -g __vault_stamp "$__vault_root/"
test -e "$__vault_rec"; and set -g __vault_stamp "$__vault_stamp+"
test "$__vault_root/.vault-profile" -nt "$__vault_rec"; and set -g __vault_stamp "$__vault_stamp-"
end
function __vault_project
command -q vault; or return
set -l fish_trace
set -g __vault_busy
set -l code ''
set -g __vault_rec ''
__VAULT_SHELL=fish __VAULT_PID=$fish_pid __VAULT_DRAW=$__vault_draw __VAULT_UNIVERSAL=(__vault_fixed) command vault project enter --mode switch $argv 3>&1 </dev/null >/dev/null | read -z code
test $pipestatus[1] -eq 0; and test -n "$code"; and eval $code
set -e __vault_busy
end
function __vault_watch
set -g __vault_rec $argv[1]
end
