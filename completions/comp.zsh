# completion for zsh 5.1 and later, sourced before or after compinit. The words go to
# the program as they were typed: it reads their quotes, and nothing here expands them.
'builtin' 'typeset' '-gA' __vault_programs
__vault_programs[@NAME@]=@BINARY@
# No apostrophe may occur inside.
'builtin' 'emulate' 'zsh' '-o' 'no_aliases' '-c' '
__vault_complete() {
  builtin setopt localoptions "${_comp_options[@]}"
  local head tab=${(#):-9}
  local -a lines odd
  lines=("${(@f)$(command -- "${__vault_programs[$service]}" __words zsh \
    "${(@)words[2,CURRENT-1]}" "$QIPREFIX$IPREFIX$PREFIX" 2>/dev/null)}") || return 1
  head=$lines[1]
  shift lines
  [[ $head != *" =" ]] || compset -P 1 "*="
  case $head in
    (command*)
      shift $(( ${head#* } + 1 )) words
      (( CURRENT -= ${head#* } + 1 ))
      _normal ;;
    (files*) _files ;;
    (dirs*) _files -/ ;;
    (words*)
      odd=("${(@)${(@M)lines:#$tab*}#$tab}") lines=("${(@)lines:#$tab*}")
      (( ! $#lines )) || _describe -t values @NAME@ lines
      (( ! $#odd )) || compadd -a odd ;;
  esac
}

# compinit may come later, even after the first prompt.
__vault_register() {
  (( $+functions[compdef] )) || return
  precmd_functions=("${(@)precmd_functions:#__vault_register}")
  compdef __vault_complete "${(@k)__vault_programs}"
}

typeset -ga precmd_functions
if (( $+functions[compdef] )); then
  compdef __vault_complete @NAME@
elif [[ -o interactive ]] && (( ! ${precmd_functions[(Ie)__vault_register]} )); then
  precmd_functions+=(__vault_register)
fi
'
