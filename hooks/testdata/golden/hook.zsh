'builtin' 'typeset' '-g' __vault_bin='vault'
'builtin' 'emulate' 'zsh' '-o' 'no_aliases' '-o' 'no_xtrace' '-o' 'no_verbose' '-c' '
if [[ -z ${VSCODE_RESOLVING_ENVIRONMENT-} ]]; then
# --- the function: fd 3 carries code; the other streams stay with the user
vault() {
local __vault_no
__vault_lacks
__vault_ours "$@" || { __VAULT_LACKS=$__vault_no command $__vault_bin "$@"; return }
local __vault_code __vault_sub; local -i __vault_rc __vault_me=$$
(( ZSH_SUBSHELL <= __vault_sh )) || {
__vault_sub=1
! __vault_alone || __vault_sub=alone
! builtin zmodload zsh/system 2>/dev/null || __vault_me=$sysparams[pid]
}
() {
builtin setopt local_traps
builtin trap : INT
{ __vault_code="$(__vault_ask "$@" 3>&1 >&4 4>&-)"; __vault_rc=$? } 4>&1
} "$@"
(( __vault_rc != 130 )) || [[ -n $__vault_sub ]] || builtin kill -INT $$
(( __vault_rc )) || { [[ $__vault_no != *" "* ]] || __vault_told=told; [[ -z $__vault_code ]] || builtin eval "$__vault_code" }
return __vault_rc
}
__vault_lacks() {
[[ -o interactive ]] || { __vault_no=script; return }
(( ${precmd_functions[(Ie)__vault_precmd]} )) || __vault_no=renewal
[[ -n $__vault_draw ]] || return
__vault_drawer
case $__vault_by in
("") [[ -z ${__VAULT_TOKEN-} || $PROMPT${RPROMPT-} == *(8[78]v|__vault_text)* ]] || __vault_no+=" label $__vault_told" ;;
(p10k) __vault_named || __vault_no+=" p10k $__vault_told" ;;
(omp|pure) [[ $PROMPT == *87v* ]] || __vault_no+=" $__vault_by $__vault_told" ;;
esac
}
__vault_drawer() {
__vault_by=
if (( $+functions[p10k] )); then __vault_by=p10k
elif (( $+functions[powerlevel9k_prepare_prompts] )); then ! __vault_named || __vault_by=p9k
elif (( $+functions[starship_precmd] || $+functions[prompt_starship_precmd] )); then __vault_by=starship
elif (( $+functions[_omp_precmd] )); then __vault_by=omp
elif (( $+functions[prompt_pure_precmd] )); then __vault_by=pure
elif (( $+functions[prompt_spaceship_precmd] )); then __vault_by=spaceship
fi
}
__vault_named() { [[ -n ${POWERLEVEL9K_LEFT_PROMPT_ELEMENTS[(r)vault(|_joined)]}${POWERLEVEL9K_RIGHT_PROMPT_ELEMENTS[(r)vault(|_joined)]} ]] }
__vault_alone() {
local MATCH MBEGIN MEND match mbegin mend
[[ $__vault_line =~ "(^|[^[:alnum:]_/-])vault ([^<>|&;)[:cntrl:]]|[<>]&|[<>][^&]|&>)*([|]([^|]|$)|&([^&]|$)|[)])" ]]
}
__vault_ask() {
__VAULT_SHELL=zsh __VAULT_PID=$__vault_me __VAULT_DRAW=$__vault_draw __VAULT_LACKS=${__vault_no-} __VAULT_SUBSHELL=$__vault_sub __VAULT_READONLY="${(k)parameters[(R)*readonly*]} + ${(k)parameters[(R)*local*]}" command $__vault_bin "$@"
}
__vault_ours() {
while (( $# )); do
case $1 in
(use|off|refresh) return 0 ;;
(-?*) [[ " --backend --keychain " != *" $1 "* ]] || shift $(( $# > 1 )) ;;
(*) [[ -n ${AWS_VAULT_SHORT-} && "  " != *" $1 "* ]]; return ;;
esac
shift
done
return 1
}
__vault_apply() {
builtin whence -p -- $__vault_bin >/dev/null || return 1
local __vault_code __vault_sub __vault_me=$$
__vault_code="$(__vault_ask refresh "$@" 3>&1 </dev/null >/dev/null 2>/dev/null)" || return 1
[[ -z $__vault_code ]] || builtin eval "$__vault_code"
}
__vault_set() {
local -i m=$(( $1 - $2 < 120 ? ($1 - $2) / 10 : 20 ))
__vault_exp=$1 __vault_ref=$(( $2 ? $2 + $$ % (m > 0 ? m : 1) : 0 )) __vault_note=$3 __vault_label=$4 __vault_chk=${5-} __vault_lo=${6-0} __vault_hi=0
local id at
__vault_look
__vault_who=$id __vault_here=$at
}
__vault_look() {
id="${AWS_ACCESS_KEY_ID-}|${AWS_PROFILE-}|${AWS_VAULT-}|${AWS_SECRET_ACCESS_KEY:+s}${AWS_SESSION_TOKEN:+t}"
at="${AWS_REGION-}|${AWS_DEFAULT_REGION-}"
}
__vault_stash() {
local n
__vault_kept=()
for n; do
(( ! ${(P)+n} )) || __vault_kept+=("${(Pt)n}" $n "${(P)n}")
done
}
__vault_unstash() {
local t n v
(( $# )) || __vault_kept=()
for t n v in "${__vault_kept[@]}"; do (( ! ${(P)+n} )) || return 0; done
for t n v in "${__vault_kept[@]}"; do
if [[ $t == *export* ]]; then builtin export "$n=$v"; else builtin typeset -g "$n=$v"; fi
done
__vault_kept=()
}
# --- the precmd
__vault_precmd() {
local -i rc=$?
if [[ -z ${__VAULT_TOKEN-} ]]; then
[[ -z $__vault_text ]] || { __vault_text=; psvar[87]=; (( ! $+__vault_title )) || builtin print -nP "\e]2;%~\a" }
(( ! $#__vault_kept )) || __vault_unstash all
return rc
fi
local -i now=${EPOCHSECONDS-${(%):-%D{%s}}}
if (( now < __vault_lo || now >= __vault_hi )) || [[ ! -e $__VAULT_TOKEN ||
"$__vault_who|$__vault_here" != "${AWS_ACCESS_KEY_ID-}|${AWS_PROFILE-}|${AWS_VAULT-}|${AWS_SECRET_ACCESS_KEY:+s}${AWS_SESSION_TOKEN:+t}|${AWS_REGION-}|${AWS_DEFAULT_REGION-}" ]]; then __vault_slow; fi
[[ $__vault_draw != drawn || ( $psvar[87] == "$__vault_text" && $PROMPT$RPROMPT == *%8[78]v* && $precmd_functions[-1] == __vault_precmd ) ]] || __vault_segment
return rc
}
__vault_slow() {
local id at
__vault_look
if [[ -n $__vault_who && $__vault_who != $id ]]; then
__vault_text="$__vault_label changed!" __vault_hi=0
return
fi
if { (( now < __vault_lo )) || [[ -z $__vault_who || -n $__vault_chk || ! -e $__VAULT_TOKEN || $__vault_here != $at ]] } && (( now - __vault_try >= 30 || now < __vault_try )); then
local old=$__VAULT_TOKEN
__vault_try=now
__vault_apply --env && [[ -n $__vault_who && ( -e ${__VAULT_TOKEN-} || $old != ${__VAULT_TOKEN-} ) ]] && __vault_try=0
now=${EPOCHSECONDS-${(%):-%D{%s}}}
fi
if (( __vault_ref && now >= __vault_ref )) && [[ -e ${__VAULT_TOKEN-} ]]; then
[[ $__vault_gen == $__VAULT_TOKEN ]] || __vault_gen=$__VAULT_TOKEN __vault_rtry=0
(( now - __vault_rtry < 30 && now >= __vault_rtry )) || { __vault_rtry=now; __vault_renew }
fi
__vault_show
}
__vault_renew() {
builtin whence -p -- $__vault_bin >/dev/null || return 0
(( ! __vault_fd )) || __vault_hang
local -i fd
exec {fd}< <(command $__vault_bin refresh --if-due </dev/null >/dev/null 2>&1; :) || return 0
__vault_fd=fd
builtin zle -F $fd __vault_renewed
}
__vault_renewed() {
(( $1 == __vault_fd )) || { builtin zle -F $1; return }
__vault_hang
local old=$__vault_text
__vault_precmd
[[ $old == $__vault_text ]] || ! builtin zle || builtin zle reset-prompt
}
__vault_hang() {
builtin zle -F $__vault_fd
exec {__vault_fd}<&-
__vault_fd=0
}
__vault_show() {
local -i s=$(( __vault_exp - now )); local left=
__vault_hi=$(( now + s % 60 + 1 ))
if (( ! __vault_exp )); then __vault_hi=$(( now + 3600 ))
elif (( s <= 0 )); then left=" expired" __vault_hi=$(( now + 30 ))
elif (( now < __vault_lo )); then now=__vault_lo __vault_hi=0
elif (( s < 60 )); then left=" <1m" __vault_hi=__vault_exp
elif (( s < 5400 )); then left=" $(( s / 60 ))m"
else left=" $(( s / 3600 ))h$(( s / 60 % 60 ))m"; fi
__vault_lo=now s=$(( __vault_ref > now ? __vault_ref : __vault_rtry + 30 ))
(( ! __vault_ref || s <= now || s >= __vault_hi )) || __vault_hi=s
__vault_text="${__vault_label:-?}$left${__vault_note:+ $__vault_note}"
[[ -n ${__VAULT_TOKEN-} ]] || __vault_text=
}
__vault_preexec() {
__vault_line=$3
[[ -n ${__VAULT_TOKEN-} ]] || return 0
local -i now=${EPOCHSECONDS-${(%):-%D{%s}}}
(( now < __vault_lo || __vault_exp && now >= __vault_exp )) || [[ ! -e $__VAULT_TOKEN ]] || return 0
local id at
__vault_look
[[ $__vault_who == $id ]] || return 0
(( now - __vault_late >= 30 || now < __vault_late )) || return 0
__vault_late=now
__vault_apply --if-due --env
}
# --- the prompt segment
(( $+functions[prompt_vault] )) || prompt_vault() {
if (( $+functions[p10k] )); then p10k segment -f ${__vault_fg:-208} -e -c "\${__vault_text}" -t "\${__vault_text//\\%/%%}"
elif [[ -n $__vault_text ]]; then "$1_prompt_segment" prompt_vault "$2" black ${__vault_fg:-208} "${__vault_text//\%/%%}"
fi
}
# --- registration
typeset -g __vault_draw=${__vault_draw-new} __vault_by __vault_text __vault_label __vault_note __vault_chk __vault_who __vault_here __vault_gen __vault_line __vault_told
typeset -gi __vault_exp __vault_ref __vault_lo __vault_hi __vault_try __vault_rtry __vault_late __vault_fd __vault_moves __vault_sh=ZSH_SUBSHELL
typeset -ga __vault_kept
builtin zmodload zsh/datetime 2>/dev/null
if [[ -o interactive ]]; then
typeset -ga precmd_functions preexec_functions
[[ ${(t)precmd_functions} == *readonly* ]] || (( ${precmd_functions[(Ie)__vault_precmd]} )) || precmd_functions+=(__vault_precmd)
(( ${preexec_functions[(Ie)__vault_preexec]} )) || preexec_functions+=(__vault_preexec)
fi
fi'
# --- in ~/.zshrc, as the last line:  eval "$(vault hook zsh)"
