# --- project directories
# What the hook for fish has more where it looks for them.
# dir: the directory for which nothing is to be done; in a project it is none. pwd: the one that
# was looked at last in a project, root the project, rec the file that says whether it is
# trusted, seen what the program has answered to.
set -g __vault_dir -
set -g __vault_pwd -
set -g __vault_root ''
set -g __vault_rec ''
set -g __vault_seen ''

# Looks for the nearest file, from here upwards, and asks the program if it is another one, or has
# changed, or was trusted.
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

# What is seen of the file from outside.
function __vault_stamp
    set -g __vault_stamp "$__vault_root/"
    test -e "$__vault_rec"; and set -g __vault_stamp "$__vault_stamp+"
    test "$__vault_root/.vault-profile" -nt "$__vault_rec"; and set -g __vault_stamp "$__vault_stamp-"
end

# The program says what it has to say on the terminal, and asks nothing.
function __vault_project
    command -q @BINARY@; or return
    set -l fish_trace
    set -g __vault_busy
    set -l code ''
    set -g __vault_rec ''
    __VAULT_SHELL=fish __VAULT_PID=$fish_pid __VAULT_DRAW=$__vault_draw __VAULT_UNIVERSAL=(__vault_fixed) command @BINARY@ project enter --mode @MODE@ $argv 3>&1 </dev/null >/dev/null | read -z code
    test $pipestatus[1] -eq 0; and test -n "$code"; and eval $code
    set -e __vault_busy
end

# Called by the code: the file that says whether the project is trusted.
function __vault_watch
    set -g __vault_rec $argv[1]
end
