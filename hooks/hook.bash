# vault hook for bash 3.2 and later. Its variables begin with _v, local ones too: bash cannot
# make a read-only variable of the user local; its functions with _v_. What others may use, and
# what the program's code calls, begins with __vault.
# shellcheck shell=bash disable=SC2016,SC2128,SC2178
# Without aliases; what bash parses later has a \ instead.
\builtin shopt -q expand_aliases && _valias=-s || _valias=-u
\builtin shopt -u expand_aliases
if [[ -z ${VSCODE_RESOLVING_ENVIRONMENT-} ]]; then

# --- the function: fd 3 carries code; the other streams stay the user's
# Other commands run as if there were no function, so that job control works.
@NAME@() {
  builtin local _vrc=0 _vno=''
  _v_lacks@AGAIN@
  if ! _v_ours "$@"; then
    __VAULT_LACKS=$_vno command @BINARY@@CALLED_AS@ "$@"
    return
  fi
  # the number of the sub-shell: what is served to it ends with it
  ((BASH_SUBSHELL <= _vsh)) || _vme=$(builtin exec /bin/sh -c 'echo $PPID')
  _v_quiet _v_run "$@" || _vrc=$?
  # Ctrl-C also ends the line, whose rest would be run in the account of before.
  ((_vrc != 130)) || [[ ${_vme-} ]] || builtin kill -INT $$
  if ((! _vrc)); then
    [[ $_vno != *\ * ]] || _vtold=told
    [[ -z ${_vme-} ]] || _v_end
  fi
  return "$_vrc"
}

# In a sub-shell: fails when it ends without another command, as in "use x | cat". The
# return above and the first command of the trap are counted too.
_v_end() {
  [[ -z $(\builtin trap -p EXIT) ]] || return 0
  builtin trap '((_vsteps > 2)) || { builtin echo "@NAME@: this sub-shell has ended, and the shell around it is as it was" >&2; builtin exit 1; }' EXIT
  _vsteps=0
  builtin trap '((++_vsteps))' DEBUG
}

# Names what does not work in this shell, for the program to tell. The precmd is in a
# list, or has run, in another program's code, for the last prompt.
_v_lacks() {
  [[ $- == *i* ]] || { _vno=script; return; }
  builtin local _vn=0
  ((_vver < 404)) || _vn=${_vnr@P}
  _v_in || ((_vble || _vrun + 1 >= _vn)) || _vno=renewal
  [[ $_vdraw ]] || return 0
  if [[ ${_vby-} ]] || builtin declare -F _omp_hook >/dev/null; then
    [[ ${_vby-} == s* ]] || _vno+=" omp $_vtold"
  elif ! builtin shopt -q promptvars; then
    _vno+=" promptvars $_vtold"
  elif [[ ${__VAULT_TOKEN-} && ${PS1-} != *__vault_text* ]]; then
    _vno+=" label $_vtold"
  fi
}

_v_in() { [[ ${PROMPT_COMMAND[*]-}${precmd_functions[*]-} == *__vault_precmd* ]]; }

# True when the first word that is not a flag changes the shell.
_v_ours() {
  while (($#)); do
    case $1 in
      use|off|refresh) return 0 ;;
      -?*) [[ " @VALUE_FLAGS@ " != *" $1 "* ]] || shift "$(($# > 1))" ;;
      # a profile, where that is wanted
      *) [[ ${AWS_VAULT_SHORT-} && " @VERBS@ " != *" $1 "* ]]; return ;;
    esac
    shift
  done
  ((0))
}

_v_run() {
  builtin local _vcode='' _vrc=0
  { _vcode=$(_v_ask "$@" 3>&1 >&4 4>&-) || _vrc=$?; } 4>&1
  ((_vrc)) || _v_eval
  return "$_vrc"
}

# Runs the program with fd 3 for code, and names the variables that cannot be changed.
_v_ask() {
  __VAULT_SHELL=bash __VAULT_PID=${_vme-$$} __VAULT_DRAW=$_vdraw __VAULT_LACKS=${_vno-} __VAULT_SUBSHELL=${_vme+1} __VAULT_READONLY=$(_v_fixed 2>/dev/null) command @BINARY@@CALLED_AS@ "$@"
}

_v_fixed() {
  builtin readonly -p | while IFS='=' builtin read -r _vn _vd; do
    [[ $_vn != declare\ * && $_vn != readonly\ * ]] || builtin echo "${_vn##* }"
  done
  # after a +, those that are local to a function, and hide the shell's
  ((_vver >= 402)) || return 0
  builtin echo +
  for _vn in "${!AWS_@}"; do
    builtin declare -g "$_vn=7" || :
    [[ ${!_vn} == 7 ]] || builtin echo "$_vn"
  done
}

# Parses the code without the user's aliases.
_v_eval() {
  [[ $_vcode ]] || return 0
  builtin local _va=-u
  ! builtin shopt -q expand_aliases || _va=-s
  builtin shopt -u expand_aliases
  builtin eval "$_vcode"
  builtin shopt "$_va" expand_aliases
}

# Runs "$@" without tracing. After Ctrl-C the next prompt restores the options.
_v_quiet() {
  { builtin local _vf="${-//[!xvT]/}" _vq=0; builtin set +xvT; } 2>/dev/null
  _vopt=$_vf
  "$@" || _vq=$?
  _vopt=''
  [[ -z $_vf ]] || builtin set "-$_vf"
  return "$_vq"
}

# Applies the current session again. A missing program must not call command_not_found_handle.
_v_apply() {
  builtin type -P @BINARY@ >/dev/null || return 1
  builtin local _vcode=''
  _vcode=$(_v_ask refresh "$@" 3>&1 </dev/null >/dev/null 2>/dev/null) || return 1
  _v_eval
}

# Called by the code: EXPIRY RENEW-FROM NOTE LABEL CHECK FROM. CHECK, if not empty: the clock is
# wrong, so the program is asked each time the label changes. FROM: no earlier time is later than
# the answer. The jitter keeps shells from renewing at once.
__vault_set() {
  builtin local _vm="$(($1 - $2 < 120 ? ($1 - $2) / 10 : 20))"
  _vexp=$1 _vref=$(($2 ? $2 + $$ % (_vm > 0 ? _vm : 1) : 0)) _vnote=$3 _vlab=$4 _vchk=${5-} _vlo=${6-0} _vhi=0
  _vbase=$((_vlo - ${SECONDS-0}))
  _v_look
  _vwho=$_vid _vat=$_vin
}

# Who the variables say one is, without a secret, and the regions.
_v_look() {
  _vid="${AWS_ACCESS_KEY_ID-}|${AWS_PROFILE-}|${AWS_VAULT-}|${AWS_SECRET_ACCESS_KEY:+s}${AWS_SESSION_TOKEN:+t}"
  _vin="${AWS_REGION-}|${AWS_DEFAULT_REGION-}"
}

# Called by the code: puts the user's variables into an array, which is never exported.
__vault_stash() {
  builtin local _vn _vd
  _vown=()
  for _vn; do
    [[ ${!_vn+x} ]] || continue
    _vd=$(\builtin declare -p "$_vn")
    _vd=${_vd%%=*}
    _vown+=("${_vd//[!x]/}" "$_vn" "${!_vn}")
  done
}

# Puts them back as soon as none of them is set: a tool may have set some for the directory.
# Without arguments it forgets them.
__vault_unstash() {
  builtin local _vi _vn
  (($#)) || _vown=()
  for ((_vi = 1; _vi < ${#_vown[@]}; _vi += 3)); do
    _vn=${_vown[_vi]}
    [[ -z ${!_vn+x} ]] || return 0
  done
  for ((_vi = 1; _vi < ${#_vown[@]}; _vi += 3)); do
    builtin printf -v "${_vown[_vi]}" %s "${_vown[_vi + 1]}"
    [[ -z ${_vown[_vi - 1]} ]] || builtin export "${_vown[_vi]?}"
  done
  _vown=()
}

# --- the precmd
_vver=$((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1]))
if ((_vver >= 402)); then
  # EPOCHSECONDS came with 5.0
  _v_now() { builtin printf -v _vt '%(%s)T' -1; }
else
  # SECONDS counts while the machine sleeps
  _vbase=$((@EPOCH@ - SECONDS))
  _v_now() { _vt=$((_vbase + SECONDS)); }
fi

__vault_precmd() {
  builtin local _vrc="$?"
  # called from another program's code: the number of the command that is typed next
  [[ ${PROMPT_COMMAND-} == *__vault_precmd* ]] || if ((_vver < 404)); then _vrun=1; else _vrun=${_vnr@P}; fi
  [[ -z $_vopt ]] || { builtin set "-$_vopt"; _vopt=''; }@CHECK@
  if [[ -z ${__VAULT_TOKEN-} ]]; then
    __vault_text=
    [[ -z $_vshown ]] || _v_ps1
    [[ -z ${_vown+x} ]] || _v_quiet __vault_unstash all
  elif [[ $- != *[exv]* ]]; then
    _v_tick
  else
    _v_quiet _v_tick || :
  fi
  # set -e would end the shell
  [[ $- == *e* ]] || return "$_vrc"
}

# Starts no process while label, generation and variables are right.
_v_tick() {
  builtin local _vt="${EPOCHSECONDS-}"
  [[ $_vt ]] || _v_now
  # as _v_look has it, without a call
  if ((_vt < _vlo || _vt >= _vhi)) || [[ ! -e $__VAULT_TOKEN ||
    "$_vwho|$_vat" != "${AWS_ACCESS_KEY_ID-}|${AWS_PROFILE-}|${AWS_VAULT-}|${AWS_SECRET_ACCESS_KEY:+s}${AWS_SESSION_TOKEN:+t}|${AWS_REGION-}|${AWS_DEFAULT_REGION-}" ]]; then
    _v_slow
  fi
  [[ $_vdraw != drawn || ($_vshown == "$__vault_text" && ${PS1-} == *__vault_text*) ]] || _v_ps1
}

_v_slow() {
  _v_look
  if [[ $_vwho && $_vwho != "$_vid" ]]; then
    # another program did it: shown, and left alone
    __vault_text="$_vlab changed!" _vhi=0
    return
  fi
  # or the clock was set back
  if ((_vt < _vlo)) || [[ -z $_vwho || $_vchk || ! -e $__VAULT_TOKEN || $_vat != "$_vin" ]]; then
    if ((_vt - _vtry >= 30 || _vt < _vtry)); then
      _vd=$__VAULT_TOKEN _vtry=$_vt
      _v_apply --env && [[ $_vwho && (-e ${__VAULT_TOKEN-} || $_vd != "${__VAULT_TOKEN-}") ]] && _vtry=0
      # it may have been set meanwhile
      _v_now
    fi
  fi
  if ((_vref && _vt >= _vref)) && [[ -e ${__VAULT_TOKEN-} ]]; then
    [[ $_vgen == "$__VAULT_TOKEN" ]] || _vgen=$__VAULT_TOKEN _vrt=0
    if ((_vt - _vrt >= 30 || _vt < _vrt)); then
      _vrt=$_vt
      ! builtin type -P @BINARY@ >/dev/null || (command @BINARY@ refresh --if-due </dev/null >/dev/null 2>&1 &)
    fi
  fi
  _v_show
  # may be loaded after this hook
  [[ $_vble == 1 || -z ${BLE_VERSION-}${bash_preexec_imported-}${__bp_imported-} ]] || _v_join
}

# Writes the text, and how long it is right. What is left is not known by a clock that was set back
# after the answer: then the next prompt asks.
_v_show() {
  builtin local _vs="$((_vexp - _vt))" _vl=''
  _vhi=$((_vt + _vs % 60 + 1))
  if ((! _vexp)); then _vhi=$((_vt + 3600))
  elif ((_vs <= 0)); then _vl=' expired' _vhi=$((_vt + 30))
  elif ((_vt < _vlo)); then _vt=$_vlo _vhi=0
  elif ((_vs < 60)); then _vl=' <1m' _vhi=$_vexp
  elif ((_vs < 5400)); then _vl=" $((_vs / 60))m"
  else _vl=" $((_vs / 3600))h$((_vs / 60 % 60))m"; fi
  _vlo=$_vt _vs=$((_vref > _vt ? _vref : _vrt + 30))
  ((! _vref || _vs <= _vt || _vs >= _vhi)) || _vhi=$_vs
  __vault_text="${_vlab:-?}$_vl${_vnote:+ $_vnote}"
  [[ ${__VAULT_TOKEN-} ]] || __vault_text=
}

# Renews a session that expired while the prompt waited.
__vault_preexec() {
  [[ ${__VAULT_TOKEN-} ]] || return 0
  builtin local _vt="${EPOCHSECONDS-}"
  [[ $_vt ]] || _v_now
  if ((_vexp && (_vt >= _vexp || _vt < _vlo))) || [[ ! -e $__VAULT_TOKEN ]]; then _v_quiet _v_late || :; fi
}

# Only for ble.sh and bash-preexec: the array alone makes others think that is loaded.
_v_join() {
  _vble=1
  if [[ ${BLE_VERSION-} ]]; then blehook PREEXEC+=__vault_preexec; else preexec_functions+=(__vault_preexec); fi
}

_v_late() {
  _v_look
  [[ $_vwho == "$_vid" ]] || return 0
  ((_vt - _vlate < 30 && _vt >= _vlate)) || { _vlate=$_vt; _v_apply --if-due --env; }
}@PROJECT@

# --- the prompt segment
# It is in draw.bash, which the program adds to the first code, as _vdraw asks.

# --- registration, as the last hook
if [[ ${_vpid-} != "$$" ]]; then
  _vpid=$$ _vsh=$BASH_SUBSHELL __vault_text='' _vlab='' _vnote='' _vwho='' _vat='' _vopt='' _vgen=''
  _vexp=0 _vref=0 _vlo=0 _vhi=0 _vtry=0 _vrt=0 _vlate=0 _vble=0 _vrun=-9 _vnr='\#' _vtold='' _vshown='' _vdraw=@DRAW@
  _vown=()
fi
if [[ $- == *i* ]]; then
  # In the string, even that of an array with one: other programs read only that, and VS Code takes
  # other commands of the array for the user's. A child shell to which it is exported has no _vpid.
  _vcall='${_vpid:+"__vault_precmd"}' _vnl=$'\n'
  if [[ ${BLE_VERSION-} ]]; then
    ((_vble)) || { blehook PRECMD+=__vault_precmd; _v_join; }
  elif [[ ${PROMPT_COMMAND-} == __vsc_prompt_cmd* ]]; then
    # for VS Code the user's command is what runs after it
    [[ ${__vsc_original_prompt_command[*]-} == *__vault_precmd* ]] || __vsc_original_prompt_command+=("$_vcall")
    PROMPT_COMMAND=__vsc_prompt_cmd_original
  elif _v_in; then
    :
  elif [[ ${bash_preexec_imported-}${__bp_imported-} ]]; then
    precmd_functions+=(__vault_precmd)
    _v_join
  elif ((_vver < 501)) || [[ ${!PROMPT_COMMAND[*]} != *[1-9]* ]]; then
    # bash 3.2 misreads a line break inside "${x:+...}"
    builtin printf -v PROMPT_COMMAND %s "${PROMPT_COMMAND:+$PROMPT_COMMAND$_vnl}$_vcall" 2>/dev/null || :
  elif builtin printf -v PROMPT_COMMAND %s "${PROMPT_COMMAND-}" 2>/dev/null; then
    PROMPT_COMMAND+=("$_vcall")
  fi
  # VS Code would take it for a command that was typed
  if ((_vver >= 503)) && builtin shopt -q promptvars && [[ ${TERM_PROGRAM-} != vscode && ${PS0-} != *__vault_preexec* ]]; then
    builtin printf -v PS0 '${_vpid:+${ __vault_preexec; }}%s' "${PS0-}" 2>/dev/null || :
  fi
fi
fi
\builtin shopt "$_valias" expand_aliases

# --- in @RCLINE@
