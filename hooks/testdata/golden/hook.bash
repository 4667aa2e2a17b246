# shellcheck shell=bash disable=SC2016,SC2128,SC2178
\builtin shopt -q expand_aliases && __vault_alias=-s || __vault_alias=-u
\builtin shopt -u expand_aliases # \ is for what runs after this text
if [[ -z ${VSCODE_RESOLVING_ENVIRONMENT-} ]]; then
# --- the function: fd 3 carries code; the other streams stay the user's
vault() {
if ! __vault_switches "$@"; then
command 'vault' "$@" # plainly: job control is the program's own
return
fi
builtin local __vault_rc=0
__vault_quiet __vault_run "$@" || __vault_rc=$?
return "$__vault_rc"
}
__vault_switches() {
while (($#)); do
case $1 in
use | off | refresh) return 0 ;;
-*) [[ " --backend --keychain " != *" $1 "* ]] || shift "$(($# > 1))" ;;
*) return 1 ;;
esac
shift
done
return 1
}
__vault_run() {
builtin local __vault_code='' __vault_rc=0
{ __vault_code=$(__VAULT_SHELL=bash \command 'vault' "$@" 3>&1 >&4 4>&-) || __vault_rc=$?; } 4>&1
((__vault_rc)) || __vault_eval
return "$__vault_rc"
}
__vault_eval() {
[[ $__vault_code ]] || return 0
builtin local a=-u
! builtin shopt -q expand_aliases || a=-s
builtin shopt -u expand_aliases
builtin eval "$__vault_code"
builtin shopt "$a" expand_aliases
}
__vault_quiet() {
{ builtin local __vault_f="${-//[!xvT]/}" __vault_q=0; builtin set +xvT; } 2>/dev/null
__vault_flags=$__vault_f
"$@" || __vault_q=$?
__vault_flags=''
[[ -z $__vault_f ]] || builtin set "-$__vault_f"
return "$__vault_q"
}
__vault_apply() {
builtin type -P 'vault' >/dev/null || return 1
builtin local __vault_code=''
__vault_code=$(__VAULT_SHELL=bash \command 'vault' refresh "$@" 3>&1 </dev/null >/dev/null 2>/dev/null) || return 1
__vault_eval
}
__vault_set() {
builtin local m="$(($1 - $2 < 120 ? ($1 - $2) / 10 : 20))" # jitter
__vault_exp=$1 __vault_ref=$(($2 ? $2 + $$ % (m > 0 ? m : 1) : 0)) __vault_note=$3 __vault_label=$4 __vault_chk=${5-} __vault_lo=0 __vault_hi=0
__vault_ours="${AWS_ACCESS_KEY_ID-}|${AWS_PROFILE-}|${AWS_VAULT-}"
}
__vault_stash() {
builtin local n d
__vault_kept=()
for n in AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_CONTAINER_AUTHORIZATION_TOKEN; do
[[ ${!n+x} ]] || continue
d=$(\builtin declare -p "$n")
d=${d%%=*}
__vault_kept+=("${d//[!x]/}" "$n" "${!n}")
done
}
__vault_unstash() {
builtin local i n
for ((i = 0; i < ${#__vault_kept[@]}; i += 3)); do
n=${__vault_kept[i + 1]}
builtin printf -v "$n" %s "${__vault_kept[i + 2]}"
[[ -z ${__vault_kept[i]} ]] || builtin export "${n?}"
done
__vault_kept=()
}
# --- the precmd
__vault_v=$((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1]))
if ((__vault_v >= 402)); then # EPOCHSECONDS is of 5.0
__vault_now() { builtin printf -v __vault_t '%(%s)T' -1; }
else
__vault_base=$((1700000000 - SECONDS)) # SECONDS is wall clock: sleep counts
__vault_now() { __vault_t=$((__vault_base + SECONDS)); }
fi
__vault_precmd() {
builtin local __vault_rc="$?"
if [[ $__vault_flags ]]; then builtin set "-$__vault_flags"; __vault_flags=''; fi
if [[ -z ${__VAULT_TOKEN-} ]]; then
__vault_text=''
elif [[ $- != *[exv]* ]]; then
__vault_tick
else
__vault_quiet __vault_tick || :
fi
[[ $- != *e* ]] || return 0 # set -e would end the shell
return "$__vault_rc"
}
__vault_tick() {
builtin local __vault_t="${EPOCHSECONDS-}" __vault_is="${AWS_ACCESS_KEY_ID-}|${AWS_PROFILE-}|${AWS_VAULT-}"
[[ $__vault_t ]] || __vault_now
if ((__vault_t < __vault_lo || __vault_t >= __vault_hi)) || [[ ! -e $__VAULT_TOKEN || $__vault_ours != "$__vault_is" ]]; then
__vault_slow
fi
[[ ${PS1-} == *__vault_text* ]] || __vault_segment
}
__vault_slow() {
if [[ $__vault_ours && $__vault_ours != "$__vault_is" ]]; then
__vault_text="$__vault_label changed!" __vault_hi=0 # shown, not fought
return
fi
if ((__vault_t < __vault_lo)) || [[ -z $__vault_ours || $__vault_chk || ! -e $__VAULT_TOKEN ]]; then # a clock set back, too
if ((__vault_t - __vault_try >= 30 || __vault_t < __vault_try)); then
builtin local d="$__VAULT_TOKEN"
__vault_try=$__vault_t
__vault_apply --env
if [[ $__vault_ours && (-e ${__VAULT_TOKEN-} || $d != "${__VAULT_TOKEN-}") ]]; then __vault_try=0; fi
fi
fi
if ((__vault_ref && __vault_t >= __vault_ref)) && [[ -e ${__VAULT_TOKEN-} ]]; then
[[ $__vault_gen == "$__VAULT_TOKEN" ]] || __vault_gen=$__VAULT_TOKEN __vault_rtry=0
if ((__vault_t - __vault_rtry >= 30 || __vault_t < __vault_rtry)); then
__vault_rtry=$__vault_t
__vault_renew
fi
fi
__vault_show
}
__vault_renew() {
builtin type -P 'vault' >/dev/null || return 0
(command 'vault' refresh --if-due </dev/null >/dev/null 2>&1 &)
}
__vault_show() {
builtin local s="$((__vault_exp - __vault_t))" left=''
__vault_lo=$__vault_t __vault_hi=$((__vault_t + s % 60 + 1))
if ((__vault_exp == 0)); then __vault_hi=$((__vault_t + 3600))
elif ((s <= 0)); then left=' expired' __vault_hi=$((__vault_t + 30))
elif ((s < 60)); then left=' <1m' __vault_hi=$__vault_exp
elif ((s < 5400)); then left=" $((s / 60))m"
else left=" $((s / 3600))h$((s / 60 % 60))m"; fi
s=$((__vault_ref > __vault_t ? __vault_ref : __vault_rtry + 30))
if ((__vault_ref && s > __vault_t && s < __vault_hi)); then __vault_hi=$s; fi
__vault_text="${__vault_label:-?}$left${__vault_note:+ $__vault_note}"
[[ ${__VAULT_TOKEN-} ]] || __vault_text=''
}
__vault_preexec() {
[[ ${__VAULT_TOKEN-} ]] || return 0
builtin local __vault_t="${EPOCHSECONDS-}"
[[ $__vault_t ]] || __vault_now
if ((__vault_exp && __vault_t >= __vault_exp)) || [[ ! -e $__VAULT_TOKEN ]]; then __vault_quiet __vault_late || :; fi
}
__vault_late() {
[[ $__vault_ours == "${AWS_ACCESS_KEY_ID-}|${AWS_PROFILE-}|${AWS_VAULT-}" ]] || return 0
if ((__vault_t - __vault_late >= 30 || __vault_t < __vault_late)); then
__vault_late=$__vault_t
__vault_apply --if-due --env
fi
}
# --- the prompt segment: a reference, expanded once, so that the label stays data
__vault_segment() {
if ((1)) && builtin shopt -q promptvars; then
PS1='${__vault_text:+[$__vault_text] }'"${PS1-}"
fi
}
# --- registration: as the last hook
__vault_in() {
builtin local x w="$1"
shift
for x; do [[ $x != *"$w"* ]] || return 0; done
return 1
}
if [[ ${__vault_pid-} != "$$" ]]; then
__vault_pid=$$ __vault_text='' __vault_label='' __vault_note='' __vault_ours='' __vault_flags='' __vault_gen=''
__vault_exp=0 __vault_ref=0 __vault_lo=0 __vault_hi=0 __vault_try=0 __vault_rtry=0 __vault_late=0 __vault_ble=''
__vault_kept=()
fi
if [[ $- == *i* ]]; then
if [[ ${BLE_VERSION-} ]]; then
[[ $__vault_ble ]] || blehook PRECMD+=__vault_precmd PREEXEC+=__vault_preexec
__vault_ble=1
else
__vault_in __vault_preexec "${preexec_functions[@]-}" || preexec_functions+=(__vault_preexec)
if [[ ${bash_preexec_imported-}${__bp_imported-} ]]; then
__vault_in __vault_precmd "${precmd_functions[@]-}" || precmd_functions+=(__vault_precmd)
elif ! __vault_in __vault_precmd "${PROMPT_COMMAND[@]-}"; then
if ((__vault_v >= 501)); then
PROMPT_COMMAND+=(__vault_precmd)
else
__vault_nl=$'\n' # bash 3.2 misreads it inside "${x:+...}"
PROMPT_COMMAND="${PROMPT_COMMAND:+$PROMPT_COMMAND$__vault_nl}__vault_precmd"
fi
fi
if ((__vault_v >= 503)) && [[ ${PS0-} != *__vault_preexec* ]]; then PS0='${ __vault_preexec; }'"${PS0-}"; fi
fi
[[ ${PS1-} == *__vault_text* ]] || __vault_segment
fi
fi
\builtin shopt "$__vault_alias" expand_aliases
# --- in ~/.bashrc, as the last line:  eval "$(vault hook bash)"
