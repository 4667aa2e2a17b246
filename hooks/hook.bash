# vault hook for bash 3.2 and later. Its variables begin with _v, local ones too: bash cannot
# make a read-only variable of the user local. What others may use begins with __vault.
# shellcheck shell=bash disable=SC2016,SC2128,SC2178
# Without aliases; what bash parses later has a \ instead.
\builtin shopt -q expand_aliases && _valias=-s || _valias=-u
\builtin shopt -u expand_aliases
if [[ -z ${VSCODE_RESOLVING_ENVIRONMENT-} ]]; then

# --- the function: fd 3 carries code; the other streams stay the user's
# Other commands run as if there were no function, so that job control works.
@NAME@() {
  if ! __vault_switches "$@"; then
    command @BINARY@@CALLED_AS@ "$@"
    return
  fi
  builtin local _vrc=0 _vsub=''
  ((BASH_SUBSHELL <= _vlevel)) || _vsub=1
  __vault_quiet __vault_run "$@" || _vrc=$?
  [[ -z $_vsub ]] || ((_vrc)) || __vault_watch
  return "$_vrc"
}

# In a sub-shell: fails when it ends without another command, as in "use x | cat". The
# return above and the first command of the trap are counted too.
__vault_watch() {
  [[ -z $(\builtin trap -p EXIT) ]] || return 0
  builtin trap '((_vsteps > 2)) || { builtin echo "@NAME@: this sub-shell has ended, and the shell around it is as it was" >&2; builtin exit 1; }' EXIT
  _vsteps=0
  builtin trap '((++_vsteps))' DEBUG
}

# True when the first word that is not a flag changes the shell.
__vault_switches() {
  while (($#)); do
    case $1 in
      use | off | refresh) return 0 ;;
      -*) [[ " @VALUE_FLAGS@ " != *" $1 "* ]] || shift "$(($# > 1))" ;;
      *) return 1 ;;
    esac
    shift
  done
  return 1
}

__vault_run() {
  builtin local _vcode='' _vrc=0
  { _vcode=$(__vault_ask "$@" 3>&1 >&4 4>&-) || _vrc=$?; } 4>&1
  ((_vrc)) || __vault_eval
  return "$_vrc"
}

# Runs the program with fd 3 for code, and names the variables that cannot be unset.
__vault_ask() {
  __VAULT_SHELL=bash __VAULT_SUBSHELL=$_vsub __VAULT_READONLY=$(__vault_fixed 2>/dev/null) command @BINARY@@CALLED_AS@ "$@"
}

__vault_fixed() {
  for _vn in @VARIABLES@ ${!AWS_BEARER_TOKEN_@}; do builtin unset -v "$_vn" || builtin echo "$_vn"; done
}

# Parses the code here, so that the user's aliases do not apply.
__vault_eval() {
  [[ $_vcode ]] || return 0
  builtin local _va=-u
  ! builtin shopt -q expand_aliases || _va=-s
  builtin shopt -u expand_aliases
  builtin eval "$_vcode"
  builtin shopt "$_va" expand_aliases
}

# Runs "$@" without tracing. After a Ctrl-C the next prompt restores the options.
__vault_quiet() {
  { builtin local _vf="${-//[!xvT]/}" _vq=0; builtin set +xvT; } 2>/dev/null
  _vflags=$_vf
  "$@" || _vq=$?
  _vflags=''
  [[ -z $_vf ]] || builtin set "-$_vf"
  return "$_vq"
}

# Applies the current session again. A missing program must not call command_not_found_handle.
__vault_apply() {
  builtin type -P @BINARY@ >/dev/null || return 1
  builtin local _vcode='' _vsub=''
  _vcode=$(__vault_ask refresh "$@" 3>&1 </dev/null >/dev/null 2>/dev/null) || return 1
  __vault_eval
}

# Called by the code: EXPIRY RENEW-FROM NOTE LABEL [CHECK]. CHECK: the clock is wrong, so the
# program is asked each time the label changes. The jitter keeps shells from renewing at once.
__vault_set() {
  builtin local _vm="$(($1 - $2 < 120 ? ($1 - $2) / 10 : 20))"
  _vexp=$1 _vref=$(($2 ? $2 + $$ % (_vm > 0 ? _vm : 1) : 0)) _vnote=$3 __vault_label=$4 __vault_chk=${5-} __vault_lo=0 __vault_hi=0
  builtin local _vid _vin
  __vault_look
  _vwho=$_vid _vhere=$_vin
}

# Who the variables say one is, without a secret, and the regions.
__vault_look() {
  _vid="${AWS_ACCESS_KEY_ID-}|${AWS_PROFILE-}|${AWS_VAULT-}|${AWS_SECRET_ACCESS_KEY:+s}${AWS_SESSION_TOKEN:+t}"
  _vin="${AWS_REGION-}|${AWS_DEFAULT_REGION-}"
}

# Called by the code: puts variables of the user aside in an array, which bash never
# exports, and puts some of them back.
__vault_stash() {
  builtin local _vn _vd
  _vkept=()
  for _vn; do
    [[ ${!_vn+x} ]] || continue
    _vd=$(\builtin declare -p "$_vn")
    _vd=${_vd%%=*}
    _vkept+=("${_vd//[!x]/}" "$_vn" "${!_vn}")
  done
}

__vault_unstash() {
  builtin local _vi _vn
  for ((_vi = 0; _vi < ${#_vkept[@]}; _vi += 3)); do
    _vn=${_vkept[_vi + 1]}
    [[ " $* " == *" $_vn "* ]] || continue
    builtin printf -v "$_vn" %s "${_vkept[_vi + 2]}"
    [[ -z ${_vkept[_vi]} ]] || builtin export "${_vn?}"
  done
  _vkept=()
}

# --- the precmd
_vver=$((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1]))
if ((_vver >= 402)); then
  # EPOCHSECONDS came with 5.0
  __vault_now() { builtin printf -v _vt '%(%s)T' -1; }
else
  # SECONDS counts while the machine sleeps
  _vbase=$((@EPOCH@ - SECONDS))
  __vault_now() { _vt=$((_vbase + SECONDS)); }
fi

__vault_precmd() {
  builtin local _vrc="$?"
  if [[ $_vflags ]]; then builtin set "-$_vflags"; _vflags=''; fi
  if [[ -z ${__VAULT_TOKEN-} ]]; then
    __vault_text=''
  elif [[ $- != *[exv]* ]]; then
    __vault_tick
  else
    __vault_quiet __vault_tick || :
  fi
  # set -e would end the shell
  [[ $- != *e* ]] || return 0
  return "$_vrc"
}

# Starts no process while label, generation and variables are right.
__vault_tick() {
  builtin local _vt="${EPOCHSECONDS-}"
  [[ $_vt ]] || __vault_now
  # as __vault_look has it, without a call
  if ((_vt < __vault_lo || _vt >= __vault_hi)) || [[ ! -e $__VAULT_TOKEN ||
    "$_vwho|$_vhere" != "${AWS_ACCESS_KEY_ID-}|${AWS_PROFILE-}|${AWS_VAULT-}|${AWS_SECRET_ACCESS_KEY:+s}${AWS_SESSION_TOKEN:+t}|${AWS_REGION-}|${AWS_DEFAULT_REGION-}" ]]; then
    __vault_slow
  fi
  [[ ${PS1-} == *__vault_text* ]] || __vault_segment
}

__vault_slow() {
  builtin local _vid _vin
  __vault_look
  if [[ $_vwho && $_vwho != "$_vid" ]]; then
    # another program did it: shown, and left alone
    __vault_text="$__vault_label changed!" __vault_hi=0
    return
  fi
  # or the clock was set back
  if ((_vt < __vault_lo)) || [[ -z $_vwho || $__vault_chk || ! -e $__VAULT_TOKEN || $_vhere != "$_vin" ]]; then
    if ((_vt - _vtry >= 30 || _vt < _vtry)); then
      builtin local _vd="$__VAULT_TOKEN"
      _vtry=$_vt
      if __vault_apply --env && [[ $_vwho && (-e ${__VAULT_TOKEN-} || $_vd != "${__VAULT_TOKEN-}") ]]; then _vtry=0; fi
    fi
  fi
  if ((_vref && _vt >= _vref)) && [[ -e ${__VAULT_TOKEN-} ]]; then
    [[ $_vgen == "$__VAULT_TOKEN" ]] || _vgen=$__VAULT_TOKEN _vrtry=0
    if ((_vt - _vrtry >= 30 || _vt < _vrtry)); then
      _vrtry=$_vt
      __vault_renew
    fi
  fi
  __vault_show
}

__vault_renew() {
  builtin type -P @BINARY@ >/dev/null || return 0
  (command @BINARY@ refresh --if-due </dev/null >/dev/null 2>&1 &)
}

# Writes the text, and from when to when it is right.
__vault_show() {
  builtin local _vs="$((_vexp - _vt))" _vl=''
  __vault_lo=$_vt __vault_hi=$((_vt + _vs % 60 + 1))
  if ((_vexp == 0)); then __vault_hi=$((_vt + 3600))
  elif ((_vs <= 0)); then _vl=' expired' __vault_hi=$((_vt + 30))
  elif ((_vs < 60)); then _vl=' <1m' __vault_hi=$_vexp
  elif ((_vs < 5400)); then _vl=" $((_vs / 60))m"
  else _vl=" $((_vs / 3600))h$((_vs / 60 % 60))m"; fi
  _vs=$((_vref > _vt ? _vref : _vrtry + 30))
  if ((_vref && _vs > _vt && _vs < __vault_hi)); then __vault_hi=$_vs; fi
  __vault_text="${__vault_label:-?}$_vl${_vnote:+ $_vnote}"
  [[ ${__VAULT_TOKEN-} ]] || __vault_text=''
}

# Renews a session that has expired while the prompt waited.
__vault_preexec() {
  [[ ${__VAULT_TOKEN-} ]] || return 0
  builtin local _vt="${EPOCHSECONDS-}"
  [[ $_vt ]] || __vault_now
  if ((_vexp && _vt >= _vexp)) || [[ ! -e $__VAULT_TOKEN ]]; then __vault_quiet __vault_late || :; fi
}

__vault_late() {
  builtin local _vid _vin
  __vault_look
  [[ $_vwho == "$_vid" ]] || return 0
  if ((_vt - _vlate >= 30 || _vt < _vlate)); then
    _vlate=$_vt
    __vault_apply --if-due --env
  fi
}

# --- the prompt segment: PS1 refers to the text, which bash then does not expand
__vault_segment() {
  if ((@PROMPT@)) && builtin shopt -q promptvars; then
    PS1='${__vault_text:+[$__vault_text] }'"${PS1-}"
  fi
}

# --- registration, as the last hook
if [[ ${_vpid-} != "$$" ]]; then
  _vpid=$$ _vlevel=$BASH_SUBSHELL __vault_text='' __vault_label='' _vnote='' _vwho='' _vhere='' _vflags='' _vgen=''
  _vexp=0 _vref=0 __vault_lo=0 __vault_hi=0 _vtry=0 _vrtry=0 _vlate=0 _vble=''
  _vkept=()
fi
if [[ $- == *i* ]]; then
  if [[ ${BLE_VERSION-} ]]; then
    [[ $_vble ]] || blehook PRECMD+=__vault_precmd PREEXEC+=__vault_preexec
    _vble=1
  else
    # read by bash-preexec, which may be loaded later
    [[ ${preexec_functions[*]-} == *__vault_preexec* ]] || preexec_functions+=(__vault_preexec)
    if [[ ${bash_preexec_imported-}${__bp_imported-} ]]; then
      [[ ${precmd_functions[*]-} == *__vault_precmd* ]] || precmd_functions+=(__vault_precmd)
    elif [[ ${PROMPT_COMMAND[*]-} != *__vault_precmd* ]]; then
      if ((_vver >= 501)); then
        PROMPT_COMMAND+=(__vault_precmd)
      else
        # bash 3.2 misreads the line break inside "${x:+...}"
        _vnl=$'\n'
        PROMPT_COMMAND="${PROMPT_COMMAND:+$PROMPT_COMMAND$_vnl}__vault_precmd"
      fi
    fi
    if ((_vver >= 503)) && [[ ${PS0-} != *__vault_preexec* ]]; then PS0='${ __vault_preexec; }'"${PS0-}"; fi
  fi
  [[ ${PS1-} == *__vault_text* ]] || __vault_segment
fi
fi
\builtin shopt "$_valias" expand_aliases

# --- in @RCLINE@
