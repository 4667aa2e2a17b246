#compdef vault
# completion for zsh 5.1 and later, sourced before or after compinit, or a file _vault in fpath,
# as packages have it, which zsh reads at the first TAB. The words go to
# the program as they were typed: it reads their quotes, and nothing here expands them.
'builtin' 'typeset' '-gA' __vault_programs __vault_tabs
__vault_programs[vault]='vault'

# There can be no apostrophe inside these texts. The first is parsed with default options; it
# runs with those of the completion system, and the function for the key with the user's.
() {
'builtin' 'emulate' '-L' 'zsh' '-o' 'no_aliases'
'builtin' 'eval' '
__vault_complete() {
  local head tab=${(#):-9} program=${__vault_programs[$service]}
  local -a lines odd
  whence -p -- $program >/dev/null || return 1   # a missing one must not call a handler
  lines=("${(@f)$(command -- $program __words zsh \
    "${(@)words[2,CURRENT-1]}" "$QIPREFIX$IPREFIX$PREFIX" 2>/dev/null)}") || return 1
  head=$lines[1]
  shift lines
  # zsh runs a $(...) to complete the files in the directory that it would name
  [[ $head == words* || $IPREFIX$PREFIX != *(\`|\$\()* ]] || return 1
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
      (( ! $#lines )) || _describe -t values $service lines
      (( ! $#odd )) || compadd -a odd ;;
  esac
}

# TAB runs a $(...) under the cursor before it asks a completion function, and so does the
# completer _expand; not on lines of the program.
__vault_tab() {
  if __vault_line; then builtin zle complete-word; else builtin zle __vault-${__vault_tabs[$WIDGET]:-expand-or-complete}; fi
}
'
}

'builtin' 'emulate' 'zsh' '-o' 'no_aliases' '-c' '
__vault_line() {
  local name
  for name in "${(@k)__vault_programs}"; do
    [[ " $LBUFFER" != *[^[:alnum:]_-]${name}[[:space:]]* ]] || return 0
  done
  return 1
}

__vault_autoloaded() { case " ${funcstack[*]-} " in (*" _vault "*) return 0 ;; esac; return 1 }

# compinit may come later, even after the first prompt.
__vault_register() {
  whence compdef >/dev/null || return 0
  precmd_functions=("${(@)precmd_functions:#__vault_register}")
  compdef __vault_complete "${(@k)__vault_programs}"
  # also the copies that other tools, such as fzf-tab, have made
  local kind name
  for kind in expand-or-complete expand-or-complete-prefix menu-expand-or-complete; do
    for name in ${(k)widgets[(R)completion:.$kind:*]}; do
      [[ $name != __vault-* ]] || continue
      __vault_tabs[$name]=$kind
      zle -A $name __vault-$kind && zle -N $name __vault_tab
    done
  done
  if (( $+functions[_expand] && ! $+functions[__vault_expand] )) && autoload +X _expand; then
    functions[__vault_expand]=$functions[_expand]
    _expand() { ! __vault_line || return 1; __vault_expand "$@" }
  fi
}

if [[ -o interactive ]]; then
  typeset -ga precmd_functions
  precmd_functions=("${(@)precmd_functions:#__vault_register}" __vault_register)
  __vault_register
fi
'
if __vault_autoloaded; then __vault_complete "$@"; fi
