# --- project directories
# What the hook for bash has more where it looks for them. What is said at the top of hook.bash
# holds here too.
# shellcheck shell=bash disable=SC2154
# _vdir: the directory for which nothing is to be done; in a project it is none. _vpwd: the one that
# was looked at last in a project, _vroot the project's, _vrec the file that says whether it is
# trusted, _vseen what the program has answered to.
_vdir=- _vpwd=- _vroot='' _vrec='' _vseen=''

# Looks for the nearest file, from here upwards, and asks the program if it is another one, or has
# changed, or was trusted.
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

# What is seen of the file from outside.
_v_stamp() {
  _vs=$_vroot/
  [[ ! -e $_vrec ]] || _vs=$_vs+
  [[ ! $_vroot/.vault-profile -nt $_vrec ]] || _vs=$_vs-
}

# The program says what it has to say on the terminal, and asks nothing.
_v_project() {
  builtin type -P @BINARY@ >/dev/null || return 0
  builtin local _vcode=''
  _vrec=''
  _vcode=$(_v_ask project enter --mode @MODE@ "$@" 3>&1 </dev/null >/dev/null) || return 0
  _v_eval
}

# Called by the code: the file that says whether the project is trusted.
__vault_watch() { _vrec=$1; }
