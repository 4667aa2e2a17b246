[[ $PWD == "$__vault_dir" ]] || __vault_moved
__vault_dir=- __vault_pwd=-
# --- project directories
typeset -g __vault_dir=- __vault_pwd=- __vault_root= __vault_rec= __vault_seen=
__vault_moved() {
local p=${PWD%/} s
if [[ $PWD == "$__vault_pwd" && -e $__vault_root/.vault-profile ]]; then
p=$__vault_root
else
until [[ -e $p/.vault-profile || -h $p/.vault-profile ]]; do
if [[ $p != */* ]]; then
__vault_dir=$PWD __vault_pwd=- __vault_seen=
[[ -z ${__VAULT_PROJECT-} ]] || __vault_project
return 0
fi
p=${p%/*}
done
fi
__vault_dir=- __vault_pwd=$PWD __vault_root=$p
__vault_stamp
[[ $s != "$__vault_seen" ]] || return 0
__vault_project "${__vault_root:-/}"
__vault_stamp
__vault_seen=$s
}
__vault_stamp() {
s=$__vault_root/
[[ ! -e $__vault_rec ]] || s+=+
[[ ! $__vault_root/.vault-profile -nt $__vault_rec ]] || s+=-
}
__vault_project() {
builtin whence -p -- $__vault_bin >/dev/null || return 0
local __vault_code __vault_sub __vault_me=$$
__vault_rec=
__vault_code="$(__vault_ask project enter --mode switch "$@" 3>&1 </dev/null >/dev/null)" || return 0
[[ -z $__vault_code ]] || builtin eval "$__vault_code"
}
__vault_watch() { __vault_rec=$1 }
