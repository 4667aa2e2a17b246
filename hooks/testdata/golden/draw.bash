# shellcheck shell=bash disable=SC2016,SC2034,SC2154
_vdraw=drawn _vshown=-
__vault_style() { _vsty=("$@") _vshown=-; }
_v_ps1() {
builtin local _vrest='' _vs="${_vsty[0]-}"
_vshown=$__vault_text __vault_text1='' __vault_text2='' __vault_text3='' _vc0='' _vc1='' _vc2='' _vtitle=''
_vby=''
if [[ ${STARSHIP_SHELL-} == bash ]] && builtin declare -F starship_precmd >/dev/null; then _vby=starship
elif builtin declare -F _omp_hook >/dev/null; then _vby=omp; fi
if [[ $__vault_text && -z $_vby ]]; then
_vrest=${__vault_text#"${_vlab:-?}"}
__vault_text1="[${__vault_text%"$_vrest"}" __vault_text2=$_vrest __vault_text3=']'
if [[ $_vs ]]; then
case $_vrest in
*' expired'* | *' <1m'* | *' changed!') _vs=${_vsty[2]} ;;
*! | ' '[0-4]m*) _vs=${_vsty[1]} ;;
esac
_vc0=$'\e[0m' _vc1=$'\e[0;'"${_vsty[0]}m" _vc2=$'\e[0;'"${_vs}m"
fi
fi
if ((1)); then
if [[ $__vault_text ]]; then _vtitle=$'\e]2;'"$__vault_text"$'\a'; else builtin printf '\e]2;%s\a' "$PWD"; fi
fi
[[ ${PS1-} == *__vault_text* || $_vby ]] || _v_put
}
_v_put() {
builtin shopt -q promptvars || return 0
builtin local _vp="${PS1-}" _vh='' _vi='' _vk
while :; do
case $_vp in
'\n'*) _vk='\n' ;;
$'\n'*) _vk=$'\n' ;;
'\['*'\]'*) _vk="${_vp%%'\]'*}\\]" ;;
*) break ;;
esac
_vi+=$_vk _vp=${_vp#"$_vk"}
[[ $_vk == '\['* ]] || { _vh+=$_vi _vi=''; }
done
builtin printf -v PS1 %s "$_vh"'\[$_vc1\]$__vault_text1\[$_vc2\]$__vault_text2\[$_vc1\]$__vault_text3\[$_vc0\]${__vault_text3:+ }'"$_vi$_vp"'\[$_vtitle\]' 2>/dev/null || :
}
