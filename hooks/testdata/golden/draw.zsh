'builtin' 'emulate' 'zsh' '-o' 'no_aliases' '-o' 'no_xtrace' '-o' 'no_verbose' '-c' '
typeset -g __vault_draw=drawn __vault_piece __vault_by __vault_fg
typeset -ga __vault_sty
__vault_style() { __vault_sty=("$@") psvar[87]= }
__vault_segment() {
__vault_drawer
if [[ ${precmd_functions[-1]-} != __vault_precmd && ${(t)precmd_functions} != *readonly* ]] && (( __vault_moves++ < 3 )); then
precmd_functions=("${(@)precmd_functions:#__vault_precmd}" __vault_precmd)
fi
local rest=${__vault_text#"${__vault_label:-?}"} s=${__vault_sty[1]-} c1 c2 c0 e=${(#):-27}
psvar[87]=$__vault_text psvar[88]=${__vault_text%"$rest"} psvar[89]=$rest
__vault_fg=208
case $rest in
(*" expired"*|*" <1m"*|*" changed!") s=${__vault_sty[3]-} __vault_fg=196 ;;
(*!|" "[0-4]m*) s=${__vault_sty[2]-} __vault_fg=220 ;;
esac
(( ! $#__vault_sty )) || c1="%{${e}[0;${__vault_sty[1]}m%}" c2="%{${e}[0;${s}m%}" c0="%{${e}[0m%}"
[[ -n $__vault_by ]] || __vault_put "%(87V.$c1""[%88v$c2%89v$c1]$c0 .)"
[[ $PROMPT == *"${__vault_title-}"* || ${(t)PROMPT} == *readonly* ]] || PROMPT+=$__vault_title
}
__vault_put() {
local name=PROMPT nl=${(#):-10}
(( ! 1 )) || name=RPROMPT
[[ ${(tP)name} != *readonly* ]] || return 0
local now=${(P)name} head= part
if [[ -n $__vault_piece && $now == *"$__vault_piece"* ]]; then
typeset -g "$name=${now/"$__vault_piece"/$1}"
elif [[ $now != *%8[78]v* ]]; then
if [[ -n ${prompt_newline-} && $now == *$prompt_newline* ]]; then
head=${now%$prompt_newline*}$prompt_newline
else
while :; do
case ${now#$head$part} in
($nl*) head+=$part$nl part= ;;
(%\{*%\}*) part+=${${now#$head$part}%%%\}*}%} ;;
(*) break ;;
esac
done
fi
typeset -g "$name=$head$1${now#"$head"}"
else
return 0
fi
__vault_piece=$1
}
(( ! 0 )) || typeset -g __vault_title="%(87V.%{${(#):-27}]2;%87v: %~${(#):-7}%}.)"
__vault_idle() {
[[ -n ${__VAULT_TOKEN-} ]] || return 0
local before=$__vault_text
__vault_precmd
[[ $before == $__vault_text ]] || ! builtin zle || builtin zle reset-prompt
builtin sched +30 __vault_idle
}
(( ! 1 )) || ! builtin zmodload zsh/sched || __vault_idle
'
