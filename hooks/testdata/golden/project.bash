[[ $PWD == "$_vdir" ]] || _v_quiet _v_moved || :
_vdir=- _vpwd=-
# --- project directories
# shellcheck shell=bash disable=SC2154
_vdir=- _vpwd=- _vroot='' _vrec='' _vseen=''
_v_moved() {
builtin local _vp="${PWD%/}" _vs=''
if [[ $PWD == "$_vpwd" && -e $_vroot/.vault-profile ]]; then
_vp=$_vroot
else
until [[ -e $_vp/.vault-profile || -L $_vp/.vault-profile ]]; do
if [[ $_vp != */* ]]; then
_vdir=$PWD _vpwd=- _vseen=''
[[ -z ${__VAULT_PROJECT-} ]] || _v_project
return 0
fi
_vp=${_vp%/*}
done
fi
_vdir=- _vpwd=$PWD _vroot=$_vp
_v_stamp
[[ $_vs != "$_vseen" ]] || return 0
_v_project "${_vroot:-/}"
_v_stamp
_vseen=$_vs
}
_v_stamp() {
_vs=$_vroot/
[[ ! -e $_vrec ]] || _vs=$_vs+
[[ ! $_vroot/.vault-profile -nt $_vrec ]] || _vs=$_vs-
}
_v_project() {
builtin type -P vault >/dev/null || return 0
builtin local _vcode=''
_vrec=''
_vcode=$(_v_ask project enter --mode switch "$@" 3>&1 </dev/null >/dev/null) || return 0
_v_eval
}
__vault_watch() { _vrec=$1; }
